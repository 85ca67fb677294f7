"""What a pair costs on a network: how long models and gradient mass travel, and what a designer minimises.

A hop takes the link's latency, the time that the sender's one outgoing link needs for all messages of one of
its iterations (first its gradient mass for each receiver in G(A), then its model for each in G(W): bytes /
bandwidth each), and one computation, after which the receiver passes on what it got. With root r:

    out[i]   the shortest way r -> i in G(W)        depth      the largest of all out[i], back[i]
    back[i]  the shortest way i -> r in G(A)        loop-time  the largest out[i] + back[i]: how long a
                                                               gradient travels until it is back as model
                                                    step       the mean of out[i] + back[i]

`step` is about the step size that a pair bears: it shrinks with the age of the gradients. Times in seconds,
matrices by [receiver, sender].
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from rfast_bench.topology.graphs import Edge

Array = NDArray[np.float64]
Objective = Literal["depth", "loop-time", "step"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)


@dataclass(frozen=True)
class Network:
    """Seconds by [receiver, sender]. No latency is infinite where there is no link; diagonals are 0."""

    latency: Array
    sending: Array
    """Bytes of a message / bandwidth."""
    compute: float = 0.0

    @property
    def n(self) -> int:
        return len(self.latency)


class Loops(NamedTuple):
    """The ways from and to one root, in seconds by worker; infinite where there is none."""

    root: int
    out: Array
    back: Array

    @property
    def depth(self) -> float:
        return float(max(self.out.max(), self.back.max()))

    @property
    def longest(self) -> float:
        return float((self.out + self.back).max())

    @property
    def mean(self) -> float:
        return float((self.out + self.back).mean())

    def value(self, objective: Objective) -> float:
        return {"depth": self.depth, "loop-time": self.longest, "step": self.mean}[objective]


def hops(network: Network, w: Collection[Edge], a: Collection[Edge]) -> tuple[Array, Array]:
    """What a hop along each edge takes, in G(W) and in G(A); infinite where there is no edge."""
    mass = sending_time(network, a)
    both = mass + sending_time(network, w)
    return _hops(network, w, both), _hops(network, a, mass)


def sending_time(network: Network, edges: Iterable[Edge]) -> Array:
    """Seconds that each worker's outgoing link needs for one message along each of its edges."""
    busy = np.zeros(network.n)
    for j, i in edges:
        busy[j] += network.sending[i, j]
    return busy


def _hops(network: Network, edges: Iterable[Edge], busy: Array) -> Array:
    costs = np.full_like(network.latency, np.inf)
    for j, i in edges:
        costs[i, j] = network.latency[i, j] + busy[j] + network.compute
    return costs


def distances(costs: Array) -> Array:
    """The cheapest way from each worker to each, by [receiver, sender]."""
    return np.asarray(nx.floyd_warshall_numpy(graph_of(costs), nodelist=range(len(costs)))).T


def graph_of(costs: Array) -> nx.DiGraph[int]:
    """The links with finite cost, as edges `sender -> receiver` with that weight."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(costs)))
    receivers, senders = np.nonzero(np.isfinite(costs))
    weights = costs[receivers, senders].tolist()
    links = zip(senders.tolist(), receivers.tolist(), weights, strict=True)
    graph.add_weighted_edges_from(link for link in links if link[0] != link[1])
    return graph


def best_loops(
    network: Network, w: Collection[Edge], a: Collection[Edge], roots: Iterable[int], objective: Objective
) -> Loops:
    """The ways from and to the root among `roots` that is best for the objective (the first of equals)."""
    out, back = map(distances, hops(network, w, a))
    every = (Loops(root, out[:, root], back[root, :]) for root in roots)
    return min(every, key=lambda loops: (loops.value(objective), loops.root))
