"""Figures of how a run works: when each worker computed, and the graphs that messages travel on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rfast_bench.drawing import GREY, Style, by_label, figure, headline, plain, save, slug, time_name
from rfast_bench.records import Run

STRETCH = 12
"""How many mean gradients a timeline shows."""
MOST_WORKERS = 16
MOST_EDGES = 3000
COMMON, ROOT, OTHER = "#de8f05", "#56b4e9", "#ffffff"
Graph: TypeAlias = "nx.DiGraph[int]"
Places = dict[int, tuple[float, float]]


# ----------------------------------------------------------------------------------------------- timeline
def draw_timeline(runs: Sequence[Run], out: Path, looks: dict[str, Style]) -> list[Path]:
    """`timeline.png`: the first seed of every label, a panel each; nothing without timelines."""
    firsts = [group[0] for group in by_label(runs).values()]
    tables = [(run, run.timeline()) for run in firsts]
    tables = [(run, table) for run, table in tables if len(table)]
    return [save(_timeline(tables, looks), out, "timeline")] if tables else []


def _timeline(tables: Sequence[tuple[Run, pd.DataFrame]], looks: dict[str, Style]) -> Figure:
    every = pd.concat([table for _, table in tables])
    until = min(STRETCH * float((every["end"] - every["start"]).mean()), float(every["end"].max()))
    rows = min(MOST_WORKERS, max(run.workers_count for run, _ in tables))
    drawn = figure(9.0, 1.1 + len(tables) * (0.5 + 0.13 * rows))
    panels = drawn.subplots(len(tables), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (run, table) in zip(panels, tables, strict=True):
        own = min(rows, run.workers_count)
        _intervals(axes, table[table["worker"] < own], until, own, looks[run.label][0])
        axes.set_title(plain(run.label), fontsize=10.5)
    panels[-1].set_xlabel(time_name([run for run, _ in tables]))
    first = tables[0][0]
    most = f" · first {rows} workers" if rows < first.workers_count else ""
    words = "colour: computing a gradient, grey: waiting"
    headline(drawn, "Who computes and who waits", f"{first.scenario} · {words} · seed {first.seed}{most}")
    return drawn


def _intervals(axes: Axes, table: pd.DataFrame, until: float, rows: int, colour: Any) -> None:
    for worker in range(rows):
        axes.broken_barh([(0, until)], (worker - 0.4, 0.8), facecolor="#ececec", zorder=1)
    for name, own in table[table["start"] < until].groupby("worker"):
        spans = list(zip(own["start"], own["end"] - own["start"], strict=True))
        line: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.8}
        axes.broken_barh(spans, (int(str(name)) - 0.4, 0.8), facecolor=colour, zorder=2, **line)
    step = max(1, -(-rows // 8))
    axes.set_yticks(range(0, rows, step))
    axes.set(xlim=(0, until), ylim=(rows - 0.4, -0.6), ylabel="worker")
    axes.grid(visible=False)
    axes.tick_params(left=False, labelsize=8.5)
    axes.spines[:].set_visible(False)


# ----------------------------------------------------------------------------------------------- topology
def draw_topologies(runs: Sequence[Run], out: Path) -> list[Path]:
    """`topology-<label>.png` per label that has a graph of a drawable size (at most 3000 edges)."""
    firsts = [group[0] for group in by_label(runs).values()]
    return [
        save(_topology(run, run.topology()), out, f"topology-{slug(run.label)}")
        for run in firsts
        if run.topology_info is not None and 0 < len(run.topology()) <= MOST_EDGES
    ]


def _topology(run: Run, edges: pd.DataFrame) -> Figure:
    info = run.topology_info
    assert info is not None
    graphs = {name: _graph(run, edges, name) for name in ("W", "A") if (edges["graph"] == name).any()}
    paired = len(graphs) == 2
    drawn = figure(9.6 if paired else 5.4, 5.6)
    panels = drawn.subplots(1, len(graphs), squeeze=False)[0]
    common = set(info.common_roots or ())
    roots = {"W": set(info.roots_w or ()), "A": set(info.roots_a or ())}
    for axes, (name, graph) in zip(panels, graphs.items(), strict=True):
        _draw_graph(axes, graph, roots[name] if paired else set(), common if paired else set())
        axes.set_title(_MEANING[name] if paired else "", fontsize=10.5, loc="center")
    if paired:
        drawn.legend(handles=_legend(), loc="outside lower center", ncols=3, frameon=False)
    root = "" if info.sound else " · NO COMMON ROOT" if paired else " · not sound"
    headline(drawn, f"Topology of {run.label}", f"{info.name}, {run.workers_count} workers{root}")
    return drawn


_MEANING = {"W": "W: models flow from the root", "A": "A: gradient mass flows to the root"}


def _legend() -> list[Any]:
    style: dict[str, Any] = {"edgecolor": "#333333"}
    return [
        Patch(facecolor=COMMON, label="common root", **style),
        Patch(facecolor=ROOT, label="root of this graph only", **style),
        Line2D([], [], color=GREY, marker=">", markevery=[-1], label="messages flow along the arrow"),
    ]


def _graph(run: Run, edges: pd.DataFrame, name: str) -> Graph:
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(range(run.workers_count))
    own = edges[edges["graph"] == name]
    graph.add_edges_from(zip(own["from"], own["to"], strict=True))
    return graph


def _draw_graph(axes: Axes, graph: Graph, roots: set[int], common: set[int]) -> None:
    places = layout(graph, common or roots)
    n = graph.number_of_nodes()
    size = float(np.clip(9000 / n, 40, 620))
    fill = [COMMON if node in common else ROOT if node in roots else OTHER for node in graph]
    mutual = [edge for edge in graph.edges if graph.has_edge(*reversed(edge)) and edge[0] < edge[1]]
    single = [edge for edge in graph.edges if not graph.has_edge(*reversed(edge))]
    look: dict[str, Any] = {
        "ax": axes,
        "node_size": size,
        "edge_color": GREY,
        "width": 1.3 if n <= 20 else 0.6,
    }
    head = 14 if n <= 20 else 7
    nx.draw_networkx_edges(graph, places, edgelist=mutual, arrowstyle="<|-|>", arrowsize=head, **look)
    nx.draw_networkx_edges(graph, places, edgelist=single, arrowstyle="-|>", arrowsize=head, **look)
    nx.draw_networkx_nodes(graph, places, ax=axes, node_size=size, node_color=fill, edgecolors="#333333")
    if n <= 40:
        nx.draw_networkx_labels(graph, places, ax=axes, font_size=10 if n <= 20 else 7)
    axes.margins(0.12)
    axes.set_axis_off()


def layout(graph: Graph, roots: set[int]) -> Places:
    """A tree hangs from its root (fans out around it when wide); anything else goes round a circle."""
    undirected = graph.to_undirected()
    n = graph.number_of_nodes()
    if not nx.is_tree(undirected):
        return _circle(n)
    root = min(roots, default=0)
    depths = nx.single_source_shortest_path_length(undirected, root)
    across = _across(nx.dfs_tree(undirected, root), root)
    widest = max(across.values()) + 1
    if max(depths.values()) > 8:
        return _circle(n)
    if widest <= 10:
        return {node: (across[node], -1.2 * depths[node]) for node in graph}
    turn = {node: 2 * np.pi * across[node] / widest for node in graph}
    return {node: (depths[node] * np.sin(turn[node]), depths[node] * np.cos(turn[node])) for node in graph}


def _circle(n: int) -> Places:
    """Worker 0 at the top, clockwise."""
    return {i: (float(np.sin(2 * np.pi * i / n)), float(np.cos(2 * np.pi * i / n))) for i in range(n)}


def _across(tree: Graph, root: int) -> dict[int, float]:
    """Leaves side by side in the order in which they are met, a parent over the middle of its children."""
    across: dict[int, float] = {}
    leaves = 0
    for node in nx.dfs_postorder_nodes(tree, root):
        children = [across[child] for child in tree.successors(node)]
        across[node] = sum(children) / len(children) if children else float(leaves)
        leaves += not children
    return across
