"""A scenario's runs done: `scenario.py` is the main job, `run.py` does one run in either world.

Takes: a scenario file, or planned runs.
Gives: records on disk, and what is printed at the end.
May import: analysis, conformance, sim, real, records, plan, problems, topology, scenario, processes, breaches, and
    the contract (`api`, `errors`, `files`).

`sweep.py` does many, `backends.py` and `cluster.py` say where; `tuning/` finds step sizes first; `memory.py` asks
whether they fit.
"""
