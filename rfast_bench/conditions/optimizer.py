"""The worker's own optimiser: what is done to a gradient before its algorithm gets it, and the schedule of its step.

The filter is `torch.optim.SGD`'s arithmetic in its order: with the raw gradient g at the point x,

    g ← g + λ x                     weight decay λ
    g ← g · min(1, c/‖g‖)           clipping at c
    m ← β m + g                     momentum β; m = 0 at first, no dampening
    u = g + β m  or  u = m          Nesterov, or heavy ball

and u is what the algorithm gets. The schedule multiplies the step size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.optimizer import OptimizerSpec, ScheduleSpec

Number = Callable[[float], Any]
"""The form of a number that multiplies a vector."""


class GradientFilter:
    """One worker's filter. Uses + - * and a norm only; changes no array that it was given or has handed over."""

    __slots__ = ("_beta", "_clip", "_decay", "_nesterov", "m")

    def __init__(self, spec: OptimizerSpec, number: Number = float) -> None:
        self.m: Any = 0.0
        """The momentum buffer, shape (d,); 0 before the first gradient."""
        self._beta = number(spec.momentum) if spec.momentum else None
        self._decay = number(spec.weight_decay) if spec.weight_decay else None
        self._clip, self._nesterov = spec.clip, spec.nesterov

    def __call__(self, g: Any, at: Any) -> Any:
        """u, shape (d,), for the gradient g at the point `at`."""
        if self._decay is not None:
            g = g + self._decay * at
        if self._clip is not None:
            size = norm(g)
            if size > self._clip:
                g = g * (self._clip / size)
        if self._beta is None:
            return g
        self.m = m = self._beta * self.m + g
        return g + self._beta * m if self._nesterov else m


def norm(vector: Any) -> float:
    """Euclidean, of an array, a tensor or a number."""
    return math.sqrt(float((vector * vector).sum())) if hasattr(vector, "sum") else abs(float(vector))


# ---------------------------------------------------------------------------------------------- schedule
def factor_of(spec: ScheduleSpec) -> Callable[[float], float]:
    """The factor of the step size at a position: epochs, or seconds, from the start of the run."""
    if spec.points:
        return _along([*spec.points])
    if spec.one_cycle is not None:
        cycle = spec.one_cycle
        peak = cycle.rise * cycle.until
        up, down = _half_cosine(0.0, peak, cycle.start, 1.0), _half_cosine(peak, cycle.until, 1.0, cycle.to)
        return lambda t: up(t) if t < peak else down(t)
    warmup = spec.warmup or 0.0
    rise = _along([(0.0, spec.warmup_from), (warmup, 1.0)]) if warmup else None
    fall = _falling(spec, warmup)
    return lambda t: rise(t) if rise is not None and t < warmup else fall(t)


def _falling(spec: ScheduleSpec, warmup: float) -> Callable[[float], float]:
    """What comes after the warm-up."""
    if spec.cosine is not None:
        return _half_cosine(warmup, spec.cosine.until, 1.0, spec.cosine.to)
    epochs = [epoch for epoch, _ in spec.drops]
    factors = [1.0, *accumulate((drop for _, drop in spec.drops), lambda a, b: a * b)]
    return lambda t: factors[sum(epoch <= t for epoch in epochs)]


def _half_cosine(begin: float, end: float, first: float, last: float) -> Callable[[float], float]:
    """From `first` at `begin` to `last` at `end` and on."""

    def value(t: float) -> float:
        if t >= end:
            return last
        return last + (first - last) * (1 + math.cos(math.pi * max(0.0, t - begin) / (end - begin))) / 2

    return value


def _along(points: list[tuple[float, float]]) -> Callable[[float], float]:
    """Straight lines between points in order of position; constant outside."""

    def value(t: float) -> float:
        after = next((k for k, (position, _) in enumerate(points) if position > t), None)
        if after is None or after == 0:
            return points[0 if after == 0 else -1][1]
        (begin, first), (end, last) = points[after - 1], points[after]
        return first + (last - first) * (t - begin) / (end - begin)

    return value


class ScheduledStep:
    """One worker's step size: the base value times the schedule's factor."""

    __slots__ = ("_base", "_factor", "_factor_at", "_number", "_step")

    def __init__(self, spec: ScheduleSpec, base: float, number: Number = float) -> None:
        self._base, self._number = base, number
        self._factor_at = factor_of(spec)
        self._factor, self._step = math.nan, number(base)

    def put(self, algorithm: Any, position: float) -> None:
        """Set the algorithm's step size for a position of the run."""
        factor = self._factor_at(position)
        if factor != self._factor:
            self._factor, self._step = factor, self._number(self._base * factor)
        algorithm.step_size = self._step


def base_step(algorithm: Any) -> float:
    """The step size that an algorithm was built with. Raises UserError where the driver could not change it."""
    if "step_size" not in vars(algorithm):
        raise UserError(
            f"schedule: {type(algorithm).__name__} keeps its step under another name than self.step_size, "
            "where the driver would change it; rename it, or give its entry 'schedule: constant'"
        )
    return float(algorithm.step_size)


class Rounds:
    """Samples of all workers after so many rounds of a synchronous method.

    In such a method all workers must change the step in the same round, or models that are one would part for ever.
    So a worker counts rounds and not what it knows of the others; how large everybody's mini-batches are is drawn
    again from the streams that draw them.
    """

    def __init__(self, sizes: list[Callable[[], int]]) -> None:
        """`sizes`: for every worker, the samples of its next mini-batch."""
        self._sizes = sizes
        self._done = [0]

    def samples(self, rounds: int) -> int:
        """Of all workers, after that many gradients of each."""
        while len(self._done) <= rounds:
            self._done.append(self._done[-1] + sum(size() for size in self._sizes))
        return self._done[rounds]
