"""The ring all-reduce: finishing times by a max-plus recursion over the links, the same in either world.

2(n-1) steps, each passing 1/n of the vector to the next worker. A worker's chunk leaves when it has finished
the previous step and its outgoing link is free; it finishes a step when its left neighbour's chunk is in. One
step is a few operations on vectors of length n, not n events; latencies and losses are drawn for many steps at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rfast_bench.conditions import lognormal_table
from rfast_bench.conditions.faults.ring import RingFaults
from rfast_bench.conditions.links import LossDraws
from rfast_bench.conditions.outgoing import MOST_TRIES
from rfast_bench.conditions.randomness.seeds import Streams, stream
from rfast_bench.scenario.sections.losses import Independent, mean_endurance
from rfast_bench.scenario.sections.network import LinkSpec, NetworkSpec
from rfast_bench.scenario.sections.timing import Constant, Draws, Lognormal

BLOCK = 2**15
"""Draws at a time: enough that a call's cost does not show, few enough to stay in cache."""
LARGE = 257
"""Workers from which on lognormal latencies come from a table: the 2 n² draws of a round take most of its time."""
RARE = 0.01
"""Losses of a chunk rarer than this are drawn as the distances between them."""
Tries = NDArray[np.int64] | None
"""How many tries each link's chunk needed, shape (n,); None where one was enough for all."""


class Round(NamedTuple):
    """What a round came to, for each worker, shape (n,)."""

    done: Draws
    """When it has the sum, seconds; infinite over a link that is down."""
    free: Draws
    """When its outgoing link is free again, seconds."""
    tries: NDArray[np.int64]
    """How many chunks it sent, with those sent again."""
    inlets: Draws
    """When its inlet is free again, seconds."""


class Ring:
    """The links i -> i+1 and what a round over them takes. Its draws go on from round to round."""

    def __init__(self, spec: NetworkSpec, seed: int, workers: int, faults: RingFaults | None = None) -> None:
        self._faults = faults or None
        specs = [spec.hop(i, (i + 1) % workers) for i in range(workers)]
        self._n = workers
        self._timeout = spec.retransmit_timeout
        self._bandwidth = np.array([s.bandwidth for s in specs])
        self._receive = spec.receive_bandwidth
        self._latency = ring_latency(spec, specs, seed)
        self._loss = RingLoss(specs, seed)

    @property
    def chunks(self) -> int:
        """How many each worker sends in a round, if none is lost."""
        return 2 * (self._n - 1)

    def round(
        self, ready: Draws, free: Draws, size: float, models: float, inlets: Draws | None = None
    ) -> Round:
        """The next round, of workers that are `ready`, and whose links and `inlets` are `free` at these seconds,
        shapes (n,); inlets are free from the start where none are given.

        `size` is the whole vector's bytes and `models` its size in models.
        """
        n, steps = self._n, self.chunks
        ready, free = ready.astype(float), free.astype(float)
        tries_made = np.full(n, steps)
        inlets = np.full(n, -np.inf) if inlets is None else inlets.astype(float)
        if n == 1:
            return Round(ready, free, tries_made, inlets)
        transmission = size / n / self._bandwidth
        arrival = np.empty(n + 1)
        # a link's chunk comes to the next worker; the last one's to the first
        sent, come = arrival[1:], arrival[:n]
        for latency, tries in zip(self._latencies(steps), self._loss.tries(models / n, steps), strict=True):
            np.maximum(ready, free, out=free)  # when the chunks leave
            if self._faults is not None:
                self._faults.hold(free)
            if tries is None:
                free += transmission
                np.add(free, latency, out=sent)
            else:
                again = (tries - 1) * self._again(latency, transmission)
                np.add(free + again + transmission, latency, out=sent)
                free += tries * transmission
                tries_made += tries - 1
            if self._faults is not None:
                pauses = np.broadcast_to(self._again(latency, transmission), n)
                tries_made += self._faults.despite(sent, free, transmission, latency, pauses)
            arrival[0] = arrival[n]
            if self._receive is not None:
                _enter(come, transmission, inlets, size / n / self._receive)
            np.maximum(ready, come, out=ready)
        return Round(ready, free, tries_made, inlets)

    def _latencies(self, steps: int) -> Iterator[Draws]:
        """Of each step; infinite on links that are down."""
        drawn, down = self._latency(steps), self._loss.down
        return drawn if down is None else (latency + down for latency in drawn)

    def _again(self, latency: Draws, transmission: Draws) -> Draws:
        pause = self._timeout
        return 2 * latency + transmission if pause is None else np.maximum(pause, transmission)


def _enter(come: Draws, transmission: Draws, inlets: Draws, passing: float) -> None:
    """Let a chunk into each worker, as `inlet.Inlet.through` does: `come`, when its last byte is there, becomes when it
    has passed the inlet; what never comes does not occupy it."""
    there = come < math.inf
    np.maximum(inlets, come - np.roll(transmission, 1), out=inlets, where=there)
    np.add(inlets, passing, out=inlets, where=there)
    np.maximum(come, inlets, out=come)


class RingLatency:
    """Latencies of the links, step after step: each of shape (n,), seconds."""

    def __init__(self, spec: NetworkSpec, specs: list[LinkSpec], seed: int) -> None:
        self._rng = stream(seed, "ring-latency")
        own = spec.collective
        self._reorder = spec.reorder if own is None else None
        self._common = common = spec.latency if own is None else own.latency
        self._own = [(i, s.latency) for i, s in enumerate(specs) if s.latency != common]
        self._n = len(specs)

    def __call__(self, steps: int) -> Iterator[Draws]:
        """Of the next `steps` steps."""
        if self._own or self._reorder is not None:
            for _ in range(steps):
                yield self._one()
            return
        rows = max(1, BLOCK // self._n)
        for first in range(0, steps, rows):
            yield from self._many(min(rows, steps - first))

    def _many(self, rows: int) -> Draws:
        shape = (rows, self._n)
        if isinstance(self._common, Lognormal) and self._n >= LARGE:
            return lognormal_table.draw(self._common, self._rng, rows * self._n).reshape(shape)
        if isinstance(self._common, Lognormal):  # NumPy's own takes one exponential at a time
            draws = self._rng.standard_normal(shape)
            draws *= self._common.sigma
            draws += math.log(self._common.mean) - self._common.sigma**2 / 2
            return np.exp(draws, out=draws)
        return self._common.draw(self._rng, rows * self._n).reshape(shape)

    def _one(self) -> Draws:
        latency = self._common.draw(self._rng, self._n)
        for i, distribution in self._own:
            latency[i] = distribution.draw(self._rng, 1)[0]
        if self._reorder is not None:
            latency = latency + self._reorder.delay * (self._rng.random(self._n) < self._reorder.probability)
        return latency


class FixedLatency:
    """Latencies that are the same in every step, shape (n,)."""

    def __init__(self, latencies: Draws) -> None:
        self._latencies = latencies

    def __call__(self, steps: int) -> Iterator[Draws]:
        """Of the next `steps` steps."""
        return (self._latencies for _ in range(steps))


def ring_latency(spec: NetworkSpec, specs: list[LinkSpec], seed: int) -> RingLatency | FixedLatency:
    """What the links of a ring take."""
    fixed = [s.latency.mean for s in specs if isinstance(s.latency, Constant)]
    held_back = spec.collective is None and spec.reorder is not None
    if len(fixed) == len(specs) and not held_back:
        return FixedLatency(np.array(fixed))
    return RingLatency(spec, specs, seed)


class RingLoss:
    """How many tries the links need for their next chunks. Over a link that is down nothing ever gets through."""

    def __init__(self, specs: list[LinkSpec], seed: int) -> None:
        self._n = len(specs)
        self._rng = stream(seed, "ring-loss")
        models = [s.loss for s in specs]
        always = [isinstance(m, Independent) and m.probability == 1 for m in models]
        self.down = np.where(always, np.inf, 0.0) if any(always) else None
        self._mean: Draws | None = None
        self._bursty: list[LossDraws] = []
        if all(isinstance(m, Independent) for m in models):
            self._mean = np.array(
                [mean_endurance(m.probability) for m in models if isinstance(m, Independent)]
            )
        else:
            streams = Streams(seed)
            self._bursty = [LossDraws(m, streams, i, (i + 1) % self._n) for i, m in enumerate(models)]

    def tries(self, models: float, steps: int) -> Iterator[Tries]:
        """Tries until a chunk of `models` model sizes gets through, for each of the next `steps` steps."""
        if self._mean is None:
            return (self._tries_each(models) for _ in range(steps))
        if np.isinf(self._mean).all():
            return (None for _ in range(steps))
        through = np.exp(-models / np.maximum(self._mean, models / math.log(MOST_TRIES)))
        if through.min() == through.max() > 1 - RARE:
            return self._rare(float(through[0]), steps)
        return (self._rng.geometric(through) for _ in range(steps))

    def _rare(self, through: float, steps: int) -> Iterator[Tries]:
        """All steps' chunks in a row: the distance from one loss to the next is geometric too."""
        at = int(self._rng.geometric(1 - through)) - 1
        for first in range(0, steps * self._n, self._n):
            tries = None
            while at < first + self._n:
                tries = np.ones(self._n, dtype=np.int64) if tries is None else tries
                tries[at - first] += self._rng.geometric(through)
                at += int(self._rng.geometric(1 - through))
            yield tries

    def _tries_each(self, models: float) -> NDArray[np.int64]:
        return np.array([self._tries_one(draws, models) for draws in self._bursty])

    @staticmethod
    def _tries_one(draws: LossDraws, models: float) -> int:
        tries = 1
        while draws.draw(1)[0] < models and tries < MOST_TRIES:
            tries += 1
        return tries
