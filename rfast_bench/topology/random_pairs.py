"""Random pairs of graphs whose roots are known beforehand: for tests, and for studies over many topologies.

Every function returns the edges of G(W) and of G(A); an edge `(j, i)` points from j to i. Randomness comes from
the `Random` that is handed in, so that a seed says it all.

A graph with given roots: each *source class* is a strongly connected set that no edge enters, and everybody
else hangs below one of them. With one source class its workers are the roots of G(W); with more there is none.
G(A) is such a graph with its edges turned round.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from random import Random
from typing import Literal

import networkx as nx

Edges = list[tuple[int, int]]
Pair = tuple[Edges, Edges]

EXTRA = 1.0
"""How many edges a worker has, on average, beyond those that are needed."""


def random_tree(n: int, root: int, random: Random) -> Edges:
    """A uniformly random spanning arborescence of the complete graph, edges pointing away from `root`."""
    if n == 1:
        return []
    tree = nx.from_prufer_sequence([random.randrange(n) for _ in range(n - 2)])
    return list(nx.bfs_edges(tree, root))


def tree_pair(n: int, root: int, random_w: Random, random_a: Random | None = None) -> Pair:
    """Two independent uniformly random arborescences: G(W) away from `root`, G(A) towards it."""
    w, a = random_tree(n, root, random_w), random_tree(n, root, random_a or random_w)
    return w, _reverse(a)


def pair_with_common_roots(n: int, common: int, random: Random, root: int | None = None) -> Pair:
    """A random pair with exactly `common` common roots; `root`, if given, is one of them.

    Each graph may have roots of its own besides. With `common` 0 both graphs have roots, and none is shared:
    at least 2 workers are needed then. Raises ValueError when there are too few workers.
    """
    if not (0 <= common <= n) or (common == 0 and n < 2):
        raise ValueError(f"{n} workers cannot have {common} common roots")
    workers = random.sample(range(n), n)
    if root is not None and common:
        workers.remove(root)
        workers.insert(0, root)
    shared, others = workers[:common], workers[common:]
    least = 0 if shared else 1
    roots_w = random.randint(least, len(others) - least)
    roots_a = random.randint(least, len(others) - roots_w)
    w = graph_with_sources(n, [shared + others[:roots_w]], random)
    a = graph_with_sources(n, [shared + others[roots_w : roots_w + roots_a]], random)
    return w, _reverse(a)


def pair_failing_on(n: int, side: Literal["W", "A"], random: Random) -> Pair:
    """A random pair in which one graph has no root and the other has at least one. Needs n >= 2."""
    if n < 2:
        raise ValueError("a graph of one worker has a root")
    failing = graph_with_sources(n, _classes(n, random), random)
    sound = graph_with_sources(n, [random.sample(range(n), random.randint(1, n))], random)
    return (failing, _reverse(sound)) if side == "W" else (sound, _reverse(failing))


def graph_with_sources(n: int, sources: Sequence[Collection[int]], random: Random) -> Edges:
    """A random digraph on n workers whose source classes are exactly the given disjoint sets (at least one).

    A class is a random cycle; everybody else gets an edge from someone before them in a random order; then come
    about `EXTRA` random edges a worker that do not enter a class from outside.
    """
    home = {i: k for k, part in enumerate(sources) for i in part}
    edges = {edge for part in sources for edge in _cycle(random.sample(sorted(part), len(part)))}
    order = [*home, *random.sample([i for i in range(n) if i not in home], n - len(home))]
    edges |= {(order[random.randrange(k)], order[k]) for k in range(len(home), n)}
    for _ in range(round(random.random() * 2 * EXTRA * n)):
        j, i = random.randrange(n), random.randrange(n)
        if i != j and (i not in home or home.get(j) == home[i]):
            edges.add((j, i))
    return sorted(edges)


def _classes(n: int, random: Random) -> list[list[int]]:
    """At least two disjoint sets of workers, none empty, in which not everybody need be."""
    workers = random.sample(range(n), random.randint(2, n))
    parts = random.randint(2, len(workers))
    cuts = [0, *sorted(random.sample(range(1, len(workers)), parts - 1)), len(workers)]
    return [workers[start:end] for start, end in pairwise(cuts)]


def _cycle(workers: Sequence[int]) -> Edges:
    return [(j, workers[k - 1]) for k, j in enumerate(workers) if j != workers[k - 1]]


def _reverse(edges: Edges) -> Edges:
    return [(i, j) for j, i in edges]
