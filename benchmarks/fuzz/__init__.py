"""Does any input end a reader otherwise than by being read, or by one message?

    python -m benchmarks.fuzz [--inputs 20000] [--seed 0] [--only FAMILY] [--keep FOLDER]

Inputs are made from a seed: bytes of right files that are changed, cut and doubled; values of right files replaced by
hostile ones (huge, negative, no number, of another type, nested, long); texts that a small grammar makes. Each is read
in a process of its own kind (`boxed.py`), which may take 1 GiB more than it has, and 2 s.

    scenarios.py   scenario files and what --set says, system profiles      samples.py   data sets, lists of rows
    traces.py      times, links, absences from files                        graphs.py    edge lists, matrices, GraphML
    records.py     the folders of runs: what `table`, `plot`, `report` and `compare` read

Coverage may guide the bytes instead, where `atheris` is installed, which is no dependency of the suite (3.0.0 installs
from PyPI on Python 3.11): `python -m benchmarks.fuzz.guided [atheris' own options]`.
"""
