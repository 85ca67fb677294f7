"""From measured times to the numbers of a simulated link: no process takes part."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from rfast_bench.conditions.compute_times import slowdown_of
from rfast_bench.real.samples.results import Result
from rfast_bench.scenario.schema import Scenario

Times = NDArray[np.float64]
LONGEST = 1e3
"""Seconds: no hop takes longer."""


@dataclass(frozen=True)
class Line:
    """Seconds of a message: `latency` and bytes / `bandwidth` (bytes per second, maybe infinite)."""

    latency: float
    bandwidth: float


def line(own: tuple[float, float], other: tuple[float, float]) -> Line:
    """The line through two (bytes, seconds). Where the larger took no longer, a constant: what `own` took."""
    (size, took), (more, longer) = sorted((own, other))
    if longer <= took:
        return Line(own[1], math.inf)
    bandwidth = (more - size) / (longer - took)
    return Line(max(0.0, took - size / bandwidth), bandwidth)


# ---------------------------------------------------------------------------------------------- compute
def overheads(results: Sequence[Result]) -> Times:
    """What an iteration of a worker that never waits takes beyond its emulated compute time, seconds.

    That is the overshoot of its sleeps, the algorithm's arithmetic, and messages handed over.
    """
    return np.concatenate([np.diff(r["asked"])[:k] - r["planned"][:k] for r in results for k in [_whole(r)]])


def true_times(results: Sequence[Result]) -> Times:
    """What an iteration of a worker that never waits takes at full speed: its true compute time and the rest."""
    return np.concatenate(
        [r["work"][:k] + (r["asked"][1 : k + 1] - r["done"][:k]) for r in results for k in [_whole(r)]]
    )


def _whole(result: Result) -> int:
    """How many iterations the worker has completed."""
    return min(len(result["asked"]) - 1, len(result["done"]), len(result["work"]))


# ----------------------------------------------------------------------------------------- the all-reduce
def ring_finish(ready: Times, hop: float) -> Times:
    """When each of n workers holds the mean, after 2(n - 1) hops of `hop` seconds (max-plus)."""
    for _ in range(2 * (len(ready) - 1)):
        ready = np.maximum(ready, np.roll(ready, 1) + hop)
    return ready


def ring_period(scenario: Scenario, compute: Times, hop: float) -> float:
    """Seconds a round of the simulated all-reduce, with these compute times at full speed, n a round."""
    seed, n = scenario.first_seed, scenario.workers
    slowdowns = [slowdown_of(scenario, i, seed) for i in range(n)]
    finish = np.zeros(n)
    rounds = len(compute) // n
    for row in compute.reshape(rounds, n):
        ready = [slowdown.finish(start, t) for slowdown, start, t in zip(slowdowns, finish, row, strict=True)]
        finish = ring_finish(np.array(ready), hop)
    return float(finish.mean()) / rounds


def hop_for(period: float, period_of: Callable[[float], float]) -> float:
    """The hop for which the simulated period is the measured one; 0 when it is longer with none at all."""
    if period_of(0.0) >= period:
        return 0.0
    high = period
    while period_of(high) < period and high < LONGEST:
        high *= 2
    return float(brentq(lambda hop: period_of(hop) - period, 0.0, high, xtol=1e-9))


def rounds_of(results: Sequence[Result]) -> tuple[int, float]:
    """How many rounds all workers have completed, and the mean seconds of one."""
    rounds = min(_whole(r) for r in results)
    ends = [float(r["asked"][rounds]) for r in results]
    return rounds, float(np.mean(ends)) / max(1, rounds)
