"""The named graphs, as lists of edges. An edge `(j, i)` points from j to i: j's messages go to i.

A *pair* is two directed graphs on the same workers: G(W), in which models flow from the root outwards, and
G(A), in which gradient mass flows towards the root. An *undirected* graph serves as a pair too, with every
edge both ways in both graphs; only `line` and `star` mean, as pairs, the directed trees.
Worker 0 is the root of a tree; `root: r` renames every worker i to (i + r) mod n.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from math import isqrt
from random import Random

from rfast_bench.errors import CannotRun
from rfast_bench.topology.random_pairs import pair_with_common_roots, tree_pair

Edge = tuple[int, int]
Edges = list[Edge]

MOST_COMPLETE = 2000
"""Workers of a complete graph: its weights are kept one by one, and 5000 workers would fill 14 GB."""


def reverse(edges: Iterable[Edge]) -> Edges:
    return [(i, j) for j, i in edges]


def both_ways(edges: Iterable[Edge]) -> Edges:
    edges = list(edges)
    return edges + reverse(edges)


# ------------------------------------------------------------------ trees, edges pointing away from worker 0
def _binary_tree(n: int) -> Edges:
    return [((i - 1) // 2, i) for i in range(1, n)]


def _line(n: int) -> Edges:
    return [(i, i + 1) for i in range(n - 1)]


def _star(n: int) -> Edges:
    return [(0, i) for i in range(1, n)]


# ------------------------------------------------------------------ directed graphs used for both W and A
def _circulant(n: int, shifts: Iterable[int]) -> Edges:
    return [(i, (i + shift) % n) for shift in shifts for i in range(n)]


def _directed_ring(n: int) -> Edges:
    return _circulant(n, [1] if n > 1 else [])


def _exponential(n: int) -> Edges:
    return _circulant(n, _powers_below(n))


def _powers_below(limit: int) -> list[int]:
    return [1 << k for k in range(limit.bit_length()) if 1 << k < limit]


# ------------------------------------------------------------------ undirected graphs, every edge named once
def _ring(n: int) -> Edges:
    return _directed_ring(n) if n > 2 else _line(n)


def _grid(n: int) -> Edges:
    """As square as possible with rows * columns = n; a line when n is prime."""
    columns = n // max(rows for rows in range(1, isqrt(n) + 1) if n % rows == 0)
    right = [(i, i + 1) for i in range(n) if (i + 1) % columns]
    return right + [(i, i + columns) for i in range(n - columns)]


def _torus(n: int) -> Edges:
    """The grid with its borders joined, so that each has four neighbours; a ring when n is prime."""
    columns = n // max(rows for rows in range(1, isqrt(n) + 1) if n % rows == 0)
    ends = [(i, i + 1 if (i + 1) % columns else i + 1 - columns) for i in range(n)]
    ends += [(i, (i + columns) % n) for i in range(n)]
    return sorted({(min(edge), max(edge)) for edge in ends if edge[0] != edge[1]})


def _hypercube(n: int) -> Edges:
    if n & (n - 1):
        raise CannotRun(f"a hypercube needs a power of two of workers, not {n}")
    return [(i, i | bit) for bit in _powers_below(n) for i in range(n) if not i & bit]


def _complete(n: int) -> Edges:
    if n > MOST_COMPLETE:
        found = f"{n} workers has {n * (n - 1):,} directed edges"
        raise CannotRun(f"a complete graph of {found}; it is made for at most {MOST_COMPLETE} workers")
    return list(combinations(range(n), 2))


def _bipartite_exponential(n: int) -> Edges:
    """Even worker 2p and odd worker 2((p + s) mod O) + 1, for s = 0, 1, 2, 4, ... < O = n // 2."""
    odd = n // 2
    shifts = [0, *_powers_below(odd)] if odd else []
    edges = {(p, (p + s) % odd) for s in shifts for p in range(n - odd)}
    return sorted((2 * p, 2 * q + 1) for p, q in edges)


_TREES: dict[str, Callable[[int], Edges]] = {"binary-tree": _binary_tree, "line": _line, "star": _star}
_DIRECTED: dict[str, Callable[[int], Edges]] = {"directed-ring": _directed_ring, "exponential": _exponential}
_UNDIRECTED: dict[str, Callable[[int], Edges]] = {
    "ring": _ring,
    "line": _line,
    "star": _star,
    "grid": _grid,
    "torus": _torus,
    "hypercube": _hypercube,
    "complete": _complete,
    "bipartite-exponential": _bipartite_exponential,
}

RANDOM = ("random-trees", "random-graphs")
"""The kinds that a seed decides."""

ROOTED = frozenset({*_TREES, *RANDOM})
"""The kinds for which `root` means something."""

UNDIRECTED_KINDS = tuple(_UNDIRECTED)
KINDS = tuple(dict.fromkeys([*_TREES, *_DIRECTED, *RANDOM, *_UNDIRECTED]))


def pair(kind: str, n: int, root: int = 0, seed: int = 0, common_roots: int = 1) -> tuple[Edges, Edges]:
    """The edges of G(W) and of G(A) of a named kind. Raises CannotRun where it is not defined for n."""
    if kind == "random-trees":
        return tree_pair(n, root, *(Random(f"random-trees {seed} {matrix}") for matrix in "WA"))
    if kind == "random-graphs":
        if common_roots > n:
            raise CannotRun(f"{n} workers cannot have {common_roots} common roots")
        return pair_with_common_roots(n, common_roots, Random(f"random-graphs {seed}"), root)
    if kind in _TREES:
        tree = _rotate(_TREES[kind](n), n, root)
        return tree, reverse(tree)
    edges = _DIRECTED[kind](n) if kind in _DIRECTED else both_ways(_UNDIRECTED[kind](n))
    return edges, edges


def undirected(kind: str, n: int, root: int = 0) -> Edges:
    """The edges, each named once. Raises CannotRun for a directed kind or where it is not defined for n."""
    if kind not in _UNDIRECTED:
        allowed = ", ".join(UNDIRECTED_KINDS)
        raise CannotRun(f"{kind} is a pair of directed graphs; an undirected one is needed ({allowed})")
    return _rotate(_UNDIRECTED[kind](n), n, root)


def _rotate(edges: Edges, n: int, root: int) -> Edges:
    return [((j + root) % n, (i + root) % n) for j, i in edges] if root else edges
