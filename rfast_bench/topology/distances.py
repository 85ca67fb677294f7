"""The ways of a pair: how far everybody is from the root, and how long a gradient travels until it is back.

A *hop* is one message. A worker's gradient goes towards the common root in G(A), each worker on the way adding
its own; what the root makes of it comes back as model in G(W). That is the worker's *loop*. The longest one says
how old a gradient is, in hops, when its worker sees what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import networkx as nx

from rfast_bench.topology.topology import Topology

MOST_STEPS = 1_000_000
"""All common roots are compared while that takes no more steps along edges than this."""

Delay = Callable[[int, int], float]
"""Of a message on the edge from -> to."""


@dataclass(frozen=True)
class Loops:
    """The ways through one common root, in hops."""

    root: int
    best_of: int
    """How many common roots were compared, for the shortest longest loop; 1 of many: the lowest was taken."""
    depth_w: int
    depth_a: int
    longest: int
    gradient_path: list[int]
    """From the worker with the longest loop to the root, in G(A)."""
    model_path: list[int]
    """From the root back, in G(W)."""


def find_loops(topology: Topology) -> Loops | None:
    """Through the common root with the shortest longest loop; None without one, and for an undirected graph."""
    if not topology.common_roots or not topology.directed:
        return None
    graph_w, back_a = topology.graph_w(), topology.graph_a().reverse(copy=False)
    roots = sorted(topology.common_roots)
    steps = len(roots) * (topology.n + graph_w.number_of_edges() + back_a.number_of_edges())
    compared = roots if steps <= MOST_STEPS else roots[:1]
    longest, root = min((_longest(graph_w, back_a, root)[0], root) for root in compared)
    _, far, depth_w, depth_a = _longest(graph_w, back_a, root)
    return Loops(
        root=root,
        best_of=len(compared),
        depth_w=depth_w,
        depth_a=depth_a,
        longest=longest,
        gradient_path=nx.shortest_path(back_a, root, far)[::-1],
        model_path=nx.shortest_path(graph_w, root, far),
    )


def _longest(graph_w: nx.DiGraph[int], back_a: nx.DiGraph[int], root: int) -> tuple[int, int, int, int]:
    """Hops of the longest loop through a root, the first worker that has it, and both depths."""
    out = nx.single_source_shortest_path_length(graph_w, root)
    back = nx.single_source_shortest_path_length(back_a, root)
    far = max(sorted(out), key=lambda i: out[i] + back[i])
    return out[far] + back[far], far, max(out.values()), max(back.values())


def slowest_loop(topology: Topology, root: int, delay: Delay) -> float:
    def weight(j: int, i: int, _: object) -> float:
        return delay(j, i)

    def backwards(j: int, i: int, _: object) -> float:
        return delay(i, j)

    out = nx.single_source_dijkstra_path_length(topology.graph_w(), root, weight=weight)
    back_a = topology.graph_a().reverse(copy=False)
    back = nx.single_source_dijkstra_path_length(back_a, root, weight=backwards)
    return float(max(out[i] + back[i] for i in out))
