"""Both worlds in miniature: short runs under rough conditions, a death and a return for who says that it bears them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import of_error
from rfast_bench.conformance.trials import Method
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Point, Run, with_parameters
from rfast_bench.scenario.reading import validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.user_files.modules import MISTAKES
from rfast_bench.study.run import perform

ROUGH: Mapping[str, Any] = {
    "name": "check",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 3, "heterogeneity": 0.5},
    "compute": {"kind": "lognormal", "mean": "1 s", "sigma": 0.5},
    "network": {"latency": {"kind": "exponential", "mean": "0.3 s"}, "loss": 0.2},
    "stragglers": [{"worker": 1, "slowdown": 4}],
    "stop": {"time": "120 s"},
    "evaluate": {"every": "5 s"},
}
DEATH: Mapping[str, Any] = {
    "workers": 5,
    "network": {"latency": "0.2 s", "loss": 0.2, "silence_timeout": "12 s"},
    "faults": [{"worker": 4, "down": "60 s", "up": "150 s", "state": "empty"}],
    "stop": {"time": "250 s"},
}
REAL: Mapping[str, Any] = {
    "world": "real",
    "workers": 2,
    "compute": {"kind": "lognormal", "mean": "2 ms", "sigma": 0.2},
    "network": {"latency": "1 ms", "loss": 0.1},
    "stragglers": [],
    "stop": {"time": "1 s"},
    "evaluate": {"every": "100 ms"},
}
RESIDUAL = 1e-9
"""Of float64, with models and gradients of order 1."""


def simulated(method: Method, name: str) -> None:
    """Under a clock, with latency, losses and a straggler; and with a death and a return, if it is elastic."""
    _played(method, name, "in the simulated world", {})
    if method.kind.elastic and not method.notes.fatal:
        _played(method, name, "where a worker dies and comes back", DEATH)


def real(method: Method, name: str) -> None:
    """On two processes of this machine, for a second."""
    _played(method, name, "on two real processes", REAL)


def _played(method: Method, name: str, where: str, over: Mapping[str, Any]) -> None:
    try:
        run = _run(method, name, over)
        if run.skipped:
            return
        record = perform(run, None)
    except Broken as problem:
        method.notes.add(problem.rule.name, f"{problem.seen}, {where}", problem.line)
        return
    except UserError as problem:
        method.notes.add("exceptions", f"{where}: {problem}")
        return
    except MISTAKES as problem:
        said = f"{type(problem).__name__}: {problem}"
        method.notes.add("exceptions", f"{where}: {said}", of_error(problem, method.kind))
        return
    _judged(method, where, record.manifest, record.frames)


def _run(method: Method, name: str, over: Mapping[str, Any]) -> Run:
    step = float(method.given.get("step_size", 0.02))
    algorithm = {"name": name, **method.given, "step_size": step}
    scenario = validate(Scenario, {**ROUGH, **over, "algorithms": [algorithm]}, "check")
    return Run(Point({}, with_parameters(scenario, "check", None), Path()), 0, 0)


def _judged(method: Method, where: str, manifest: Mapping[str, Any], frames: Mapping[str, Any]) -> None:
    curves = frames["curves"]
    left = curves["residual"].max() if "residual" in curves else 0.0
    if left > RESIDUAL:
        first = curves.time[curves.residual > RESIDUAL].iloc[0]
        method.notes.add("invariant", f"{where} residual is {left:.2g} and not 0, from {first:g} s on")
    if manifest["status"] == "stalled":
        method.notes.add("deadlock", f"{where} nobody could go on: {manifest['reason'] or 'it stalled'}")
