"""The ring all-reduce over the workers' own links: what a round takes, and what it costs them."""

from __future__ import annotations

import numpy as np

from rfast_bench.conditions import ring
from rfast_bench.scenario.sections.timing import Draws
from rfast_bench.sim.network.node import Network


class Ring:
    """Rounds over the links of a simulated network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._ring = ring.Ring(network.spec, network.seed, len(network.nodes), network.ring_faults)

    def finish(self, ready: Draws, size: float, models: float) -> Draws:
        """When each worker holds the mean, given when each was `ready`. Shape (n,), seconds.

        `size` is the whole vector's bytes and `models` its size in models. Charges the workers' counters.
        """
        nodes = self._network.nodes
        free = np.array([node.free_at for node in nodes])
        doors = [node.inlet for node in nodes if node.inlet is not None]
        inlets = np.array([door.free_at for door in doors]) if doors else None
        done, free, tries, inlets = self._ring.round(ready, free, size, models, inlets)
        for door, free_at in zip(doors, inlets.tolist(), strict=False):
            door.free_at = free_at
        chunk, chunks = size / len(nodes), self._ring.chunks
        for node, free_at, made in zip(nodes, free.tolist(), tries.tolist(), strict=True):
            node.free_at = free_at
            node.sent += made
            node.lost += made - chunks
            node.bytes_sent += made * chunk
        return done
