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
    """A gradient that was asked for; `value` once it is known."""

    __slots__ = ("at", "batch", "value", "worker")

    def __init__(self, worker: int, at: Any, batch: Any) -> None:
        self.worker = worker
        self.at = at
        self.batch = batch
        self.value: Any = None


class LazyGradients:
    """Outstanding requests, evaluated in batches of at most `largest` (None: as many as stay in cache)."""

    def __init__(self, problem: Problem, largest: int | None = None) -> None:
        self._problem = problem
        self._pending: dict[Request, None] = {}
        fitting = max(1, problem.batch_bytes // max(1, problem.gradient_bytes))
        self._largest = largest or min(problem.largest_batch, fitting)

    def ask(self, request: Request) -> None:
        self._pending[request] = None

    def value(self, request: Request) -> Any:
        """The gradient; evaluates a batch when it is not known yet."""
        if request.value is None:
            self._evaluate(request)
        return request.value

    def _evaluate(self, first: Request) -> None:
        pending = self._pending
        del pending[first]
        batch = [first, *islice(pending, self._largest - 1)]
        problem = self._problem
        points = problem.stack([r.at for r in batch])
        values = problem.gradients([r.worker for r in batch], points, [r.batch for r in batch])
        for request, value in zip(batch, problem.split(values), strict=True):
            request.value = value
            pending.pop(request, None)
