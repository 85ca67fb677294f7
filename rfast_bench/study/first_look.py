"""Before a run of a method of the user's own: the quickest trials of `rfast-bench check`, as cautions of its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rfast_bench.breaches.lines import is_own
from rfast_bench.conformance.check import look
from rfast_bench.plan.parameters import STEP
from rfast_bench.plan.runs import Run

Cautions = tuple[dict[str, str], ...]


def cautions(runs: Sequence[Run]) -> list[Cautions]:
    """What is to be said of each run's method: each is tried once with the parameters it has, which takes a second."""
    known: dict[tuple[type, str], Cautions] = {}
    return [_of(run, known) for run in runs]


def _of(run: Run, known: dict[tuple[type, str], Cautions]) -> Cautions:
    kind = run.algorithm_class
    if not is_own(kind):
        return ()
    given = {name: value for name, value in run.algorithm.parameters.items() if name != STEP}
    key = kind, json.dumps(given, sort_keys=True, default=repr)
    if key not in known:
        found = look(kind, given)
        known[key] = tuple({"short": f"breaks rule {one.rule.name}", "told": str(one)} for one in found)
    return known[key]
