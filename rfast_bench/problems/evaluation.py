"""What is measured of the workers' models at one moment; the same in both worlds, and never timed.

Only the mean model and the worker farthest from it are evaluated unless every worker is asked for, which may cost
more than the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.problems import Problem, Reference, evaluated_on
from rfast_bench.problems.base import Array, on_host

DIVERGED_AT = 1000.0
"""A run has diverged when the loss at its mean model is this many times that of the start, or not finite."""
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


class Evaluator:
    """Measures models against one problem. `reference` is its optimum, when it has a known one."""

    def __init__(
        self,
        problem: Problem,
        reference: Reference | None,
        keep: bool = False,
        device: str = "cpu",
        every_worker: bool = False,
    ) -> None:
        """`keep`: have the mean model of the last look in `mean`. `device`: where a network is evaluated, which is
        not touched before the first look. `every_worker`: the accuracy of each worker's own model too."""
        self._host, self._device = problem, device
        self._keep, self.mean = keep, problem.start
        self._every_worker = every_worker
        self._optimum = None if reference is None else reference.loss
        self._start_loss = problem.loss(problem.start)

    @cached_property
    def problem(self) -> Problem:
        """What models are measured by."""
        return evaluated_on(self._host, self._device)

    def measure(self, algorithms: Sequence[Algorithm]) -> dict[str, float]:
        """Objective, accuracy, disagreement and invariant. Losses are of the pooled objective f.

        loss, gradient_norm, accuracy: at the mean model; loss_worst: at the model farthest from it;
        consensus: root mean square distance to it; residual: largest coordinate of what the invariant leaves.
        Of every worker, where asked for: local_accuracy, the mean of their own models' accuracies, and the least.
        """
        models = [on_host(algorithm.model) for algorithm in algorithms]
        mean = sum(block.sum(axis=0) for block in blocks(models)) / len(models)
        self.mean = mean if self._keep else self._host.start
        distances = np.concatenate([np.linalg.norm(block - mean, axis=1) for block in blocks(models)])
        loss, gradient = self.problem.objective(mean)
        worst = self.problem.loss(models[distances.argmax()])
        residual = type(algorithms[0]).residual(algorithms)
        return {
            "loss": loss,
            "loss_worst": worst,
            "gap": math.nan if self._optimum is None else loss - self._optimum,
            "accuracy": self.problem.accuracy(mean),
            "consensus": float(np.sqrt(np.mean(distances**2))),
            "gradient_norm": float(np.linalg.norm(gradient)),
            "residual": math.nan if residual is None else largest(residual),
            **(self._local(models) if self._every_worker else {}),
        }

    def _local(self, models: Sequence[Array]) -> dict[str, float]:
        own = [self.problem.accuracy(model) for model in models]
        return {"local_accuracy": sum(own) / len(own), "local_accuracy_worst": min(own)}

    def has_diverged(self, row: dict[str, float]) -> bool:
        """Whether the mean model is beyond use."""
        return not row["loss"] <= DIVERGED_AT * self._start_loss


def blocks(models: Sequence[Array]) -> Iterator[Array]:
    """Models as rows, as many at a time as stay in cache: no second copy of all of them."""
    rows = max(1, BLOCK // models[0].nbytes)
    for first in range(0, len(models), rows):
        yield np.array(models[first : first + rows])


def largest(vector: Any) -> float:
    """Largest absolute value of an array, tensor or number."""
    return float(np.max(np.abs(on_host(vector))))


def reached(row: dict[str, float], metric: str, value: float) -> bool:
    """Whether a measured row meets a target: accuracy from below, losses and gaps from above."""
    return row[metric] >= value if metric == "accuracy" else row[metric] <= value
