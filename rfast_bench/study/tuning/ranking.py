"""How a tuning run is judged: reached before not reached before diverged; the median over the seeds counts, or the
worst.

A run that did not reach the target is neither dropped nor given a time: it ranks after all that did, by its
final value. One that diverged, or whose numbers mean nothing, comes last. Of one that was ended early because it
could no longer be the best, only a bound is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high

from rfast_bench.plan.runs import Run as Planned
from rfast_bench.records.reading import Run
from rfast_bench.scenario.sections.tuning import Objective
from rfast_bench.scenario.values.metrics import larger_is_better, words

REACHED, ENDED, LOST = range(3)


@dataclass(frozen=True, order=True)
class Score:
    """Smaller is better: first by how the run ended, then by its seconds or its final value."""

    ending: int
    value: float
    """Seconds to the target; or the final value, negative when larger is better."""
    beyond: bool = False
    """It was ended early: its true score is worse than these seconds."""

    def words(self, objective: Objective) -> str:
        """`11.5 s`, `not reached, final gap 0.05`, `final gap 0.004` or `diverged`."""
        if self.ending == LOST:
            return "diverged"
        if self.beyond:
            return f"beyond {self.value:.4g} s, ended early"
        if self.ending == REACHED:
            return f"{self.value:.4g} s"
        missed = "not reached, " if objective.target else ""
        return f"{missed}final {words(objective.number)} {abs(self.value):.3g}"


def score(run: Run, objective: Objective, limit: float = math.inf) -> Score:
    """One run's score; the records are read from disk. `limit`: after so many seconds it was ended early."""
    curves = run.curves()
    if not run.valid or curves.empty:
        return Score(LOST, 0.0)
    if objective.target is not None:
        time = run.time_to(*objective.target)
        if time <= limit:
            return Score(REACHED, time)
        if limit < math.inf and run.stopped_by in ("time", "target"):
            return Score(REACHED, limit, beyond=True)
    final = float(curves[objective.number].iloc[-1])
    if not math.isfinite(final):
        return Score(LOST, 0.0)
    return Score(ENDED, -final if larger_is_better(objective.number) else final)


def middle(scores: Sequence[Score]) -> Score:
    """The median; of an even number the worse of the middle two, for seconds and losses have no mean."""
    return median_high(scores)


def counting(scores: Sequence[Score], objective: Objective) -> Score:
    """The score that stands for a candidate: that of the median seed, or of the worst."""
    return max(scores) if objective.seed == "worst" else middle(scores)


def undecided(candidates: Sequence[Sequence[Score]], objective: Objective) -> list[int]:
    """Positions of candidates with bounds that must be known exactly, for they tie with another for the best."""
    counted = [counting(scores, objective) for scores in candidates]
    first = [k for k, one in enumerate(counted) if one == min(counted)]
    return [k for k in first if len(first) > 1 and any(score.beyond for score in candidates[k])]


def best(candidates: Sequence[Sequence[Score]], objective: Objective) -> int:
    """Position of the best candidate, each given by its scores over the seeds.

    By the seed that counts; among equals by the worst seed, then the next worst, then the one that comes first.
    """

    def rank(k: int) -> tuple[Score, list[Score], int]:
        return counting(candidates[k], objective), sorted(candidates[k], reverse=True), k

    return min(range(len(candidates)), key=rank)


def flaw_of(run: Planned) -> str:
    """Why a method cannot run with the values of a planned run, if it says so."""
    return run.algorithm_class.flaw(run.scenario.workers, run.algorithm.parameters)
