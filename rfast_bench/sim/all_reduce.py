"""Means over all workers under the simulated clock: who waits for one, and when each of them has it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rfast_bench.api import Activity, MeanGradient
from rfast_bench.conditions.buckets import count, left
from rfast_bench.conditions.payload import size_of
from rfast_bench.scenario.sections.timing import Draws
from rfast_bench.sim.network.node import Network
from rfast_bench.sim.network.ring import Ring
from rfast_bench.sim.worker import Worker


class Backward:
    """Stands for a coroutine that awaits a `MeanGradient` while the gradient is computed; takes it, and is then what
    the coroutine waits for: the mean."""

    __slots__ = ("activity", "began", "effect", "value")

    def __init__(self, activity: Activity, effect: MeanGradient, began: float) -> None:
        self.activity = activity
        self.effect = effect
        self.began = began  # when the gradient was asked for
        self.value: Any = None

    def send(self, gradient: Any) -> Backward:
        """The gradient has been computed."""
        self.value = gradient
        return self


class Part(NamedTuple):
    """What one worker gave: `ready` is when all of it was there, `began` when its first bit may have been."""

    activity: Activity
    worker: Worker
    value: Any
    ready: float
    backward: Backward | None


class AllReduce:
    """The round that is being gathered, and the ring that it will go around."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        """Of those who have asked, until all have."""
        self._ring: Ring | None = None

    def add(self, part: Part, workers: int) -> tuple[list[Part], Any, Draws] | None:
        """When the last worker's part comes: all parts in the workers' order, their mean, and when each has it."""
        self.parts.append(part)
        if len(self.parts) < workers:
            return None
        parts, self.parts = sorted(self.parts, key=lambda p: p.worker.node.id), []
        mean = sum(p.value for p in parts[1:])
        mean = (parts[0].value + mean) / len(parts)
        return parts, mean, self._finish(parts, part.worker.node.network)

    def _finish(self, parts: list[Part], network: Network) -> Draws:
        """When each worker has the mean, shape (n,), seconds: bucket after bucket, each around the same links."""
        ring = self._ring = self._ring or Ring(network)
        size = size_of(parts[0].value)
        wire, models = size * network.scale, size / network.model_size
        ready = np.array([part.ready for part in parts])
        first = parts[0].backward
        if first is None:
            return ring.finish(ready, wire, models)
        spent = ready - np.array([p.ready if p.backward is None else p.backward.began for p in parts])
        pieces = count(first.effect.buckets, wire, math.prod(np.shape(parts[0].value)))
        finish = ready
        for share in left(pieces, first.effect.forward_share):
            bucket = ring.finish(ready - share * spent, wire / pieces, models / pieces)
            finish = np.maximum(finish, bucket)
        return finish
