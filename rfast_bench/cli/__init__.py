"""The command line: one file a command, in which there are options, one call, and nothing else.

Takes: what the user typed.
Gives: what is printed, and the exit code: 0, 2 for bad input (`errors.py`), 1 and 130 where a command says so.
May import: report, figures, trace, study, analysis, real, records, plan, topology, scenario, and the contract
    (`api`, `errors`, `files`).

`commands.py` names them all; each is imported when it is used, which `lazy.py` sees to.
"""
