"""Topology files: edge lists, matrices as CSV, NPY and NPZ, and GraphML of both, as `topology check` reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from benchmarks.fuzz import archives, hostile
from benchmarks.fuzz.huge import huge_text
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.check import text, verdicts

Rng = hostile.Rng
RING = [(k, (k + 1) % 6) for k in range(6)]
XML = (
    '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;">'
    '<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;">]>'
)


def _checked(spec: TopologySpec, workers: int | None) -> Callable[[], object]:
    def read() -> None:
        checks = verdicts.of_spec(spec, workers, 1e6)
        verdicts.to_json(checks)
        for check in checks:
            text.render(check)

    return read


def _workers(rng: Rng) -> int | None:
    return hostile.pick(rng, (None, 6, 1, 100_001)) if rng.integers(3) == 0 else None


def edge_list(rng: Rng, folder: Path) -> Callable[[], object]:
    """One or two lists of edges."""
    w, a = folder / "w.txt", folder / "a.txt"
    w.write_text("# ring\n" + "".join(f"{j} {i}\n" for j, i in RING))
    a.write_text("".join(f"{i} {j}\n" for j, i in RING))
    if rng.integers(12) == 0:
        w.write_text(huge_text(rng))
    else:
        hostile.damaged(w, rng)
    spec = TopologySpec(edges=w) if rng.integers(3) == 0 else TopologySpec(w=w, a=a)
    return _checked(spec, _workers(rng))


def _weights(rng: Rng) -> np.ndarray:
    odd: tuple[Any, ...] = (
        np.full((3, 3), 1 / 3),
        np.zeros((0, 0)),
        np.eye(2),
        np.full((4, 4), np.nan),
        np.full((2, 2), 1e308),
    )
    odd += (
        np.ones((2, 3)),
        np.ones(3),
        np.array(1.0),
        np.eye(3) * -1,
        np.eye(2) * 1e-320,
        np.ones((2, 2, 2)),
    )
    kinds: tuple[Any, ...] = (
        np.float64,
        np.float32,
        np.int64,
        np.bool_,
        np.complex128,
        np.str_,
        np.uint8,
        np.float16,
        "M8[s]",
    )
    weights: np.ndarray = hostile.pick(rng, odd).astype(hostile.pick(rng, kinds))
    return weights


def matrix(rng: Rng, folder: Path) -> Callable[[], object]:
    """A matrix in one of the formats for it."""
    suffix = hostile.pick(rng, (".csv", ".npy", ".npz"))
    path = folder / f"w{suffix}"
    if suffix == ".csv":
        np.savetxt(path, np.full((4, 4), 0.25), delimiter=",", fmt="%g")
        if rng.integers(12) == 0:
            path.write_text(huge_text(rng))
        else:
            hostile.damaged(path, rng)
    else:
        archives.write(path, {"w": _weights(rng)}, rng)
    given = {"w_matrix": path} if rng.integers(2) else {"w_matrix": path, "a_matrix": path}
    return _checked(TopologySpec(**given), _workers(rng))


def graphml(rng: Rng, folder: Path) -> Callable[[], object]:
    """GraphML of edges or of weights."""
    path, weighted = folder / "w.graphml", bool(rng.integers(2))
    graph: Any = nx.DiGraph() if rng.integers(2) else nx.Graph()
    graph.add_edges_from((f"n{j}", f"n{i}", {"weight": 0.5} if weighted else {}) for j, i in RING)
    nx.write_graphml(graph, path)
    if rng.integers(8) == 0:
        content = path.read_text().replace("?>", "?>" + XML, 1).replace('"n1"', '"&g;&g;&g;&g;"', 1)
        path.write_text(content)
    else:
        hostile.damaged(path, rng)
    keys = ("w_matrix",) if weighted else (("edges",) if rng.integers(2) else ("w", "a"))
    return _checked(TopologySpec(**dict.fromkeys(keys, path)), _workers(rng))


def named(rng: Rng, folder: Path) -> Callable[[], object]:
    """A named kind of any size."""
    kinds: tuple[str, ...] = (
        "ring",
        "line",
        "complete",
        "binary-tree",
        "star",
        "directed-ring",
        "exponential",
        "hypercube",
    )
    kinds += ("random-trees", "random-graphs", "bipartite-exponential", "grid", "x")
    sizes = (1, 2, 3, 16, 1000, 100_001, 10**6, 10**9, 10**18)
    spec = TopologySpec(
        kind=hostile.pick(rng, kinds),
        seed=hostile.pick(rng, (0, 1, -1, 2**63, 10**30)),
        root=hostile.pick(rng, (0, 1, -1, 10**9)),
        common_roots=hostile.pick(rng, (1, 2, 10**9)),
    )
    return _checked(spec, hostile.pick(rng, sizes))


FAMILIES = {"edge list": edge_list, "matrix": matrix, "GraphML": graphml, "named graph": named}
