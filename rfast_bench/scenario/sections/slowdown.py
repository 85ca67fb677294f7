"""How fast a worker works at each moment: its slow and normal phases, and what work takes in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class Phases:
    """Alternating slow and normal phases; `lengths(k)` draws the next k pairs (slow, normal) in seconds."""

    def __init__(self, first: float, lengths: Any) -> None:
        self._lengths = lengths
        self._changes = np.array([first])

    def at(self, time: float) -> tuple[bool, float]:
        """Whether it is slow at `time`, and when that changes."""
        while self._changes[-1] <= time:
            more = self._changes[-1] + np.cumsum(self._lengths(64))
            self._changes = np.concatenate([self._changes, more])
        k = int(np.searchsorted(self._changes, time, side="right"))
        return k % 2 == 1, float(self._changes[k])


class Slowdown:
    """How fast one worker works: the product of its stragglers' slowdowns at each moment."""

    __slots__ = ("_phased", "factor", "steady")

    def __init__(self, stragglers: list[tuple[float, Phases | None]]) -> None:
        self.factor = math.prod(slowdown for slowdown, phases in stragglers if phases is None)
        self._phased = [(slowdown, phases) for slowdown, phases in stragglers if phases is not None]
        self.steady = not self._phased  # then a piece of work takes its seconds times the factor

    def finish(self, start: float, work: float) -> float:
        """When a piece of work of `work` seconds at full speed, begun at `start`, is done."""
        if not self._phased:
            return start + work * self.factor
        while True:
            factor, change = self._now(start)
            if start + work * factor <= change:
                return start + work * factor
            work -= (change - start) / factor
            start = change

    def done(self, start: float, end: float) -> float:
        """Seconds of work at full speed that are done between two moments."""
        work = 0.0
        while True:
            factor, change = self._now(start)
            if end <= change:
                return work + (end - start) / factor
            work, start = work + (change - start) / factor, change

    def _now(self, time: float) -> tuple[float, float]:
        factor, change = self.factor, math.inf
        for slowdown, phases in self._phased:
            slow, until = phases.at(time)
            factor *= slowdown if slow else 1.0
            change = min(change, until)
        return factor, change
