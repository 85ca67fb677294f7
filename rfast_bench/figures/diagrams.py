"""Figures of how a run works: when each worker computed, and the graphs that messages travel on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rfast_bench.errors import UserError
from rfast_bench.figures.layouts import Graph
from rfast_bench.figures.looks import Colour, Style, styles
from rfast_bench.figures.sides import MEANINGS, MOST_EDGES, MOST_WORKERS, Side, merged
from rfast_bench.figures.style import (
    by_label,
    colour_of,
    figure,
    headline,
    in_lines,
    save,
    slug,
    theme,
    time_name,
)
from rfast_bench.figures.topology import draw_graph, draw_sides
from rfast_bench.records.key_words import key_words
from rfast_bench.records.reading import Run, varying

STRETCH = 12
"""How many mean gradients a timeline shows."""
MOST_BARS = 16


# ----------------------------------------------------------------------------------------------- timeline
def save_timeline(runs: Sequence[Run], out: Path, looks: Mapping[str, Style]) -> list[Path]:
    """`timeline.png`: the first seed of every label, a panel each; nothing without timelines."""
    firsts = [group[0] for group in by_label(runs).values() if len(group[0].timeline())]
    return [save(_timeline(firsts, looks), out, "timeline")] if firsts else []


def stretch(runs: Sequence[Run]) -> float:
    """How long a timeline of these runs is, in seconds; 0 without any."""
    tables = [table for table in (run.timeline() for run in runs) if len(table)]
    if not tables:
        return 0.0
    every = pd.concat(tables)
    return min(STRETCH * float((every["end"] - every["start"]).mean()), float(every["end"].max()))


def _timeline(firsts: Sequence[Run], looks: Mapping[str, Style]) -> Figure:
    until = stretch(firsts)
    rows = min(MOST_BARS, max(run.workers_count for run in firsts))
    drawn = figure(9.0, 1.1 + len(firsts) * (0.5 + 0.13 * rows))
    panels = drawn.subplots(len(firsts), 1, sharex=True, squeeze=False)[:, 0]
    for axes, run in zip(panels, firsts, strict=True):
        draw_timeline(axes, run, looks, until)
        axes.set_xlabel("")
        axes.set_title(in_lines(run.label, wide=80), fontsize=0.97 * theme().text)
    panels[-1].set_xlabel(time_name(firsts))
    first = firsts[0]
    most = f" · first {rows} workers" if rows < first.workers_count else ""
    said = "colour: computing a gradient, grey: waiting"
    headline(drawn, "Who computes and who waits", f"{first.scenario} · {said} · seed {first.seed}{most}")
    return drawn


def draw_timeline(
    axes: Axes, run: Run, looks: Mapping[str, Style] | None = None, until: float | None = None
) -> None:
    """Draw on `axes` when each worker of a run computed, up to `until` seconds (None: as long as `stretch` says);
    at most `MOST_BARS` workers.

    Raises UserError where the run recorded none.
    """
    table = run.timeline()
    if table.empty:
        raise UserError(f"{run.folder}: no timeline was recorded")
    rows = min(MOST_BARS, run.workers_count)
    colour = colour_of((looks or styles([run]))[run.label])
    _intervals(axes, table[table["worker"] < rows], until or stretch([run]), rows, colour)
    axes.set_xlabel(time_name([run]))


def _intervals(axes: Axes, table: pd.DataFrame, until: float, rows: int, colour: Colour) -> None:
    page = theme()
    for worker in range(rows):
        axes.broken_barh([(0, until)], (worker - 0.4, 0.8), facecolor=page.lane, zorder=1)
    for name, own in table[table["start"] < until].groupby("worker"):
        spans = list(zip(own["start"], own["end"] - own["start"], strict=True))
        line: dict[str, Any] = {"edgecolor": page.page, "linewidth": 0.4 * page.line}
        axes.broken_barh(spans, (int(str(name)) - 0.4, 0.8), facecolor=colour, zorder=2, **line)
    step = max(1, -(-rows // 8))
    axes.set_yticks(range(0, rows, step))
    axes.set(xlim=(0, until), ylim=(rows - 0.4, -0.6), ylabel="worker")
    axes.grid(visible=False)
    axes.tick_params(left=False, labelsize=0.79 * page.text)
    axes.spines[:].set_visible(False)


# ----------------------------------------------------------------------------------------------- topology
def save_topologies(runs: Sequence[Run], out: Path) -> list[Path]:
    """`topology-<label>.png` of every graph of a drawable size, once: for all labels, seeds and sweep points that have
    it. Where a label has several, their names say of which values they are."""
    found: dict[object, list[Run]] = {}
    for run in runs:
        edges = run.topology()
        if run.topology_info and 0 < len(edges) <= MOST_EDGES and run.workers_count <= MOST_WORKERS:
            found.setdefault(_graph_key(run, edges), []).append(run)
    files = []
    for group in found.values():
        label = group[0].label
        beside = [other[0] for other in found.values() if other[0].label == label]
        keys = _telling(beside) if len(beside) > 1 else []
        name = "_".join([label, *(f"{key}-{group[0].point.get(key)}" for key in keys)])
        files.append(save(_topology(group, keys), out, f"topology-{slug(name)}"))
    return files


def _graph_key(run: Run, edges: pd.DataFrame) -> object:
    """Equal for runs whose graphs are drawn alike."""
    lines = sorted(zip(edges["graph"], edges["from"], edges["to"], strict=True))
    return run.topology_info, run.workers_count, tuple(lines)


def _telling(firsts: Sequence[Run]) -> list[str]:
    """The fewest swept keys whose values tell these runs apart."""
    keys = varying(firsts)
    for size in range(1, len(keys) + 1):
        for some in combinations(keys, size):
            if len({tuple(repr(run.point.get(key)) for key in some) for run in firsts}) == len(firsts):
                return list(some)
    return keys


def _topology(group: Sequence[Run], keys: Sequence[str]) -> Figure:
    run = group[0]
    info = run.topology_info
    assert info is not None
    sides = sides_of(run)
    paired = "A" in set(run.topology()["graph"])
    root = "" if info.sound else " · NO COMMON ROOT" if paired else " · not sound"
    names = key_words(group, keys)
    at = "".join(f" · {names[key]} = {run.point.get(key)}" for key in keys)
    common = info.common_roots or () if paired else ()
    labels = ", ".join(dict.fromkeys(one.label for one in group))
    return draw_sides(
        sides, common, f"Topology of {labels}", f"{info.name}, {run.workers_count} workers{root}{at}"
    )


def sides_of(run: Run) -> list[Side]:
    """The graphs of a run: G(W) and G(A), or one where they are the same or the method has but one."""
    info, edges = run.topology_info, run.topology()
    if info is None or edges.empty:
        return []
    graphs = {name: _graph(run, edges, name) for name in ("W", "A") if (edges["graph"] == name).any()}
    paired = len(graphs) == 2
    roots = {"W": info.roots_w or (), "A": info.roots_a or ()}
    return merged(
        [
            Side(graph, roots[name] if paired else (), MEANINGS[name] if paired else "")
            for name, graph in graphs.items()
        ]
    )


def draw_topology(axes: Axes, run: Run, graph: int = 0) -> None:
    """Draw one graph of a run on `axes`: G(W), or with 1 G(A), where they differ.

    Raises UserError where the run has no such graph, or it is too large to be drawn.
    """
    sides = sides_of(run)
    if not 0 <= graph < len(sides):
        raise UserError(f"{run.folder}: it has {len(sides)} graphs, and none with the number {graph}")
    info = run.topology_info
    paired = len(sides) == 2 or bool(sides[graph].roots)
    draw_graph(axes, sides[graph], (info.common_roots or ()) if info and paired else ())


def _graph(run: Run, edges: pd.DataFrame, name: str) -> Graph:
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(range(run.workers_count))
    own = edges[edges["graph"] == name]
    graph.add_edges_from(zip(own["from"].tolist(), own["to"].tolist(), strict=True))
    return graph
