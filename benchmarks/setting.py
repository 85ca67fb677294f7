"""What the benchmarks of the simulated world have in common: how long a gradient and a message take, and losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rfast_bench.plan.runs import Point, Run, with_parameters
from rfast_bench.scenario.reading import validate
from rfast_bench.scenario.schema import Scenario


def run_of(name: str, **own: Any) -> Run:
    """The first run of a scenario with these keys. Compute times have mean 1 s; 5 % of all messages are lost."""
    raw = {
        "name": name,
        "compute": {"kind": "lognormal", "mean": 1.0, "sigma": 0.2},
        "network": {"latency": {"kind": "lognormal", "mean": 0.1, "sigma": 0.2}, "loss": 0.05},
        **own,
    }
    return Run(Point({}, with_parameters(validate(Scenario, raw, "bench"), "bench", None), Path()), 0, 0)
