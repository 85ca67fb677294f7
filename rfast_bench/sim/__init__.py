"""The simulated world: algorithms under a SimPy clock with modelled compute times, links and losses.

Takes: a scenario, an algorithm, a topology, a problem, a seed.
Gives: the tidy tables of one run.
May import: conditions, problems, topology, scenario, breaches, and the contract (`api`, `errors`, `files`).

`world.py` builds all of it, `driver.py` says what each effect costs, `monitor.py` samples and stops; `network/` is
what messages meet.
"""
