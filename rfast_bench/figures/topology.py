"""One figure of a topology: G(W) and G(A) side by side, roots marked, weights and latencies where known.

Works on plain graphs, whose edges `sender -> receiver` may have the attributes `weight` and `latency` (s).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from rfast_bench.figures.layouts import Graph, Places, closest, extent, layout
from rfast_bench.figures.style import GREY, figure, headline, plain

MOST_WORKERS = 600
MOST_EDGES = 3000
COMMON, ROOT, OTHER = "#de8f05", "#56b4e9", "#ffffff"
LATENCIES = LinearSegmentedColormap.from_list("latency", ["#4c9f70", "#8a6fb0", "#c1272d"])

POINT = 1 / 72  # inch
APART = 24.0
"""Points wanted between two workers."""
SMALLEST, LARGEST = 3.4, 10.5
"""Side of a panel in inches."""
SMALLEST_TEXT = 3.8
MOST_LABELS = 40
"""Weights are written on so many edges at most."""
MOST_TICKS = 6


@dataclass(frozen=True)
class Side:
    """One graph of a topology; `meaning` is the title of its panel."""

    graph: Graph
    roots: Collection[int]
    meaning: str


MEANINGS = {"W": "G(W): models flow from the root", "A": "G(A): gradient mass flows to the root"}


def too_large(sides: Iterable[Side]) -> str:
    """Why a drawing would show nothing; empty when it can be drawn."""
    for side in sides:
        workers, edges = side.graph.number_of_nodes(), nx.Graph(side.graph).number_of_edges()
        if workers > MOST_WORKERS:
            return f"{workers} workers: a drawing can show at most {MOST_WORKERS}"
        if edges > MOST_EDGES:
            return f"{edges} edges between {workers} workers: a drawing can show at most {MOST_EDGES}"
    return ""


def draw_sides(sides: Sequence[Side], common: Collection[int], title: str, subtitle: str) -> Figure:
    """The figure: a panel a graph; `common` are the common roots (none for an undirected graph)."""
    places = _places(sides, common)
    width, height = _panel(places)
    colours = _Colours([latency for side in sides for latency in _attributes(side.graph, "latency")])
    stacked = len(sides) > 1 and width > 1.6 * height
    rows, columns = (len(sides), 1) if stacked else (1, len(sides))
    across = max(7.4 if len(sides) > 1 else 5.4, width * columns + 0.3)
    drawn = figure(across + (0.9 if colours.known else 0), (height + 0.5) * rows + 1.2)
    panels = drawn.subplots(rows, columns, squeeze=False).ravel()
    for axes, side, where in zip(panels, sides, places, strict=True):
        scale = _scale(where, width, height)
        weighed = _weights_fit(side.graph, where, scale)
        _draw(axes, side, where, common, colours, scale, weighed)
        heading = side.meaning if weighed else _with_weights(side)
        axes.set_title(plain(heading), fontsize=10.5, loc="center", linespacing=1.5)
    if len(sides) > 1:
        drawn.legend(handles=_legend(), loc="outside lower center", ncols=3, frameon=False)
    colours.key(drawn, panels)
    headline(drawn, title, subtitle)
    return drawn


def _places(sides: Sequence[Side], common: Collection[int]) -> list[Places]:
    """Two trees are laid out each for itself; else all panels share their places, a tree's if there is one."""
    trees = [nx.is_tree(side.graph.to_undirected()) for side in sides]
    if all(trees):
        return [layout(side.graph, common or side.roots) for side in sides]
    both: Graph = nx.compose_all([side.graph for side in sides])
    model = sides[trees.index(True)].graph if any(trees) else both
    roots = common or sides[trees.index(True) if any(trees) else 0].roots
    return [layout(model, roots)] * len(sides)


def _panel(places: Sequence[Places]) -> tuple[float, float]:
    """Width and height in inches, so that workers are apart as far as wanted, within limits."""
    scale = max(APART * POINT / closest(where) for where in places)
    sizes = np.array([extent(where) for where in places]).max(axis=0) * scale + 2 * APART * POINT
    sizes *= min(1.0, LARGEST / sizes.max())
    width = float(max(sizes[0], SMALLEST))
    return width, float(max(sizes[1], SMALLEST if width < 1.6 * SMALLEST else 0.0))


def _scale(places: Places, width: float, height: float) -> float:
    """Points per unit of the places, in a panel of this size in inches."""
    across, up = extent(places)
    room = 72 * np.array([width, height]) - 2 * APART
    return float(min(room[0] / max(across, 1e-9), room[1] / max(up, 1e-9)))


def _with_weights(side: Side) -> str:
    """The title of a panel whose edges bear no weights: what they all weigh, if it is the same."""
    weights = set(map(_short, _attributes(side.graph, "weight")))
    if len(weights) == 1:
        return f"{side.meaning}\nevery edge weighs {weights.pop()}"
    return side.meaning


def _attributes(graph: Graph, name: str) -> list[float]:
    return [float(about[name]) for _, _, about in graph.edges(data=True) if name in about]


def _short(weight: float) -> str:
    """1/3 where that is what it is, else three digits."""
    fraction = Fraction(weight).limit_denominator(999)
    return str(fraction) if abs(float(fraction) - weight) < 1e-12 else f"{weight:.3g}"


def _legend() -> list[Any]:
    style: dict[str, Any] = {"edgecolor": "#333333"}
    return [
        Patch(facecolor=COMMON, label="common root", **style),
        Patch(facecolor=ROOT, label="root of this graph only", **style),
        Line2D([], [], color=GREY, marker=">", markevery=[-1], label="messages flow along the arrow"),
    ]


# ------------------------------------------------------------------------------------------------ colours
class _Colours:
    """Edge colours by latency; grey where none is known."""

    def __init__(self, latencies: Sequence[float]) -> None:
        milliseconds = 1000 * np.array(latencies)
        self.known = bool(milliseconds.size and milliseconds.max() > 0)
        self.values: list[float] = sorted(set(milliseconds.tolist()))
        self.norm: Normalize | None = None
        self.map: Colormap = LATENCIES
        if self.known:
            low, high = float(milliseconds.min()), float(milliseconds.max())
            log = 0 < 10 * low < high
            self.norm = LogNorm(low, high) if log else Normalize(low if low < high else 0.0, high)

    def of(self, latency: float | None) -> Any:
        return GREY if self.norm is None or latency is None else self.map(self.norm(1000 * latency))

    def key(self, drawn: Figure, panels: Any) -> None:
        if self.norm is not None:
            bar = drawn.colorbar(
                ScalarMappable(self.norm, self.map), ax=panels, shrink=0.6, aspect=30, pad=0.01
            )
            bar.set_label("latency (ms)")
            if len(self.values) <= MOST_TICKS:
                bar.set_ticks(self.values)
            bar.ax.yaxis.set_major_formatter("{x:.4g}")
            bar.ax.yaxis.set_minor_locator(NullLocator())
            bar.outline.set_visible(False)


# ------------------------------------------------------------------------------------------------ one panel
def _draw(
    axes: Axes,
    side: Side,
    places: Places,
    common: Collection[int],
    colours: _Colours,
    scale: float,
    weighed: bool,
) -> None:
    graph = side.graph
    diameter = _diameter(places, scale)
    fill = [COMMON if node in common else ROOT if node in side.roots else OTHER for node in graph]
    _edges(axes, graph, places, colours, diameter, curved=weighed)
    nx.draw_networkx_nodes(
        graph, places, ax=axes, node_size=diameter**2, node_color=fill, edgecolors="#333333", linewidths=0.9
    )
    if 0.46 * diameter >= SMALLEST_TEXT:
        nx.draw_networkx_labels(graph, places, ax=axes, font_size=min(10, 0.46 * diameter))
    if weighed:
        _write_weights(axes, graph, places)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.set_axis_off()


def _diameter(places: Places, scale: float) -> float:
    """Of a worker, in points."""
    return float(np.clip(0.62 * closest(places) * scale, 3, 24))


def _weights_fit(graph: Graph, places: Places, scale: float) -> bool:
    """Whether every edge has room for its weight: long enough, and apart from those of the others."""
    if not _attributes(graph, "weight") or graph.number_of_edges() > MOST_LABELS:
        return False
    lengths = [np.hypot(*np.subtract(places[j], places[i])) * scale for j, i in graph.edges]
    middles = dict(enumerate(_middle(graph, places, edge) for edge in graph.edges))
    return bool(min(lengths) - _diameter(places, scale) > 30 and closest(middles) * scale > 22)


def _middle(graph: Graph, places: Places, edge: tuple[int, int]) -> tuple[float, float]:
    """Where the weight of an edge stands."""
    (x, y), (to_x, to_y) = places[edge[0]], places[edge[1]]
    bend = BEND / 2 if _mutual(graph, edge) else 0.0
    return (x + to_x) / 2 + bend * (to_y - y), (y + to_y) / 2 - bend * (to_x - x)


def _mutual(graph: Graph, edge: tuple[int, int]) -> bool:
    return graph.has_edge(edge[1], edge[0])


def _edges(
    axes: Axes, graph: Graph, places: Places, colours: _Colours, diameter: float, curved: bool
) -> None:
    """Two edges between the same workers are one line with two heads, unless they differ or bear weights."""
    groups: dict[tuple[str, float], list[tuple[int, int]]] = {}
    for j, i in graph.edges:
        if not _mutual(graph, (j, i)):
            groups.setdefault(("-|>", 0.0), []).append((j, i))
        elif curved or graph.edges[j, i].get("latency") != graph.edges[i, j].get("latency"):
            groups.setdefault(("-|>", BEND), []).append((j, i))
        elif j < i:
            groups.setdefault(("<|-|>", 0.0), []).append((j, i))
    for (heads, bend), edges in groups.items():
        nx.draw_networkx_edges(
            graph,
            places,
            edgelist=edges,
            ax=axes,
            node_size=diameter**2,
            arrowstyle=heads,
            arrowsize=float(np.clip(0.55 * diameter, 4, 13)),
            connectionstyle=f"arc3,rad={bend}",
            width=float(np.clip(diameter / 16, 0.35, 1.4)),
            edge_color=[colours.of(graph.edges[edge].get("latency")) for edge in edges],
        )


BEND = 0.18
"""How much a line bends that shares its ends with another."""


def _write_weights(axes: Axes, graph: Graph, places: Places) -> None:
    for j, i in graph.edges:
        x, y = _middle(graph, places, (j, i))
        text = _short(graph.edges[j, i]["weight"])
        box: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(x, y, text, fontsize=8, ha="center", va="center", color="#333333", bbox=box)
