"""The command line: one file a command, in which there are options and a call (`join.py` has a rank's protocol too).

Takes: what the user typed.
Gives: what is printed, and the exit code: 0; that of a UserError, which `errors.py` turns into a message: 2 for bad
    input, 1 for runs that failed; 1 where a topology is unsound, 130 when interrupted; of `join`, 3 when the store is
    gone and 128 + the signal that ends it.
May import: report, figures, trace, conformance, study, analysis, real, records, plan, topology, scenario, and the
    contract (`api`, `errors`, `files`).

`commands.py` names them all; each is imported when it is used, which `lazy.py` sees to.
"""
