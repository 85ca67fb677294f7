"""One figure of a topology: G(W) and G(A) side by side, roots marked, weights and latencies where known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

from rfast_bench.errors import UserError
from rfast_bench.figures.layouts import Graph, Places, closest, extent, layout
from rfast_bench.figures.sides import Side, attributes, is_alike, is_mutual, short, too_large, with_weights
from rfast_bench.figures.style import figure, headline, plain, theme

COMMON, ROOT, OTHER = "#de8f05", "#56b4e9", "#ffffff"
RIM = "#333333"
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


def draw_sides(sides: Sequence[Side], common: Collection[int], title: str, subtitle: str) -> Figure:
    """The figure: a panel a graph; `common` are the common roots (none for an undirected graph)."""
    places = _places(sides, common)
    width, height = _panel(places)
    colours = _Colours([latency for side in sides for latency in attributes(side.graph, "latency")])
    stacked = len(sides) > 1 and width > 1.6 * height
    rows, columns = (len(sides), 1) if stacked else (1, len(sides))
    across = max(7.4 if len(sides) > 1 else 5.4, width * columns + 0.3)
    drawn = figure(across + (0.9 if colours.known else 0), (height + 0.5) * rows + 1.2)
    panels = drawn.subplots(rows, columns, squeeze=False).ravel()
    for axes, side, where in zip(panels, sides, places, strict=True):
        scale = _scale(where, width, height)
        weighed = _weights_fit(side.graph, where, scale)
        _draw(axes, side, where, common, colours, scale, weighed)
        heading = side.meaning if weighed else with_weights(side)
        axes.set_title(plain(heading), fontsize=10.5, loc="center", linespacing=1.5)
    handles = _legend(sides, common)
    if handles:
        drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    colours.key(drawn, panels)
    headline(drawn, title, subtitle)
    return drawn


def draw_graph(axes: Axes, side: Side, common: Collection[int] = ()) -> None:
    """Draw one graph on `axes`, as large as they are now; `common` are the common roots of a pair.

    Raises UserError for one that is too large to be seen.
    """
    if reason := too_large([side]):
        raise UserError(reason)
    (where,) = _places([side], common)
    box = axes.get_window_extent()
    dpi = axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    scale = _scale(where, max(box.width / dpi, 1.0), max(box.height / dpi, 1.0))
    latencies = _Colours(attributes(side.graph, "latency"))
    _draw(axes, side, where, common, latencies, scale, _weights_fit(side.graph, where, scale))


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


def _legend(sides: Sequence[Side], common: Collection[int]) -> list[Any]:
    """What is to be seen in these graphs and does not speak for itself."""
    style: dict[str, Any] = {"edgecolor": RIM}
    rooted = [side for side in sides if side.roots]
    everywhere = all(len(common) == side.graph.number_of_nodes() for side in rooted)
    handles: list[Any] = []
    if rooted and common and not everywhere:
        handles.append(Patch(facecolor=COMMON, label="common root", **style))
    if any(set(side.roots) - set(common) for side in rooted):
        handles.append(Patch(facecolor=ROOT, label="root of this graph only", **style))
    if rooted and common and everywhere:
        handles.append(Patch(facecolor=COMMON, label="every worker is a common root", **style))
    mutual = [is_mutual(side.graph, edge) for side in sides for edge in side.graph.edges]
    if not all(mutual):
        arrow: dict[str, Any] = {"color": theme().muted, "marker": ">", "markevery": [-1]}
        handles.append(Line2D([], [], label="messages flow along the arrow", **arrow))
    if any(mutual) and (rooted or not all(mutual)):
        handles.append(Line2D([], [], color=theme().muted, label="both ways along a line"))
    return handles


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
        if self.norm is None or latency is None:
            return theme().muted
        return self.map(self.norm(1000 * latency))

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
        graph, places, ax=axes, node_size=diameter**2, node_color=fill, edgecolors=RIM, linewidths=0.9
    )
    if 0.46 * diameter >= SMALLEST_TEXT:
        ink: dict[str, Any] = {"font_color": RIM} if theme().dark else {}
        nx.draw_networkx_labels(graph, places, ax=axes, font_size=min(10, 0.46 * diameter), **ink)
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
    if not attributes(graph, "weight") or graph.number_of_edges() > MOST_LABELS:
        return False
    lengths = [np.hypot(*np.subtract(places[j], places[i])) * scale for j, i in graph.edges]
    middles = dict(enumerate(_middle(graph, places, edge) for edge in _written(graph)))
    return bool(min(lengths) - _diameter(places, scale) > 30 and closest(middles) * scale > 22)


def _written(graph: Graph) -> list[tuple[int, int]]:
    """The edges that bear a weight: of two that are one line, one."""
    return [
        (j, i) for j, i in graph.edges if j < i or not (is_mutual(graph, (j, i)) and is_alike(graph, (j, i)))
    ]


def _middle(graph: Graph, places: Places, edge: tuple[int, int]) -> tuple[float, float]:
    """Where the weight of an edge stands."""
    (x, y), (to_x, to_y) = places[edge[0]], places[edge[1]]
    bend = BEND / 2 if is_mutual(graph, edge) and not is_alike(graph, edge) else 0.0
    return (x + to_x) / 2 + bend * (to_y - y), (y + to_y) / 2 - bend * (to_x - x)


def _edges(
    axes: Axes, graph: Graph, places: Places, colours: _Colours, diameter: float, curved: bool
) -> None:
    """Two edges between the same workers are one line without heads, unless what stands on them differs."""
    groups: dict[tuple[str, float], list[tuple[int, int]]] = {}
    for j, i in graph.edges:
        if not is_mutual(graph, (j, i)):
            groups.setdefault(("-|>", 0.0), []).append((j, i))
        elif (curved and not is_alike(graph, (j, i))) or (
            graph.edges[j, i].get("latency") != graph.edges[i, j].get("latency")
        ):
            groups.setdefault(("-|>", BEND), []).append((j, i))
        elif j < i:
            groups.setdefault(("-", 0.0), []).append((j, i))
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
    for j, i in _written(graph):
        x, y = _middle(graph, places, (j, i))
        text = short(graph.edges[j, i]["weight"])
        page = theme()
        box: dict[str, Any] = {"facecolor": page.page, "edgecolor": "none", "pad": 0.8}
        axes.text(x, y, text, fontsize=8, ha="center", va="center", color=page.ink, bbox=box)
