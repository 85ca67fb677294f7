"""Who reaches whom: root sets, distances, two-colourings.

Both matrices are kept by worker: `W[i]` names those that i hears, `A[i]` those that i gives to, and each
holds i itself. Walk from worker to worker along these maps (in W against the edges, in A with them): every
walk ends in a *closed class*, a strongly connected set that no step leaves. A root is a worker at which a
walk from anywhere can arrive, so the root set is the closed class if there is only one, and empty if not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from typing import NamedTuple

import networkx as nx

Walks = Sequence[Collection[int]]
"""For each worker, where a step from it may go."""

MOST_WORKERS = 12
MOST_LINES = 6


def walk_graph(walks: Walks) -> nx.DiGraph[int]:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(walks)))
    graph.add_edges_from((i, j) for i, row in enumerate(walks) for j in row if j != i)
    return graph


def closed_classes(walks: Walks) -> list[frozenset[int]]:
    """The strongly connected sets that no step leaves, by smallest worker."""
    components = nx.strongly_connected_components(walk_graph(walks))
    closed = (frozenset(c) for c in components if all(j in c for i in c for j in walks[i]))
    return sorted(closed, key=min)


def root_set(walks: Walks) -> frozenset[int]:
    """The workers at which a walk from any worker can arrive."""
    classes = closed_classes(walks)
    return classes[0] if len(classes) == 1 else frozenset()


def root_candidates(walks: Walks, elsewhere: frozenset[int]) -> list[int]:
    """Who might be the common root, the one that misses fewest workers first.

    One worker of every closed class; or, where this graph has roots, a root of the other graph (`elsewhere`),
    because that is what keeps the two from having one in common.
    """
    parts = nx.condensation(walk_graph(walks))
    ends = [part for part in parts if not parts.out_degree(part)]
    if len(ends) == 1:
        return sorted(elsewhere)[:1]
    arriving = _arriving(parts)
    candidates = sorted((-arriving[part], min(parts.nodes[part]["members"])) for part in ends)
    return [worker for _, worker in candidates]


def _arriving(parts: nx.DiGraph[int]) -> dict[int, int]:
    """From how many workers a walk can arrive at each part; sets of workers are the bits of an integer."""
    behind: dict[int, int] = {}
    for part in nx.topological_sort(parts):
        behind[part] = sum(1 << i for i in parts.nodes[part]["members"])
        for before in parts.predecessors(part):
            behind[part] |= behind[before]
    return {part: workers.bit_count() for part, workers in behind.items()}


class Colouring(NamedTuple):
    sides: tuple[int, ...]
    """0 or 1 for each worker, its component's smallest worker on side 0; all 0 when there is none."""
    odd_cycle: tuple[int, ...]
    """The workers along one odd cycle; empty when the graph is bipartite."""


def two_colouring(neighbours: Walks) -> Colouring:
    """Colour an undirected graph breadth first, or find an odd cycle that forbids it."""
    side: dict[int, int] = {}
    parent: dict[int, int] = {}
    for start in range(len(neighbours)):
        if start in side:
            continue
        side[start] = 0
        queue = deque([start])
        while queue:
            i = queue.popleft()
            for j in neighbours[i]:
                if j not in side:
                    side[j], parent[j] = 1 - side[i], i
                    queue.append(j)
                elif side[j] == side[i] and j != i:
                    return Colouring((0,) * len(neighbours), _cycle(parent, i, j))
    return Colouring(tuple(side[i] for i in range(len(neighbours))), ())


def _cycle(parent: dict[int, int], i: int, j: int) -> tuple[int, ...]:
    """The cycle that the edge i - j closes in the breadth-first tree (i and j are equally deep)."""
    left, right = [i], [j]
    while left[-1] != right[-1]:
        left.append(parent[left[-1]])
        right.append(parent[right[-1]])
    return (*reversed(left), *right[:-1])


# ------------------------------------------------------------------------------- saying what is wrong
def not_connected(neighbours: Walks) -> str:
    parts = closed_classes(neighbours)
    shown = " | ".join(listed(part) for part in parts[:MOST_LINES])
    return f"the graph is not connected; its {len(parts)} parts: {shown}{_and_more(parts, MOST_LINES)}"


def not_bipartite(odd_cycle: Sequence[int]) -> str:
    shown = " - ".join(map(str, odd_cycle[:MOST_WORKERS]))
    rest = " - ..." if len(odd_cycle) > MOST_WORKERS else ""
    return f"not bipartite: odd cycle {shown}{rest} - {odd_cycle[0]} ({len(odd_cycle)} workers)"


def no_trees(w: Walks, a: Walks) -> str:
    """Why W and A are not a tree out of a root and one towards the same root; empty when they are."""
    ends = []
    for walks, graph, neighbours in ((w, "W", "in-neighbours"), (a, "A", "out-neighbours")):
        others = [[j for j in row if j != i] for i, row in enumerate(walks)]
        for i, found in enumerate(others):
            if len(found) > 1:
                return f"in G({graph}) worker {i} has {len(found)} {neighbours} ({listed(found)})"
        ends.append([i for i, found in enumerate(others) if not found])
        if not ends[-1]:
            return f"in G({graph}) no worker is without {neighbours}"
    of_w, of_a = ends
    return "" if of_w == of_a else f"the root of G(W) is {listed(of_w)}, that of G(A) {listed(of_a)}"


def no_common_root(w: Walks, a: Walks) -> str:
    """Both root sets, and for every root candidate the workers that it misses."""
    roots_w, roots_a = root_set(w), root_set(a)
    head = f"no common root: roots of G(W): {listed(roots_w)}; roots of G(A): {listed(roots_a)}"
    return "\n  ".join([head, *missed_words(w, roots_a, "W"), *missed_words(a, roots_w, "A")])


def missed_words(walks: Walks, elsewhere: frozenset[int], graph: str) -> list[str]:
    """A line for each of the first root candidates (see `root_candidates`), and how many more there are."""
    verb = "cannot reach" if graph == "W" else "cannot be reached from"
    candidates = root_candidates(walks, elsewhere)
    lines = [
        f"in G({graph}) worker {root} {verb}: {listed(lost)}" for root, lost in missed(walks, candidates)
    ]
    return (
        [*lines, f"in G({graph}){_and_more(candidates, MOST_LINES)}"]
        if len(candidates) > MOST_LINES
        else lines
    )


def missed(walks: Walks, candidates: Sequence[int]) -> list[tuple[int, list[int]]]:
    """The first candidates, each with the workers that have no way to it."""
    backwards = walk_graph(walks).reverse(copy=False)
    arrived = ((root, nx.descendants(backwards, root)) for root in candidates[:MOST_LINES])
    return [(root, [i for i in range(len(walks)) if i not in found and i != root]) for root, found in arrived]


def listed(workers: Collection[int]) -> str:
    """`0, 1, 2`; a long list is cut short and counted."""
    shown = ", ".join(str(i) for i in sorted(workers)[:MOST_WORKERS])
    return f"{shown}{_and_more(workers, MOST_WORKERS)}" or "none"


def _and_more(things: Collection[object], shown: int) -> str:
    return f" and {len(things) - shown} more" if len(things) > shown else ""
