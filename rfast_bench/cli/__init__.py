"""The command line: one file a command, in which there are options, one call, and nothing else.

Takes: what the user typed.
Gives: what is printed, and the exit code: 0; that of a UserError, which `errors.py` turns into a message: 2 for bad
    input, 1 for runs that failed; 1 and 130 where a command says so.
May import: report, figures, trace, study, analysis, real, records, plan, topology, scenario, and the contract
    (`api`, `errors`, `files`).

`commands.py` names them all; each is imported when it is used, which `lazy.py` sees to.
"""
