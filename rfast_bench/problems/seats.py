"""A problem of which only some workers hold a shard: those that compute, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rfast_bench.problems.base import Array, Batch, Problem

SAID = ("dim", "samples", "start", "dtype", "convex", "passes", "additive", "note")
COSTS = ("gradient_bytes", "batch_bytes", "largest_batch")


class Seats(Problem):
    """`dealt`, a problem of as many workers as compute, for all of them. f is that of `dealt`."""

    def __init__(self, dealt: Problem, computing: Sequence[int], workers: int) -> None:
        """A worker that does not compute has no shard. Should it ask for a gradient all the same, as a process that
        warms up does, it is one of the first shard."""
        self.dealt, self.computing, self.workers = dealt, computing, workers
        self._seats = [computing.index(i) if i in computing else 0 for i in range(workers)]
        for name in (*SAID, *COSTS):
            setattr(self, name, getattr(dealt, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "dealt":
            raise AttributeError(name)
        return getattr(self.dealt, name)

    # ------------------------------------------------------------------------------------ a worker's own
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """See `Problem`."""
        return self.dealt.sampler(self._seats[worker], rng)

    def size(self, worker: int, batch: Batch) -> int:
        """See `Problem`."""
        return self.dealt.size(self._seats[worker], batch)

    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        """See `Problem`."""
        return self.dealt.gradients([self._seats[i] for i in workers], points, batches)

    def in_parts(
        self, worker: int, x: Array, batch: Batch, parts: Sequence[slice], there: Callable[[Any], None]
    ) -> Array:
        """See `Problem`."""
        return self.dealt.in_parts(self._seats[worker], x, batch, parts, there)

    # ------------------------------------------------------------------------------------------- everybody's
    def objective(self, x: Array) -> tuple[float, Array]:
        """See `Problem`."""
        return self.dealt.objective(x)

    def loss(self, x: Array) -> float:
        """See `Problem`."""
        return self.dealt.loss(x)

    def losses(self, models: Sequence[Array]) -> list[float]:
        """See `Problem`."""
        return self.dealt.losses(models)

    def accuracy(self, x: Array) -> float:
        """See `Problem`."""
        return self.dealt.accuracy(x)

    def reference(self) -> Array | None:
        """See `Problem`."""
        return self.dealt.reference()

    def of_some(self, workers: Sequence[int]) -> Problem | None:
        """See `Problem`: who holds no shard has no objective."""
        holding = [self._seats[i] for i in workers if i in self.computing]
        return self.dealt.of_some(holding) if holding else None

    def parts(self, full: float) -> Sequence[slice] | None:
        """See `Problem`."""
        return self.dealt.parts(full)

    def named(self, x: Array) -> dict[str, Array]:
        """See `Problem`."""
        return self.dealt.named(x)

    def stack(self, points: Sequence[Any]) -> Array:
        """See `Problem`."""
        return self.dealt.stack(points)

    def split(self, values: Array) -> list[Array]:
        """See `Problem`."""
        return self.dealt.split(values)


def seated(dealt: Problem, computing: Sequence[int], workers: int) -> Problem:
    """The same for `workers` workers of whom these compute; `dealt` itself where all do (`computing` is empty)."""
    return Seats(dealt, computing, workers) if computing else dealt


def held(problem: Problem, worker: int) -> int:
    """How many samples a worker has; 0 for one that does not compute."""
    seated_out = isinstance(problem, Seats) and worker not in problem.computing
    return 0 if seated_out else problem.size(worker, None)


def bare(problem: Problem) -> Problem:
    """The problem as it was dealt."""
    return problem.dealt if isinstance(problem, Seats) else problem
