"""A gradient that is summed over all workers while the rest of it is still computed.

With emulated compute times all of it is there from the first moment on, and its pieces wait for the moments at which
a backward pass would have them. With measured ones a torch module's pieces are begun by hooks in its backward pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from rfast_bench.api import Buckets, MeanGradient
from rfast_bench.conditions.buckets import count, full, left
from rfast_bench.conditions.payload import size_of
from rfast_bench.problems import Problem
from rfast_bench.real.transport.group import Group
from rfast_bench.real.worker.activities import Work
from rfast_bench.real.worker.compute import Clock, Compute, Measured

Done = Callable[[], float]
"""Tells that all of the gradient is computed; gives the time, in seconds of the run's clock."""


class Summed(NamedTuple):
    """A mean over all workers, and how its pieces came to be: what their way around a ring depends on."""

    mean: Any
    size: int
    """Bytes of the whole."""
    ready: Sequence[float]
    """When this worker had each piece, seconds of the run's clock."""
    weights: Sequence[int]
    """How large the pieces are, in proportion; the same on all workers."""


class Overlap(Protocol):
    """(what is awaited, its point, its batch, whom to tell) to the mean gradient; blocks."""

    def __call__(self, effect: MeanGradient, at: Any, batch: Any, done: Done) -> Summed: ...


class AtOnce:
    """All of the gradient is there before the first of its pieces is begun.

    `scale`: bytes on the wire of a byte; `own`: (gradient, its point) to what the worker's own optimizer makes of it.
    """

    def __init__(self, work: Work, compute: Compute, scale: float, own: Callable[[Any, Any], Any]) -> None:
        self._work, self._compute, self._scale, self._own = work, compute, scale, own

    def __call__(self, effect: MeanGradient, at: Any, batch: Any, done: Done) -> Summed:
        """See `Overlap`."""
        gradient = self._own(self._work.gradient(at, batch), at)
        size, compute = size_of(gradient), self._compute
        pieces = count(effect.buckets, size * self._scale, math.prod(np.shape(gradient)))
        shares = [*left(pieces, effect.forward_share)]
        ready = [math.nan]

        def finish() -> None:
            compute.finish()
            ready[0] = done()

        waits: list[Callable[[], object]] = [
            *(partial(compute.until, share) for share in shares[:-1]),
            finish,
        ]
        mean = self._work.mean(gradient, waits)
        spent = ready[0] - compute.began
        return Summed(mean, size, [ready[0] - share * spent for share in shares], [1] * pieces)


class InBackward:
    """Each piece is begun in the backward pass, as soon as all of its parameters have their gradients."""

    def __init__(
        self, problem: Problem, worker: int, group: Group, compute: Measured, clock: Clock, scale: float
    ) -> None:
        self._problem, self._worker, self._group = problem, worker, group
        self._compute, self._clock, self._scale = compute, clock, scale
        self._parts: dict[Buckets, Sequence[slice]] = {}

    def __call__(self, effect: MeanGradient, at: Any, batch: Any, done: Done) -> Summed:
        """See `Overlap`."""
        parts, ready = self._cut(effect.buckets), []

        def there(piece: Any) -> None:
            self._compute.keep_pace()
            ready.append(self._clock())
            self._group.begin(piece)

        gradient = self._problem.in_parts(self._worker, at, batch, parts, there)
        self._compute.finish()
        ready[-1] = done()
        weights = [part.stop - part.start for part in parts]
        return Summed(self._group.finish(gradient), size_of(gradient), ready, weights)

    def _cut(self, buckets: Buckets) -> Sequence[slice]:
        if buckets not in self._parts:
            problem = self._problem
            wire = problem.dim * problem.dtype.itemsize * self._scale
            parts = problem.parts(full(buckets, wire, problem.dim))
            assert parts is not None
            self._parts[buckets] = parts
        return self._parts[buckets]


def in_backward(
    problem: Problem, worker: int, group: Group, compute: Compute, clock: Clock, scale: float
) -> InBackward | None:
    """Where the backward pass is the true one and has a gradient in parts; else None."""
    if not isinstance(compute, Measured) or problem.parts(math.inf) is None:
        return None
    return InBackward(problem, worker, group, compute, clock, scale)
