"""Lazy batched gradients.

The input of a gradient is frozen when it is asked for; its value is needed only when its compute time is
over. So requests are stored, and the first whose value is missing is evaluated together with others that are
outstanding, in one batched call: the trajectory is that of one-by-one evaluation, to rounding.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from rfast_bench.problems import Problem


class Request:
    """A gradient that was asked for; `value` once it is known. One object is one request at a time."""

    __slots__ = ("at", "batch", "number", "value")  # side by side: a batch of gradients looks at nothing else

    number: int
    at: Any
    batch: Any
    value: Any


class LazyGradients:
    """Outstanding requests, evaluated in batches of at most `largest` (None: as many as stay in cache)."""

    def __init__(self, problem: Problem, largest: int | None = None) -> None:
        self._problem = problem
        self.pending: dict[Request, None] = {}
        """Whoever asks puts itself here, with no value."""
        fitting = max(1, problem.batch_bytes // max(1, problem.gradient_bytes))
        self.largest = largest or min(problem.largest_batch, fitting)

    def evaluate(self, first: Request) -> Any:
        """The gradient of a request that has no value yet; those that were asked with it get theirs too."""
        pending, problem = self.pending, self._problem
        del pending[first]
        batch = [first, *islice(pending, self.largest - 1)]
        points = problem.stack([r.at for r in batch])
        values = problem.gradients([r.number for r in batch], points, [r.batch for r in batch])
        for request, value in zip(batch, problem.split(values), strict=True):
            request.value = value
            pending.pop(request, None)
        return first.value
