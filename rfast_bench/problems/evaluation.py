"""What is measured of the workers' models at one moment; the same in both worlds, and never timed.

The mean model is evaluated, which is that of all workers or of those that the method names, and the own models of the
workers that are judged: their median and their worst.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.problems import Problem, Reference, evaluated_on, reference
from rfast_bench.problems.base import Array, on_host
from rfast_bench.scenario.values.metrics import larger_is_better, number

DIVERGED_AT = 1000.0
"""A run has diverged when the loss at its mean model is this many times that of the start, or not finite; and when any
worker's model is not. Where that of the start is not above 0, the loss may rise by as many times its size, or by so
much if that is more."""
BLOCK = 2**20
"""Bytes of models that are looked at together."""

Row = Mapping[str, float]
"""A moment of a run: its time (s), its epoch, and where it is known already what was measured then."""
Where = Callable[[], tuple[float, Row]]
"""How far a run is right now: the share of it that is done, and the moment."""


class Watcher:
    """Who is told of a run as it goes; this one looks away. Nothing that a watcher does may change the run."""

    def begin(self, where: Where) -> None:
        """The run starts. `where` may be called at any time and from any thread, and costs the run nothing."""

    def look(self, share: float, row: Row) -> None:
        """So much of the run is done, and this is the newest moment; a whole row of `curves.csv` where models were
        measured."""


NOBODY = Watcher()


@dataclass(frozen=True)
class Divergence:
    """How a run was seen to have diverged, at a look: whose models were not finite then, maybe nobody's."""

    time: float
    """Seconds of the run."""
    workers: Sequence[int]
    """Ascending."""
    loss: float
    """At the mean model."""

    @property
    def told(self) -> str:
        """`worker 3's model is not finite at 12.4 s`: the first by number, and how many more there were by then."""
        at = f"at {self.time:.3g} s"
        if self.workers:
            first, *more = self.workers
            others = (
                f", nor are those of {len(more)} more"
                if len(more) > 1
                else f", nor is worker {more[0]}'s"
                if more
                else ""
            )
            return f"worker {first}'s model is not finite {at}{others}"
        if not math.isfinite(self.loss):
            return f"the loss of the mean model is not finite {at}, though all models are"
        return f"the loss of the mean model is {self.loss:.3g} {at}, above {DIVERGED_AT:g} times that of the start"

    def plain(self) -> dict[str, float | list[int]]:
        """As a manifest has it."""
        return {"time": self.time, "workers": list(self.workers)}


class Evaluator:
    """Measures models against one problem. `reference` is its optimum, when it has a known one."""

    def __init__(
        self,
        problem: Problem,
        reference: Reference | None,
        keep: bool = False,
        device: str = "cpu",
        judged: Sequence[int] = (),
        named: Sequence[int] = (),
        local: bool = False,
        mean_of: Sequence[int] = (),
    ) -> None:
        """`keep`: have the mean model of the last look in `mean`. `device`: where a network is evaluated, which is
        not touched before the first look. `judged`: the workers whose own models count for the median and the worst;
        `named`: those that have columns of their own; `local`: the mean of the judged workers' accuracies too.
        `mean_of`: the workers that the mean model is of, while any of them is there; else all."""
        self._host, self._device = problem, device
        self._keep, self.mean = keep, problem.start
        self._judged, self._named, self._mean_of_own = judged, named, local
        self._mean_of = mean_of
        self._optimum = None if reference is None else reference.loss
        self._start_loss = problem.loss(problem.start)
        self._alone: dict[frozenset[int], tuple[Problem, float] | None] = {}
        self._astray: Sequence[int] = ()

    @cached_property
    def problem(self) -> Problem:
        """What models are measured by."""
        return evaluated_on(self._host, self._device)

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        """Objective, accuracy, disagreement and invariant, of the workers that are there. Losses are of the pooled
        objective f.

        loss, gap, accuracy, gradient_norm: at the mean model; consensus: root mean square distance to it; residual:
        largest coordinate of what the invariant leaves. loss_worst, loss_median and so on: over the judged workers'
        own models. local_accuracy: the mean of their accuracies, where asked for.
        """
        models = {k: on_host(algorithm.model) for k, algorithm in algorithms.items()}
        everyone = list(models.values())
        self._astray = sorted(k for k, model in models.items() if not finite(model))
        chosen = [models[k] for k in self._mean_of if k in models] or everyone
        mean = sum(block.sum(axis=0) for block in blocks(chosen)) / len(chosen)
        self.mean = mean if self._keep else self._host.start
        distances = np.concatenate([np.linalg.norm(block - mean, axis=1) for block in blocks(everyone)])
        loss, gradient_norm, accuracy = self._at(mean)
        parts = list(algorithms.values())
        residual = type(parts[0]).residual(parts)
        own = self._own(models)
        return {
            "loss": loss,
            "loss_worst": own.pop("loss_worst", math.nan),
            "gap": self._gap(loss),
            "accuracy": accuracy,
            "consensus": float(np.sqrt(np.mean(distances**2))),
            "gradient_norm": gradient_norm,
            "residual": math.nan if residual is None else largest(residual),
            **own,
        }

    def _at(self, mean: Array) -> tuple[float, float, float]:
        """Loss, length of the gradient and accuracy. A problem is never asked about a model that is not finite."""
        if not finite(mean):
            return math.nan, math.nan, math.nan
        loss, gradient = self.problem.objective(mean)
        return loss, float(np.linalg.norm(gradient)), self.problem.accuracy(mean)

    def _gap(self, loss: float) -> float:
        return math.nan if self._optimum is None else loss - self._optimum

    def gap_of(self, sides: Collection[frozenset[int]], algorithms: Mapping[int, Algorithm]) -> float:
        """How far workers that are among themselves are from the optimum of their own objective, the mean of their f_i:
        at the mean of each side's models, and of several sides the worst; nan where that optimum is not known."""
        gaps = [self._gap_of(side & set(algorithms), algorithms) for side in sides]
        return max((gap for gap in gaps if gap is not None), default=math.nan)

    def _gap_of(self, side: frozenset[int], algorithms: Mapping[int, Algorithm]) -> float | None:
        if not side:
            return None
        if side not in self._alone:
            problem = self._host.of_some(sorted(side))
            optimum = None if problem is None else reference(problem)
            self._alone[side] = None if problem is None or optimum is None else (problem, optimum.loss)
        if (alone := self._alone[side]) is None:
            return None
        models = [on_host(algorithms[k].model) for k in sorted(side)]
        mean = sum(block.sum(axis=0) for block in blocks(models)) / len(models)
        return alone[0].loss(mean) - alone[1] if finite(mean) else math.nan

    def _own(self, models: Mapping[int, Array]) -> dict[str, float]:
        """What is measured of the workers' own models: each of them is looked at once."""
        there = [k for k in dict.fromkeys([*self._judged, *self._named]) if k in models]
        asked = {k: models[k] for k in there if k not in self._astray}
        losses = dict.fromkeys(there, math.nan)
        losses |= zip(asked, self.problem.losses(list(asked.values())) if asked else (), strict=True)
        scores = {k: self.problem.accuracy(asked[k]) if k in asked else math.nan for k in there}
        judged = [k for k in self._judged if k in there]
        own = self._together([losses[k] for k in judged], [scores[k] for k in judged]) if self._judged else {}
        for k in self._named:
            loss = losses.get(k, math.nan)
            each = {"loss": loss, "gap": self._gap(loss), "accuracy": scores.get(k, math.nan)}
            own |= {number(metric, f"worker {k}"): value for metric, value in each.items()}
        return own

    def _together(self, losses: Sequence[float], scores: Sequence[float]) -> dict[str, float]:
        losses, scores = losses or [math.nan], scores or [math.nan]  # of nobody, where all of them are down
        worst, median = max(losses, key=_beyond), float(np.median(losses))
        own = {
            **{"loss_worst": worst, "loss_median": median},
            **{"gap_worst": self._gap(worst), "gap_median": self._gap(median)},
            **{"accuracy_worst": float(np.min(scores)), "accuracy_median": float(np.median(scores))},
        }
        return own | ({"local_accuracy": sum(scores) / len(scores)} if self._mean_of_own else {})

    def divergence(self, row: Row) -> Divergence | None:
        """Whether the models of the last look, of which the row is, are beyond use."""
        start = self._start_loss
        most = DIVERGED_AT * start if start > 0 else start + DIVERGED_AT * max(1.0, -start)
        if not self._astray and row["loss"] <= most:
            return None
        return Divergence(row["time"], self._astray, row["loss"])


def _beyond(loss: float) -> float:
    """What is no number is worse than any."""
    return math.inf if math.isnan(loss) else loss


def blocks(models: Sequence[Array]) -> Iterator[Array]:
    """Models as rows, as many at a time as stay in cache: no second copy of all of them."""
    rows = max(1, BLOCK // models[0].nbytes)
    for first in range(0, len(models), rows):
        yield np.array(models[first : first + rows])


def finite(model: Array) -> bool:
    """Whether all its numbers are. A finite sum is proof, without a copy of the model."""
    return math.isfinite(float(model.sum())) or bool(np.isfinite(model).all())


def largest(vector: Any) -> float:
    """Largest absolute value of an array, tensor or number."""
    return float(np.max(np.abs(on_host(vector))))


def reached(row: dict[str, float], metric: str, value: float) -> bool:
    """Whether a measured row meets a target: accuracy from below, losses and gaps from above."""
    return row[metric] >= value if larger_is_better(metric) else row[metric] <= value
