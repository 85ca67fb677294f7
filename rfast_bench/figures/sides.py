"""The graphs that a figure shows side by side, and what stands on their edges.

Works on plain graphs, whose edges `sender -> receiver` may have the attributes `weight` and `latency` (s).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import networkx as nx

from rfast_bench.figures.layouts import Graph

MOST_WORKERS = 600
MOST_EDGES = 3000


@dataclass(frozen=True)
class Side:
    """One graph of a topology; `meaning` is the title of its panel."""

    graph: Graph
    roots: Collection[int]
    meaning: str


MEANINGS = {"W": "G(W): models flow from the root", "A": "G(A): gradient mass flows to the root"}
BOTH = "G(W) and G(A) are this graph"


def merged(sides: Sequence[Side]) -> list[Side]:
    """One side where both graphs have the same edges, weights and roots; else the sides as they are."""
    if len(sides) != 2 or set(sides[0].roots) != set(sides[1].roots):
        return list(sides)
    first, second = (dict(_about(side.graph)) for side in sides)
    return [Side(sides[0].graph, sides[0].roots, BOTH)] if first == second else list(sides)


def _about(graph: Graph) -> Iterable[tuple[tuple[int, int], object]]:
    """Every edge, and what is written on it."""
    for j, i, about in graph.edges(data=True):
        weight = short(float(about["weight"])) if "weight" in about else ""
        yield (j, i), (weight, about.get("latency"))


def too_large(sides: Iterable[Side]) -> str:
    """Why a drawing would show nothing; empty when it can be drawn."""
    for side in sides:
        workers, edges = side.graph.number_of_nodes(), nx.Graph(side.graph).number_of_edges()
        if workers > MOST_WORKERS:
            return f"{workers} workers: a drawing can show at most {MOST_WORKERS}"
        if edges > MOST_EDGES:
            return f"{edges} edges between {workers} workers: a drawing can show at most {MOST_EDGES}"
    return ""


def with_weights(side: Side) -> str:
    """The title of a panel whose edges bear no weights: what they all weigh, if it is the same."""
    weights = set(map(short, attributes(side.graph, "weight")))
    if len(weights) == 1:
        return f"{side.meaning}\nevery edge weighs {weights.pop()}"
    return side.meaning


def attributes(graph: Graph, name: str) -> list[float]:
    return [float(about[name]) for _, _, about in graph.edges(data=True) if name in about]


def short(weight: float) -> str:
    """1/3 where that is what it is, else three digits."""
    fraction = Fraction(weight).limit_denominator(999)
    return str(fraction) if abs(float(fraction) - weight) < 1e-12 else f"{weight:.3g}"


def is_mutual(graph: Graph, edge: tuple[int, int]) -> bool:
    return graph.has_edge(edge[1], edge[0])


def is_alike(graph: Graph, edge: tuple[int, int]) -> bool:
    """Whether an edge and the one back say the same: they are one line."""
    there, back = graph.edges[edge], graph.edges[edge[1], edge[0]]
    weights = [short(float(about["weight"])) if "weight" in about else "" for about in (there, back)]
    return weights[0] == weights[1] and there.get("latency") == back.get("latency")
