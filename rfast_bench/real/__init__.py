"""The real world: the same algorithms on real processes, one a worker, over a real network.

Takes: a planned run.
Gives: the tidy tables of one run.
May import: records, plan, conditions, problems, topology, scenario, processes, breaches, and the contract (`api`,
    `errors`, `files`).

`world.py` has a run done and `gather.py` evaluates what workers sampled. `launch/` starts them, `worker/` is one of
them, `transport/` is between them; `calibration/` measures this machine for the simulated world.
"""
