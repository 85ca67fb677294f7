"""What to add to a graph, or to a pair of graphs, so that the condition holds: one smallest set of edges.

Why it is smallest. For worker r to be a root of G(W), every closed class of W (see `connectivity`) that does not
hold r must get an edge from outside, and one edge enters one class only. So at least as many edges are needed
as there are such classes; an edge from r into each of them is enough. G(A) is the same with all edges turned
round. Edges of G(W) do nothing for G(A), so the needs of both add up, and the best common root is a worker in
a closed class of both, if there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from rfast_bench.topology.connectivity import MOST_WORKERS, Walks, closed_classes
from rfast_bench.topology.graphs import Edges


@dataclass(frozen=True)
class Mend:
    """Edges whose addition makes `root` a common root; no smaller set makes any worker one."""

    root: int
    w: Edges
    """Edges to add to G(W); for an undirected graph its edges, each named once."""
    a: Edges
    """Edges to add to G(A); empty for an undirected graph."""

    @property
    def size(self) -> int:
        return len(self.w) + len(self.a)


def mend_pair(w: Walks, a: Walks) -> Mend:
    """A smallest mend of a pair; empty when the pair is sound.

    Of several best roots the one that leaves more of the pair as it is: one graph mended rather than two, then
    the lowest number.
    """
    classes_w, classes_a = closed_classes(w), closed_classes(a)
    in_w, in_a = (frozenset().union(*classes) for classes in (classes_w, classes_a))

    def needs(root: int) -> tuple[int, int, int]:
        edges_w, edges_a = len(classes_w) - (root in in_w), len(classes_a) - (root in in_a)
        return edges_w + edges_a, (edges_w > 0) + (edges_a > 0), root

    root = min(range(len(w)), key=needs)
    return Mend(
        root,
        [(root, min(part)) for part in classes_w if root not in part],
        [(min(part), root) for part in classes_a if root not in part],
    )


def mend_undirected(neighbours: Walks) -> Mend:
    """A smallest set of undirected edges that joins all parts: one for each part but the first."""
    first, *others = (min(part) for part in closed_classes(neighbours))
    return Mend(first, [(first, other) for other in others], [])


def mend_words(mend: Mend, directed: bool = True) -> str:
    """`add 0 -> 3 to G(W) and 3 -> 0 to G(A)`, long lists cut short."""
    if not directed:
        return f"add {_edges(mend.w, '-')}"
    parts = [
        f"{_edges(edges, '->')} to {graph}" for edges, graph in ((mend.w, "G(W)"), (mend.a, "G(A)")) if edges
    ]
    return f"add {' and '.join(parts)}; then worker {mend.root} is a common root"


def _edges(edges: Edges, arrow: str) -> str:
    shown = ", ".join(f"{j} {arrow} {i}" for j, i in edges[:MOST_WORKERS])
    rest = len(edges) - MOST_WORKERS
    return f"{shown} and {rest} more" if rest > 0 else shown
