"""Figures of how a run works: when each worker computed, and the graphs that messages travel on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rfast_bench.figures.layouts import Graph
from rfast_bench.figures.style import Style, by_label, figure, headline, plain, save, slug, time_name
from rfast_bench.figures.topology import MEANINGS, MOST_EDGES, MOST_WORKERS, Side, draw_sides
from rfast_bench.records.reading import Run

STRETCH = 12
"""How many mean gradients a timeline shows."""
MOST_BARS = 16


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
    rows = min(MOST_BARS, max(run.workers_count for run, _ in tables))
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
    """`topology-<label>.png` per label that has a graph of a drawable size."""
    firsts = [group[0] for group in by_label(runs).values()]
    return [
        save(_topology(run, run.topology()), out, f"topology-{slug(run.label)}")
        for run in firsts
        if run.topology_info is not None
        and 0 < len(run.topology()) <= MOST_EDGES
        and run.workers_count <= MOST_WORKERS
    ]


def _topology(run: Run, edges: pd.DataFrame) -> Figure:
    info = run.topology_info
    assert info is not None
    graphs = {name: _graph(run, edges, name) for name in ("W", "A") if (edges["graph"] == name).any()}
    paired = len(graphs) == 2
    roots = {"W": info.roots_w or (), "A": info.roots_a or ()}
    sides = [
        Side(graph, roots[name] if paired else (), MEANINGS[name] if paired else "")
        for name, graph in graphs.items()
    ]
    root = "" if info.sound else " · NO COMMON ROOT" if paired else " · not sound"
    subtitle = f"{info.name}, {run.workers_count} workers{root}"
    common = info.common_roots or () if paired else ()
    return draw_sides(sides, common, f"Topology of {run.label}", subtitle)


def _graph(run: Run, edges: pd.DataFrame, name: str) -> Graph:
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(range(run.workers_count))
    own = edges[edges["graph"] == name]
    graph.add_edges_from(zip(own["from"].tolist(), own["to"].tolist(), strict=True))
    return graph
