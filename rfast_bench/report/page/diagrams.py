"""How a run works, as SVG: when each worker computed, and the graphs that messages travel on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import networkx as nx
import pandas as pd
from markupsafe import Markup

from rfast_bench.figures.diagrams import MOST_BARS, STRETCH
from rfast_bench.figures.layouts import Graph, Places, closest, layout
from rfast_bench.figures.sides import MOST_EDGES
from rfast_bench.figures.style import by_label, time_name
from rfast_bench.records.reading import Run
from rfast_bench.report.content.fault_words import listed
from rfast_bench.report.page.charts import RIGHT, Looks
from rfast_bench.report.page.svg import (
    WIDTH,
    Scale,
    drawing,
    line,
    number,
    path,
    series,
    shape,
    short,
    tag,
    text,
    tick_below,
)

ROW = 14.0
MARGIN = 30.0


# ----------------------------------------------------------------------------------------------- timeline
def timelines(runs: Sequence[Run], looks: Looks) -> list[tuple[str, Markup]]:
    """(label, drawing) of the first seed of every label that has a timeline, all over the same stretch."""
    tables = [(group[0], group[0].timeline()) for group in by_label(runs).values()]
    tables = [(run, table) for run, table in tables if len(table)]
    if not tables:
        return []
    every = pd.concat([table for _, table in tables])
    until = min(STRETCH * float((every["end"] - every["start"]).mean()), float(every["end"].max()))
    return [(run.label, _timeline(run, table, until, looks)) for run, table in tables]


def _timeline(run: Run, table: pd.DataFrame, until: float, looks: Looks) -> Markup:
    rows = min(MOST_BARS, run.workers_count)
    across = Scale(0.0, until, 34.0, WIDTH - RIGHT)
    below = 6 + ROW * rows
    shown = table[(table["worker"] < rows) & (table["start"] < until)]
    computing = "".join(
        f"M{short(across(start) + 0.3)} {short(6 + ROW * (worker + 0.5))}H{short(across(min(end, until)) - 0.3)}"
        for worker, start, end in zip(shown["worker"], shown["start"], shown["end"], strict=True)
    )
    lanes = "".join(
        f"M{short(across.start)} {short(6 + ROW * (k + 0.5))}H{short(across.end)}" for k in range(rows)
    )
    step = -(-rows // 8)
    index, style = looks[run.label]
    return drawing(
        below + 46,
        f"when the workers of {run.label} computed: {_busy(run)}",
        tag("path", d=lanes, class_="lane"),
        series(index, style, "computing a gradient", tag("path", d=computing, class_="computing")),
        *(text(28, 10 + ROW * (k + 0.5), str(k), "end", "tick rank") for k in range(0, rows, step)),
        line(across.start, below + 2, across.end, below + 2, "axis"),
        *(tick_below(across(tick), below + 18, number(tick)) for tick in across.ticks()),
        text((across.start + across.end) / 2, below + 39, time_name([run]), "middle", "name"),
    )


def _busy(run: Run) -> str:
    workers = run.workers()
    spent = workers["busy"].sum() + workers["waiting"].sum()
    return (
        f"busy {100 * workers['busy'].sum() / spent:.0f} % of their time" if spent > 0 else "see the drawing"
    )


# ----------------------------------------------------------------------------------------------- topology
def topologies(runs: Sequence[Run]) -> list[tuple[str, str, list[tuple[str, Markup]]]]:
    """(label, caption, its drawings by caption) for every label that has a graph."""
    found = []
    for label, group in by_label(runs).items():
        run, edges = group[0], group[0].topology()
        if run.topology_info is None or edges.empty:
            continue
        parts = [(said, _graph(run, edges, name)) for name, said in _shown(run, edges)]
        found.append((label, _caption(run, len(edges)), parts))
    return found


def _shown(run: Run, edges: pd.DataFrame) -> list[tuple[str, str]]:
    if len(edges) > MOST_EDGES:
        return []
    if _paired(edges) and _same(edges):
        return [("W", "W and A are this graph")]
    if _paired(edges):
        return [("W", "W: models flow from the root"), ("A", "A: gradient mass flows to the root")]
    return [("W", "messages go both ways")]


def _caption(run: Run, edges: int) -> str:
    info = run.topology_info
    assert info is not None
    words = f"{info.name}, {run.workers_count} workers"
    if info.common_roots and _paired(run.topology()):
        words += f", common {_roots(info.common_roots, run.workers_count)}"
    words += (
        "" if info.sound else "; unsound: no common root" if info.common_roots is not None else "; unsound"
    )
    return words + (f"; {edges} edges, too many to draw" if edges > MOST_EDGES else "")


def _roots(roots: Sequence[int], workers: int) -> str:
    if len(roots) == workers:
        return "roots: all workers"
    return f"{'root' if len(roots) == 1 else 'roots'} {listed(map(str, roots))}"


def _paired(edges: pd.DataFrame) -> bool:
    return bool((edges["graph"] == "A").any())


def _same(edges: pd.DataFrame) -> bool:
    """Whether W and A have the same edges."""
    lines = {name: set(zip(own["from"], own["to"], strict=True)) for name, own in edges.groupby("graph")}
    return lines.get("W") == lines.get("A")


def _graph(run: Run, edges: pd.DataFrame, name: str) -> Markup:
    own = edges[edges["graph"] == name]
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(range(run.workers_count))
    graph.add_edges_from(zip(own["from"], own["to"], strict=True))
    info = run.topology_info
    assert info is not None
    paired = _paired(edges)
    common = set(info.common_roots or ()) if paired else set()
    roots = set((info.roots_w if name == "W" else info.roots_a) or ()) if paired else set()
    n = run.workers_count
    places, height = _fitted(layout(graph, common or roots))
    r = max(2.0, min(15.0, 110 / math.sqrt(n) / 2, 0.4 * closest(places) if n > 1 else 15.0))
    return drawing(
        height,
        f"graph {name}: {graph.number_of_edges()} edges among {run.workers_count} workers",
        _edges(graph, places, r),
        *(_node(node, *places[node], r, node in common, node in roots, run.workers_count) for node in graph),
    )


def _fitted(places: Places) -> tuple[Places, float]:
    """The layout in user units, and its height: as drawn, but not higher than wide."""
    xs, ys = zip(*places.values(), strict=True)
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    height = 2 * MARGIN + max(60.0, min(320.0, 70.0 * high if wide < high else 320.0))
    span = min(WIDTH - 2 * MARGIN, 460.0 if wide > 2.5 else height - 2 * MARGIN)
    middle = WIDTH / 2

    def put(x: float, y: float) -> tuple[float, float]:
        across = (x - min(xs)) / wide - 0.5 if wide else 0.0
        down = (max(ys) - y) / high if high else 0.5
        return middle + span * across, MARGIN + (height - 2 * MARGIN) * down

    return {node: put(x, y) for node, (x, y) in places.items()}, height


def _edges(graph: Graph, places: Places, r: float) -> Markup:
    """All lines in one path, all arrow heads in another; an edge both ways is a line without heads."""
    lines, heads = [], []
    for j, i in graph.edges:
        mutual = graph.has_edge(i, j)
        if mutual and j > i:
            continue
        (x1, y1), (x2, y2) = places[j], places[i]
        long = math.hypot(x2 - x1, y2 - y1) or 1.0
        ux, uy = (x2 - x1) / long, (y2 - y1) / long
        tip, size = (x2 - (r + 1) * ux, y2 - (r + 1) * uy), min(8.0, 2 + r / 2)
        lines.append(path([(x1, y1), (x2, y2)]))
        if not mutual:
            back = (tip[0] - size * ux, tip[1] - size * uy)
            wing = (size / 2 * uy, -size / 2 * ux)
            corners = [(back[0] + wing[0], back[1] + wing[1]), (back[0] - wing[0], back[1] - wing[1])]
            heads.append(path([tip, *corners], closed=True))
    return tag(
        "g", tag("path", d="".join(lines), class_="edge"), tag("path", d="".join(heads), class_="head")
    )


def _node(node: int, x: float, y: float, r: float, common: bool, root: bool, n: int) -> Markup:
    kind = "node common" if common else "node root" if root else "node"
    parts = [tag("path", d=shape("o", x, y, r), class_=kind)]
    parts += [tag("path", d=shape("o", x, y, r + 3.5), class_="ring")] if common else []
    parts += [text(x, y + 4, str(node), "middle", "worker")] if n <= 40 else []
    return tag("g", *parts)
