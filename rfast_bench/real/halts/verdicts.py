"""What is to be said of a method when its run on real processes is over, by what its workers left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.cautions import Facts, cautions
from rfast_bench.breaches.invariant import judged
from rfast_bench.breaches.waits import Ended, from_plain
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem
from rfast_bench.problems.base import on_host
from rfast_bench.problems.seats import held
from rfast_bench.real.halts import waits
from rfast_bench.real.samples.results import Result


@dataclass(frozen=True)
class Verdict:
    """Why the run ended, a word on it, the rule that was broken, and cautions."""

    stopped_by: str
    reason: str
    broken: Broken | None
    cautions: Sequence[Mapping[str, str]]


def verdict(
    run: Run,
    problem: Problem,
    results: Sequence[Result],
    rows: Sequence[Mapping[str, float]],
    stopped_by: str,
    died: str,
) -> Verdict:
    """`rows`: those of `curves.csv`; `died`: who died, in words. Where somebody did, nothing more is said."""
    if died:
        return Verdict(stopped_by, died if stopped_by == "stalled" else "", None, ())
    reports, last = [r.about["waits"] for r in results], rows[-1]
    broken = _invariant(run, problem, reports, last)
    if broken is not None:
        return Verdict(stopped_by, broken.seen, broken, ())
    if stopped_by == "time" and waits.had_halted(reports, last["time"]):
        stopped_by = "stalled"
    if stopped_by != "stalled":
        return Verdict(stopped_by, "", None, _cautions(run, problem, results, rows))
    broken = waits.why(reports)
    since = max(report["last"] for report in reports)
    return Verdict(stopped_by, "" if broken is None else f"at {since:.3g} s: {broken.found}", broken, ())


def _invariant(
    run: Run, problem: Problem, reports: Sequence[Mapping[str, Any]], last: Mapping[str, float]
) -> Broken | None:
    """It is known of the workers' last states only."""
    residual = last["residual"]
    if math.isnan(residual):
        return None
    scale = max(report["scale"] for report in reports)
    kind, size = run.algorithm_class, problem.dtype.itemsize
    return judged(kind, last["time"], residual, scale, len(reports), size, last["iterations_max"])


def _cautions(
    run: Run, problem: Problem, results: Sequence[Result], rows: Sequence[Mapping[str, float]]
) -> Sequence[Mapping[str, str]]:
    start = on_host(problem.start)
    moved = rows[0]["gradient_norm"] == 0 or any(not np.array_equal(r.models[-1], start) for r in results)
    ended = [from_plain(one) for r in results for one in r.about["waits"]["ended"]]
    facts = Facts(
        [len(r["done"]) for r in results],
        [len(r["asked"]) + len(r["wasted_from"]) for r in results],
        [held(problem, r.worker) for r in results],
        int(rows[-1]["messages_sent"]),
        moved,
        [one for one in ended if isinstance(one, Ended)],
    )
    return cautions(run.algorithm_class, facts)
