"""A designed pair beside the named kinds on the same network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tabulate import tabulate

from rfast_bench.errors import CannotRun
from rfast_bench.topology import graphs
from rfast_bench.topology.designs.objective import Loops, Network, Objective, best_loops, sending_time
from rfast_bench.topology.designs.pair import Design
from rfast_bench.topology.graphs import Edges
from rfast_bench.topology.mixing import uniform_a, uniform_w
from rfast_bench.topology.topology import Topology

MOST_EDGES = 100_000
"""Kinds with more are left out: a complete graph of hundreds."""


@dataclass(frozen=True)
class Row:
    """One pair on the network; `missing` is a link that it needs and the network has not."""

    name: str
    loops: Loops | None = None
    step_factor: float = float("nan")
    degree: int = 0
    """The most receivers of one worker in G(W), or senders to one in G(A)."""
    busiest: tuple[int, float] = (0, 0.0)
    """The worker whose outgoing link is busy longest in an iteration, and for how many seconds."""
    slowest: tuple[int, int, float] | None = None
    """The edge in use with the largest latency, and that in seconds."""
    missing: str = ""


def compare(network: Network, designed: Design) -> list[Row]:
    """The designed pair, then every named kind that is defined for so many workers.

    Kinds with a root have that of the designed pair; the others their best one.
    """
    rows = [_row("designed", network, designed.w, designed.a, designed.objective)]
    for name, w, a in _kinds(network.n, designed.root):
        rows.append(_row(name, network, w, a, designed.objective))
    return rows


def _kinds(n: int, root: int) -> Iterator[tuple[str, Edges, Edges]]:
    for kind in graphs.KINDS:
        if n * (n - 1) > MOST_EDGES and kind == "complete":
            continue
        try:
            w, a = graphs.pair(kind, n, root if kind in graphs.ROOTED else 0)
        except CannotRun:
            continue
        yield kind, w, a


def _row(name: str, network: Network, w: Edges, a: Edges, objective: Objective) -> Row:
    missing = [edge for edge in (*w, *a) if np.isinf(network.latency[edge[1], edge[0]])]
    if missing:
        return Row(name, missing=f"no link {missing[0][0]} -> {missing[0][1]}")
    n = network.n
    pair = Topology(name, n, True, uniform_w(n, w), uniform_a(n, a), (0,) * n)
    busy = sending_time(network, w) + sending_time(network, a)
    edges = {(j, i): float(network.latency[i, j]) for j, i in (*w, *a)}
    slowest = max(edges, key=lambda edge: (edges[edge], -edge[0], -edge[1]), default=None)
    return Row(
        name,
        best_loops(network, w, a, pair.common_roots, objective),
        pair.step_factor,
        max((*Counter(j for j, _ in w).values(), *Counter(i for _, i in a).values()), default=0),
        (int(busy.argmax()), float(busy.max())),
        (*slowest, edges[slowest]) if slowest is not None else None,
    )


# --------------------------------------------------------------------------------------------- as text
HEADERS = (
    *("pair", "root", "depth", "loop-time", "step", "γ_eff/γ", "max degree"),
    *("slowest edge", "busiest sender"),
)


def render(rows: list[Row], objective: Objective) -> str:
    """A table; the column of the objective has a star."""
    headers = [f"{name} *" if name == objective else name for name in HEADERS]
    return tabulate([_cells(row) for row in rows], headers, tablefmt="simple", disable_numparse=True)


def _cells(row: Row) -> list[str]:
    if row.loops is None:
        return [row.name, "-", row.missing]
    slowest = "-" if row.slowest is None else f"{row.slowest[0]} → {row.slowest[1]}, {span(row.slowest[2])}"
    worker, busy = row.busiest
    return [
        row.name,
        str(row.loops.root),
        *(span(seconds) for seconds in (row.loops.depth, row.loops.longest, row.loops.mean)),
        f"{row.step_factor:.3g}",
        str(row.degree),
        slowest,
        f"{worker}, {span(busy)}" if busy else "-",
    ]


def span(seconds: float) -> str:
    """`164 ms`, `2.5 s`."""
    return f"{seconds:.4g} s" if seconds >= 1 else f"{1000 * seconds:.4g} ms"
