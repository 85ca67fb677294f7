"""Draws the pictures of docs/topology.md: `python docs/topology/draw.py [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import networkx as nx
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rfast_bench.topology.mixing import uniform_a, uniform_w
from rfast_bench.topology.topology import Topology

HERE = Path(__file__).parent
Edges = list[tuple[int, int]]
PAIRS: dict[str, tuple[Edges, Edges]] = {
    "two-trees": (
        [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)],
        [(1, 0), (2, 0), (3, 1), (4, 2), (5, 4)],
    ),
    "more-roots": (
        [(0, 1), (1, 2), (2, 0), (1, 3), (1, 4), (2, 5)],
        [(0, 4), (4, 0), (1, 0), (2, 0), (3, 1), (5, 2)],
    ),
    "no-common-root": (
        [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)],
        [(0, 1), (2, 0), (3, 1), (4, 1), (5, 2)],
    ),
}
"""The edges of G(W) and of G(A)."""

PLACES = {0: (0.0, 2.0), 1: (-1.0, 1.0), 2: (1.0, 1.0), 3: (-1.7, 0.0), 4: (-0.3, 0.0), 5: (1.4, 0.0)}
COMMON, ROOT, OTHER, GREY, MENDED = "#de8f05", "#56b4e9", "#ffffff", "#666666", "#009e73"


def pair(name: str) -> Topology:
    w, a = PAIRS[name]
    n = len(PLACES)
    return Topology(name, n, True, uniform_w(n, w), uniform_a(n, a), side=(0,) * n)


def draw(name: str, folder: Path) -> Path:
    topology = pair(name)
    mend = topology.mend
    figure = Figure(figsize=(6.4, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    _panel(left, topology.graph_w(), topology.roots_w, topology.common_roots, mend.w)
    _panel(right, topology.graph_a(), topology.roots_a, topology.common_roots, mend.a)
    left.set_title("G(W): models flow from the root", fontsize=10)
    right.set_title("G(A): gradient mass flows to the root", fontsize=10)
    path = folder / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    return path


def _panel(axes: Axes, graph: Any, roots: frozenset[int], common: frozenset[int], added: Edges) -> None:
    fill = [COMMON if i in common else ROOT if i in roots else OTHER for i in graph]
    look: dict[str, Any] = {"ax": axes, "node_size": 480, "arrowsize": 13, "width": 1.3}
    curve = {edge for edge in graph.edges if graph.has_edge(*reversed(edge)) or edge[::-1] in added}
    bent = "arc3,rad=0.22"
    straight = [edge for edge in graph.edges if edge not in curve]
    nx.draw_networkx_edges(graph, PLACES, edgelist=straight, edge_color=GREY, **look)
    nx.draw_networkx_edges(graph, PLACES, edgelist=[*curve], edge_color=GREY, connectionstyle=bent, **look)
    extra = nx.DiGraph(added)
    extra.add_nodes_from(graph)
    drawn = nx.draw_networkx_edges(extra, PLACES, edge_color=MENDED, connectionstyle=bent, **look)
    for arrow in drawn or ():
        arrow.set_linestyle("--")
    nx.draw_networkx_nodes(graph, PLACES, ax=axes, node_size=480, node_color=fill, edgecolors="#333333")
    nx.draw_networkx_labels(graph, PLACES, ax=axes, font_size=11)
    axes.margins(0.13)
    axes.set_axis_off()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "topology", "svg.fonttype": "none"}):
        for name in PAIRS:
            print(draw(name, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
