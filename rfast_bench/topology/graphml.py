"""Graphs from GraphML files: their edges, or, where edges carry a `weight`, a matrix.

Nodes are named `0`, `1`, ... or `n0`, `n1`, ...; every edge points from the sender to the receiver.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError

SUFFIX = ".graphml"
MOST_ROWS = 10_000
"""Of a matrix that is made from a list of its weights: 800 MB."""


def read_edges(path: Path, where: str, directed: bool) -> tuple[list[tuple[int, int]], int]:
    """Its edges, and how many workers its nodes name. Raises UserError."""
    graph = _read(path, where)
    place = f"{where}: {path}"
    if graph.is_directed() != directed:
        found, wanted = ("a directed", "as w and a") if graph.is_directed() else ("an undirected", "as edges")
        raise UserError(f"{place}: found {found} graph; give it {wanted}")
    if any("weight" in data for _, _, data in graph.edges(data=True)):
        raise UserError(f"{place}: the edges carry a weight; give the file as w_matrix or a_matrix")
    names = _workers(graph, place)
    return [(names[j], names[i]) for j, i in graph.edges()], 1 + max(names.values())


def read_matrix(path: Path, where: str) -> NDArray[np.float64]:
    """`M[i, j]` is the `weight` of the edge j -> i, 0 without one; an edge to oneself is on the diagonal."""
    graph = _read(path, where)
    place = f"{where}: {path}"
    names = _workers(graph, place)
    if len(names) > MOST_ROWS:
        raise UserError(f"{place}: found {len(names)} nodes; a matrix has at most {MOST_ROWS} rows")
    matrix = np.zeros((1 + max(names.values()),) * 2)
    for j, i, data in graph.edges(data=True):
        try:
            weight = float(data["weight"])
        except (KeyError, ValueError) as problem:
            found = f"weight {data['weight']!r}" if "weight" in data else "no weight"
            raise UserError(f"{place}: edge {j} -> {i}: found {found}; a number is needed") from problem
        matrix[names[i], names[j]] = weight
        if not graph.is_directed():
            matrix[names[j], names[i]] = weight
    return matrix


def _read(path: Path, where: str) -> Any:
    try:
        graph = nx.read_graphml(path)
    except (OSError, ParseError, nx.NetworkXError, ValueError, LookupError) as problem:
        reason = (problem.strerror if isinstance(problem, OSError) else None) or problem
        raise UserError(f"{where}: cannot read {path}: {reason}") from problem
    if not graph:
        raise UserError(f"{where}: {path}: found no nodes")
    if graph.is_multigraph():
        raise UserError(f"{where}: {path}: an edge comes more than once")
    return graph


def _workers(graph: Any, place: str) -> dict[str, int]:
    named = {name: re.fullmatch(r"n?(\d{1,9})", name, re.ASCII) for name in graph}
    wrong = [name for name, match in named.items() if match is None]
    if wrong:
        raise UserError(
            f"{place}: found a node named '{wrong[0]}'; nodes are workers: 0, 1, ... or n0, n1, ..."
        )
    workers = {name: int(match[1]) for name, match in named.items() if match is not None}
    missing = set(range(len(workers))) - set(workers.values())
    if missing:
        raise UserError(f"{place}: there is no node for worker {min(missing)} of {len(workers)}")
    return workers
