"""The ring all-reduce under the simulated clock: finishing times by a max-plus recursion over the links.

2(n-1) steps, each passing 1/n of the vector to the next worker. A worker's chunk leaves when it has finished
the previous step and its outgoing link is free; it finishes a step when its left neighbour's chunk is in. One
step is a few operations on vectors of length n, not n events.
"""

from __future__ import annotations

import math

import numpy as np

from rfast_bench.links import LinkSpec
from rfast_bench.losses import Independent, mean_endurance
from rfast_bench.outgoing import MOST_TRIES
from rfast_bench.seeds import stream
from rfast_bench.sim.node import Network
from rfast_bench.timing import Constant, Draws
from rfast_bench.weather import LossDraws


class Ring:
    """The links i -> i+1 and what a round over them costs."""

    def __init__(self, network: Network) -> None:
        self._network = network
        n = len(network.nodes)
        specs = [network.spec.hop(i, (i + 1) % n) for i in range(n)]
        self._n = n
        self._bandwidth = np.array([s.bandwidth for s in specs])
        self._latency = RingLatency(network, specs)
        self._loss = RingLoss(specs, network.seed)

    def finish(self, ready: Draws, size: float, models: float) -> Draws:
        """When each worker holds the mean, given when each was `ready`. Shape (n,), seconds.

        `size` is the whole vector's bytes and `models` its size in models. Charges the workers' counters.
        """
        n = self._n
        if n == 1:
            return ready
        transmission = size / n / self._bandwidth
        free = np.array([node.free_at for node in self._network.nodes])
        tries_made = np.zeros(n, dtype=np.int64)
        for _ in range(2 * (n - 1)):
            leaves = np.maximum(ready, free)
            latency = self._latency.draw() + self._loss.down
            tries = self._loss.tries(models / n)
            free = leaves + tries * transmission
            arrival = leaves + (tries - 1) * self._again(latency, transmission) + transmission + latency
            ready = np.maximum(ready, np.roll(arrival, 1))
            tries_made += tries
        self._charge(free, tries_made, size / n)
        return ready

    def _again(self, latency: Draws, transmission: Draws) -> Draws:
        pause = self._network.spec.retransmit_timeout
        return 2 * latency + transmission if pause is None else np.maximum(pause, transmission)

    def _charge(self, free: Draws, tries: np.ndarray, chunk: float) -> None:
        chunks = 2 * (self._n - 1)
        for node, free_at, made in zip(self._network.nodes, free.tolist(), tries.tolist(), strict=True):
            node.free_at = free_at
            node.sent += made
            node.lost += made - chunks
            node.bytes_sent += made * chunk


class RingLatency:
    """One latency a link and step, shape (n,)."""

    def __init__(self, network: Network, specs: list[LinkSpec]) -> None:
        self._rng = stream(network.seed, "ring-latency")
        own = network.spec.collective
        self._reorder = network.spec.reorder if own is None else None
        common = network.spec.latency if own is None else own.latency
        self._common = common
        self._own = [(i, s.latency) for i, s in enumerate(specs) if s.latency != common]
        self._n = len(specs)
        fixed = [s.latency.mean for s in specs if isinstance(s.latency, Constant)]
        self._fixed = np.array(fixed) if len(fixed) == self._n and self._reorder is None else None

    def draw(self) -> Draws:
        if self._fixed is not None:
            return self._fixed
        latency = self._common.draw(self._rng, self._n)
        for i, distribution in self._own:
            latency[i] = distribution.draw(self._rng, 1)[0]
        if self._reorder is not None:
            latency = latency + self._reorder.delay * (self._rng.random(self._n) < self._reorder.probability)
        return latency


class RingLoss:
    """How many tries each link needs for its next chunk, shape (n,)."""

    def __init__(self, specs: list[LinkSpec], seed: int) -> None:
        self._n = len(specs)
        self._rng = stream(seed, "ring-loss")
        models = [s.loss for s in specs]
        always = [isinstance(m, Independent) and m.probability == 1 for m in models]
        self.down = np.where(always, np.inf, 0.0)  # added to latencies: a link that loses everything
        self._mean: Draws | None = None
        self._bursty: list[LossDraws] = []
        if all(isinstance(m, Independent) for m in models):
            self._mean = np.array(
                [mean_endurance(m.probability) for m in models if isinstance(m, Independent)]
            )
        else:
            self._bursty = [LossDraws(m, seed, i, (i + 1) % self._n) for i, m in enumerate(models)]

    def tries(self, models: float) -> np.ndarray:
        """Tries until a chunk of `models` model sizes gets through."""
        if self._mean is None:
            return np.array([self._tries_one(draws, models) for draws in self._bursty])
        if np.isinf(self._mean).all():
            return np.ones(self._n, dtype=np.int64)
        through = np.exp(-models / np.maximum(self._mean, models / math.log(MOST_TRIES)))
        return self._rng.geometric(through)

    @staticmethod
    def _tries_one(draws: LossDraws, models: float) -> int:
        tries = 1
        while draws.draw(1)[0] < models and tries < MOST_TRIES:
            tries += 1
        return tries
