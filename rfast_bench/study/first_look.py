"""Before a run of a method of the user's own: the quickest trials of `rfast-bench check`, as cautions of its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rfast_bench.breaches.lines import is_own
from rfast_bench.conformance.check import look
from rfast_bench.plan.parameters import STEP
from rfast_bench.plan.runs import Run
from rfast_bench.processes.isolated import Died, Living, forked, tidy

Cautions = tuple[dict[str, str], ...]


def cautions(runs: Sequence[Run]) -> list[Cautions]:
    """What is to be said of each run's method: each is tried once with its parameters, in a process of its own."""
    known: dict[tuple[type, str], Cautions] = {}
    with tidy() as living:
        return [_of(run, known, living) for run in runs]


def _of(run: Run, known: dict[tuple[type, str], Cautions], living: Living) -> Cautions:
    kind = run.algorithm_class
    if not is_own(kind):
        return ()
    key = kind, json.dumps(_given(run), sort_keys=True, default=repr)
    if key not in known:
        try:
            known[key] = forked(living, _tried, run)
        except Died:  # so will its run, and that tells it
            known[key] = ()
    return known[key]


def _given(run: Run) -> dict[str, object]:
    return {name: value for name, value in run.algorithm.parameters.items() if name != STEP}


def _tried(run: Run) -> Cautions:
    found = look(run.algorithm_class, _given(run))
    return tuple({"short": f"breaks rule {one.rule.name}", "told": str(one)} for one in found)
