"""A pair of spanning trees with a common root that suits a network.

Where messages take no time to send and children are not limited, every worker's shortest way is free to be in
the trees: shortest-path arborescences (networkx) minimise all three objectives for a root, and the best root
is found among all. G(A) is exact also with sending times, for a worker has one message for one receiver there.
Otherwise `tree_search` finds a good tree, and `bound` says how far from the best it can be at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from rfast_bench.errors import UserError
from rfast_bench.topology.connectivity import listed
from rfast_bench.topology.designs.bounds import Bound, bounds
from rfast_bench.topology.designs.objective import Array, Loops, Network, Objective, best_loops, graph_of
from rfast_bench.topology.designs.search import Parents, Score, Task, search
from rfast_bench.topology.graphs import Edges

MOST_WORKERS = 1000
MOST_ROOTS = 8
"""So many roots are tried where a tree is searched for, the most promising first."""


@dataclass(frozen=True)
class Design:
    """A pair, what it costs, and below what no pair of spanning trees can get."""

    objective: Objective
    w: Edges
    a: Edges
    loops: Loops
    bound: float
    """Seconds; for the given root, or over all roots."""

    @property
    def root(self) -> int:
        return self.loops.root

    @property
    def value(self) -> float:
        return self.loops.value(self.objective)

    @property
    def gap(self) -> float:
        """How far above the bound, relative to it; 0 is optimal."""
        return self.value / self.bound - 1 if self.value > self.bound * (1 + 1e-12) else 0.0


def design(
    network: Network, objective: Objective, root: int | None = None, most_children: int | None = None
) -> Design:
    """The best pair found, over all roots when none is given. Raises UserError when there is none.

    `most_children` limits a worker's receivers in G(W) and its senders in G(A).
    """
    _check(network, root, most_children)
    limit = most_children or network.n
    every = sorted(bounds(network, objective, limit), key=lambda bound: (bound.value, bound.root))
    if root is not None:
        every = [bound for bound in every if bound.root == root]
    found: list[Design] = []
    for k, bound in enumerate(every):
        if found and (k >= MOST_ROOTS or bound.value >= min(pair.value for pair in found)):
            break
        pair = _rooted(network, objective, bound, limit, every[0].value)
        found += [pair] if pair else []
    if not found:
        raise UserError(
            f"no spanning tree with at most {limit} children a worker was found: the network has too few links"
        )
    return min(found, key=lambda pair: pair.value)


def _check(network: Network, root: int | None, most_children: int | None) -> None:
    n = network.n
    if n > MOST_WORKERS:
        raise UserError(f"{n} workers: pairs are designed for at most {MOST_WORKERS}")
    if root is not None and not 0 <= root < n:
        raise UserError(f"root: worker {root} does not exist; there are workers 0 to {n - 1}")
    if most_children is not None and most_children < 1:
        raise UserError(f"max-degree: found {most_children}; at least 1 is needed")
    parts = sorted(nx.strongly_connected_components(graph_of(network.latency)), key=min)
    if len(parts) > 1:
        shown = " | ".join(listed(part) for part in parts[:6])
        more = f" and {len(parts) - 6} more" if len(parts) > 6 else ""
        raise UserError(
            f"the network is not connected: no worker both reaches all and is reached by all. "
            f"Its {len(parts)} parts: {shown}{more}"
        )


# --------------------------------------------------------------------------------------------- one root
def _rooted(network: Network, objective: Objective, bound: Bound, limit: int, below: float) -> Design | None:
    """G(A) first, then G(W) for it; then G(A) once more for that, in case it helps."""
    best: Design | None = None
    up = _tree(_mass_task(network, objective, bound.root, limit, None))
    for _ in range(2):
        if up is None:
            break
        down = _tree(_model_task(network, objective, bound.root, limit, up))
        if down is None:
            break
        pair = _pair(network, objective, bound.root, down, up, below)
        best = pair if best is None or pair.value < best.value else best
        up = _tree(_mass_task(network, objective, bound.root, limit, best.loops.out))
    return best


def _pair(
    network: Network, objective: Objective, root: int, down: Parents, up: Parents, below: float
) -> Design:
    others = [i for i in range(network.n) if i != root]
    w = [(int(down[i]), i) for i in others]
    a = [(i, int(up[i])) for i in others]
    return Design(objective, w, a, best_loops(network, w, a, [root], objective), below)


def _mass_task(network: Network, objective: Objective, root: int, limit: int, out: Array | None) -> Task:
    """G(A) seen from the root: [i, p] is the hop i -> p. A worker's one message is part of the hop.

    For the loop, a worker's way out counts as well.
    """
    links = (network.latency + network.sending + network.compute).T
    offset = out if objective == "loop-time" and out is not None else np.zeros(network.n)
    return Task(links, np.zeros_like(links), root, limit, offset, _score(objective))


def _model_task(network: Network, objective: Objective, root: int, limit: int, up: Parents) -> Task:
    """G(W), once G(A) is known: its message leaves first. For the loop, a worker's way back counts as well."""
    mass = network.sending[up, np.arange(network.n)]
    links = network.latency + mass + network.compute
    back = _mass_task(network, objective, root, limit, None).delays(up)
    offset = back if objective == "loop-time" else np.zeros(network.n)
    return Task(links, network.sending, root, limit, offset, _score(objective))


def _score(objective: Objective) -> Score:
    """The mean breaks ties of the largest, and the other way round."""
    largest_counts, mean_counts = (1e-3, 1.0) if objective == "step" else (1.0, 1e-3)
    return lambda largest, mean: largest_counts * largest + mean_counts * mean


def _tree(task: Task) -> Parents | None:
    """The shortest-path arborescence where it is exact, else the best tree that the search finds."""
    shortest = _shortest(task)
    children = np.bincount(np.delete(shortest, task.root), minlength=task.n)
    if not task.sending.any() and children.max() <= task.most_children:
        return shortest
    return search(task, shortest)


def _shortest(task: Task) -> Parents:
    """Each worker's parent on its shortest way from the root, of equal ones that with the fewest hops."""
    before, _ = nx.dijkstra_predecessor_and_distance(graph_of(task.links + task.sending), task.root)
    tight: nx.DiGraph[int] = nx.DiGraph((p, i) for i, parents in before.items() for p in parents)
    tight.add_node(task.root)
    parent = np.full(task.n, task.root)
    for i, p in nx.bfs_predecessors(tight, task.root):
        parent[i] = p
    return parent
