"""What several seeds say together: a median and its bootstrap interval, of values that may be censored.

A value is known as `Bounds`: a run that had not reached its target when it ended after 60 s reaches it after
60 s or never, so its time is (60, ∞). One that diverged or stalled never will: (∞, ∞). Nothing is dropped, and
nothing is averaged away: the median of bounds is the pair of the medians of their lower and upper ends, and
so is every end of an interval. Ratios pair the runs of one seed, which met the same conditions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import bootstrap

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 2307_11617
"""Of the resampling: the same records give the same intervals."""
_HUGE = 1e140
"""Stands for infinity while medians and percentiles are taken (its square must exist)."""


@dataclass(frozen=True)
class Bounds:
    """What is known of a number: it is at least `low` and at most `high`."""

    low: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether it is known."""
        return self.low == self.high

    @property
    def known(self) -> bool:
        """Whether anything is known of it that is not true of every positive number."""
        return self.low > 0 or math.isfinite(self.high)


NEVER = Bounds(math.inf, math.inf)


@dataclass(frozen=True)
class Estimate:
    """A median over `count` seeds and the ends of its interval; equal ends when there is one seed."""

    median: Bounds
    lower: Bounds
    upper: Bounds
    count: int


def exactly(value: float) -> Bounds:
    """A number that is known."""
    return Bounds(value, value)


def ratio(above: Bounds, below: Bounds) -> Bounds:
    """Bounds of `above / below`, both positive: (0, ∞) when nothing is known, as of never / never."""
    return Bounds(_quotient(above.low, below.high, 0.0), _quotient(above.high, below.low, math.inf))


def _quotient(above: float, below: float, unknown: float) -> float:
    if above == below and (above == 0 or math.isinf(above)):
        return unknown
    return above / below if below > 0 else math.inf


def estimate(values: Sequence[Bounds]) -> Estimate | None:
    """Median over seeds with its percentile bootstrap interval; None without values.

    With few seeds the interval cannot be as sure as `CONFIDENCE`: see `surest`.
    """
    if not values:
        return None
    low, high = tuple(_finite(v.low) for v in values), tuple(_finite(v.high) for v in values)
    median = Bounds(_restored(float(np.median(low))), _restored(float(np.median(high))))
    if len(values) == 1:
        return Estimate(median, median, median, 1)
    (low_from, low_to), (high_from, high_to) = _interval(low), _interval(high)
    return Estimate(median, Bounds(low_from, high_from), Bounds(low_to, high_to), len(values))


@lru_cache(maxsize=4096)
def _interval(values: tuple[float, ...]) -> tuple[float, float]:
    """Both ends of the percentile bootstrap interval of the median; the resamples depend on the count alone."""
    found = bootstrap(
        (values,),
        np.median,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    middle = float(np.median(values))  # interpolating between equal medians may round a last digit out
    low, high = np.clip(found.low, min(values), middle), np.clip(found.high, middle, max(values))
    return _restored(float(low)), _restored(float(high))


def _finite(value: float) -> float:
    return float(np.clip(value, -_HUGE, _HUGE))


def _restored(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) > 1e-3 * _HUGE else value


def surest(count: int) -> float:
    """The most that any interval within the range of so many values can be sure to hold the true median."""
    return float(1 - 0.5 ** (count - 1))
