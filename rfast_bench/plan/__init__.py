"""From a scenario to its runs: sweep points, parameters, algorithms by name, digests, what cannot run where and why.

Takes: a scenario file.
Gives: `Run`s.
May import: topology, scenario, and the contract (`api`, `errors`, `files`).

No other room knows an algorithm but by what `registry.py` finds.
"""
