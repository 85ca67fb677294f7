"""rfast-bench: asynchronous decentralised SGD under one clock. Read `rfast_bench.api` first.

From Python: `rfast_bench.run(scenario)` and `rfast_bench.load(folder)` give a `Study`; see docs/python.md.

The rooms, from the roof down; imports only ever point down. Each says in its `__init__.py` what it takes and gives.

    cli, public                  commands; what Python code may call
    report                       a page of records
    figures, trace               drawings; Perfetto
    study                        runs done: one, sweeps, tuning
    analysis                     records into numbers
    sim, real                    the two worlds
    records                      what a run leaves on disk
    plan                         a scenario's runs; algorithms by name
    conditions                   what workers meet in either world
    problems                     what is optimised
    topology                     graphs, weights, the common root
    scenario, processes          what a file may say; how children start
    api, errors, files           the contract of algorithms; what all use
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rfast_bench import topology as topology
    from rfast_bench.errors import UserError as UserError
    from rfast_bench.public.running import run as run
    from rfast_bench.public.study import Study as Study
    from rfast_bench.public.study import load as load
    from rfast_bench.scenario.schema import Scenario as Scenario
    from rfast_bench.study.sweep import RunsFailed as RunsFailed

_OFFERED = {
    "run": "rfast_bench.public.running",
    "load": "rfast_bench.public.study",
    "Study": "rfast_bench.public.study",
    "Scenario": "rfast_bench.scenario.schema",
    "UserError": "rfast_bench.errors",
    "RunsFailed": "rfast_bench.study.sweep",
}
"""By module; each is imported when it is asked for, so that `import rfast_bench` takes no time."""
__all__ = [*_OFFERED]


def __getattr__(name: str) -> Any:
    if name == "topology":
        return importlib.import_module("rfast_bench.topology")
    if name not in _OFFERED:
        raise AttributeError(f"module 'rfast_bench' has no attribute '{name}'")
    return getattr(importlib.import_module(_OFFERED[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_OFFERED])
