"""A ring all-reduce over the injected network: the back-end's sum is handed over when the scenario's links, by the
recursion that the simulated world has too (`rfast_bench.conditions.ring`), would have brought it.

All workers tell each other when they were ready and when their links are free, so each computes the same round, of
the same draws. The back-end's own hops pass meanwhile; the longer of both counts, as for messages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rfast_bench.conditions.faults.links import FaultyLinks
from rfast_bench.conditions.faults.ring import RingFaults
from rfast_bench.conditions.inlet import Inlet
from rfast_bench.conditions.ring import Ring
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.real.worker.node import RealNode
from rfast_bench.scenario.faults.kinds import Fault
from rfast_bench.scenario.sections.losses import Independent
from rfast_bench.scenario.sections.network import LinkSpec, NetworkSpec
from rfast_bench.scenario.sections.timing import Constant, Draws

Gather = Callable[[Sequence[float]], Draws]
"""A worker's numbers to those of all, shape (n, how many). Blocks until all have asked."""


class Hops:
    """One worker's part of the rounds. Times are seconds of the run's clock."""

    def __init__(
        self,
        network: NetworkSpec,
        seed: int,
        worker: int,
        workers: int,
        faults: Faults,
        gather: Gather,
        inlet: Inlet[Any] | None = None,
        ring_faults: RingFaults | None = None,
    ) -> None:
        """`inlet`: this worker's, where the network says that receiving takes time."""
        self._worker, self._workers, self._faults, self._gather = worker, workers, faults, gather
        self._ring = Ring(network, seed, workers, ring_faults)
        links = [network.hop(i, (i + 1) % workers) for i in range(workers)]
        self._inlet = inlet
        self._free = workers == 1 or (inlet is None and not ring_faults and all(map(_takes_nothing, links)))

    def pass_around(self, size: int, ready: Sequence[float], weights: Sequence[int]) -> float:
        """When this worker has the sum of a vector of `size` bytes, of which it had each piece when it was `ready`.

        `weights`: the pieces' sizes, in proportion. One piece goes around after another.
        """
        whole = sum(weights)
        if self._free:
            for weight in weights:
                self._count(self._ring.chunks, 0, size * weight / whole)
            return ready[-1]
        own = [] if self._inlet is None else [self._inlet.free_at]
        numbers = self._gather([*ready, self._faults.free_at, *own])
        done, free = numbers[:, len(ready) - 1], numbers[:, len(ready)]
        inlets = numbers[:, -1] if own else None
        wire, models = size * self._faults.scale, size / self._faults.model_size
        for k, weight in enumerate(weights):
            piece = wire * weight / whole
            one = self._ring.round(numbers[:, k], free, piece, models * weight / whole, inlets)
            done, free, inlets = np.maximum(done, one.done), one.free, one.inlets
            made = int(one.tries[self._worker])
            self._count(made, made - self._ring.chunks, size * weight / whole)
        self._faults.free_at = float(free[self._worker])
        if self._inlet is not None and inlets is not None:
            self._inlet.free_at = float(inlets[self._worker])
        return float(done[self._worker])

    def _count(self, made: int, lost: int, size: float) -> None:
        faults = self._faults
        faults.sent += made
        faults.lost += lost
        faults.bytes_sent += made * size * faults.scale / self._workers


def hops_of(node: RealNode, network: NetworkSpec, seed: int, gather: Gather, faults: Sequence[Fault]) -> Hops:
    """Those of the worker that a node is of. A worker that is paused holds its chunks back by itself."""
    inlet = None if node.doorway is None else node.doorway.inlet
    ring_faults = RingFaults(FaultyLinks(faults, seed), faults, node.n, stops=False)
    return Hops(network, seed, node.id, node.n, node.faults, gather, inlet, ring_faults)


def _takes_nothing(link: LinkSpec) -> bool:
    return (
        link.latency == Constant(mean=0.0)
        and link.bandwidth == math.inf
        and link.loss == Independent(probability=0.0)
    )
