"""Edge lists from the user's files, as other programs leave them. Every complaint is a UserError.

One edge a line, `from to` (`lists/rows.py` says in which forms): numbers, or names of workers. What is not taken as it
stands there is noted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rfast_bench.errors import UserError
from rfast_bench.scenario.values.bounds import MOST_WORKERS
from rfast_bench.topology import graphml
from rfast_bench.topology.graphs import Edge, Edges
from rfast_bench.topology.lists.rows import (
    WANTED,
    Node,
    Row,
    is_value,
    node_of,
    rows_of,
    without_count,
    without_heading,
)

SHOWN = 6
"""Names of workers in a note."""
_NUMBERED = re.compile(r"([^0-9.:]+)(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Listing:
    """One file, its nodes as they are called there."""

    path: Path
    place: str
    pairs: list[tuple[Node, Node, Row]]
    count: int | None
    """Of nodes, where the file says it."""
    unused: str
    """What stands beside the edges."""

    @property
    def nodes(self) -> set[Node]:
        return {node for j, i, _ in self.pairs for node in (j, i)}


@dataclass(frozen=True)
class Read:
    """The edges of each file, how many workers they are about, and what is to be said of how they were read."""

    edges: dict[str, Edges]
    workers: int
    notes: tuple[str, ...]


def read_all(
    files: Mapping[str, Path], where: str, workers: int | None = None, directed: bool = True
) -> Read:
    """The graphs of one topology, by the keys that they are given under; their workers are numbered together. Names
    are checked against 0 .. workers-1 when that is given."""
    drawn = {key: path for key, path in files.items() if path.suffix.lower() == graphml.SUFFIX}
    listed = {key: _listing(path, f"{where}.{key}") for key, path in files.items() if key not in drawn}
    numbers, notes = _numbered(list(listed.values()), workers)
    counts = [1, *(one.count for one in listed.values() if one.count is not None)]
    edges = {}
    for key, path in files.items():
        if key in drawn:
            edges[key], named, loops = _graphml(path, f"{where}.{key}", workers, directed)
            counts.append(named)
            told = _left_out(path, loops)
        else:
            edges[key], told = _edges(listed[key], numbers, workers, directed)
        notes += told
    counts.append(1 + max(numbers.values(), default=0))
    return Read(edges, max(counts), tuple(dict.fromkeys(notes)))


def _graphml(path: Path, place: str, workers: int | None, directed: bool) -> tuple[Edges, int, int]:
    edges, named = graphml.read_edges(path, place, directed)
    if workers is not None and named > workers:
        raise UserError(f"{place}: {path}: found {named} nodes; there are {workers} workers")
    others = [(j, i) for j, i in edges if j != i]
    return others, named, len(edges) - len(others)


# --------------------------------------------------------------------------------------------------- one file
def _listing(path: Path, place: str) -> Listing:
    count, rows = without_count(list(rows_of(path, place)))
    rows, columns, unused = without_heading(rows)
    pairs = []
    for row in rows:
        ends = [node_of(row.fields[k]) if k < len(row.fields) else None for k in columns]
        behind = () if unused is not None else row.fields[2:]
        if ends[0] is None or ends[1] is None or not all(map(is_value, behind)):
            raise UserError(f"{place}: {path}, line {row.number}: found {row.text!r}; {WANTED}")
        pairs.append((ends[0], ends[1], row))
    names = sorted({str(name) for row in rows for name in row.about})
    if unused is None and any(len(row.fields) > 2 for row in rows):
        names = [
            "its third column" if max(len(row.fields) for row in rows) == 3 else "its further columns",
            *names,
        ]
    return Listing(path, place, pairs, count, ", ".join([*(unused or ()), *names]))


# ------------------------------------------------------------------------------------------------ their workers
def _numbered(listings: Sequence[Listing], workers: int | None) -> tuple[dict[Node, int], list[str]]:
    """The worker that each node is, over all files of a topology, and what is to be said of it."""
    nodes: set[Node] = set().union(*(one.nodes for one in listings))
    names = sorted((node for node in nodes if isinstance(node, str)), key=_natural)
    if names and len(names) < len(nodes):
        _refuse_mixture(listings)
    known = [count for count in (workers, *(one.count for one in listings)) if count is not None]
    who = " and ".join(one.path.name for one in listings)
    numbers = _said(nodes)
    if names and not numbers:
        if any(count != len(names) for count in known) or any(one.nodes != nodes for one in listings):
            _refuse_names(listings, names, known)
        shown = [f"{k} is {name}" for k, name in enumerate(names[:SHOWN])]
        more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        told = f"workers are named; in the order of the alphabet {', '.join([*shown, *more])}"
        return {name: k for k, name in enumerate(names)}, [f"{who}: {told}"]
    most = max(numbers.values(), default=0)
    from_one = bool(numbers) and 0 not in numbers.values() and (most == len(numbers) or most in known)
    if from_one and all(count == most for count in known):
        told = f"numbered from 1; read as workers 0 to {most - 1}"
        return {node: n - 1 for node, n in numbers.items()}, [f"{who}: {told}"]
    return numbers, []


def _said(nodes: set[Node]) -> dict[Node, int]:
    """The numbers that nodes are, or that they end in (`node0`, `node1`, ...) where none is left out; else nothing."""
    if all(isinstance(node, int) for node in nodes):
        return {node: int(node) for node in nodes}
    found = {node: _NUMBERED.fullmatch(str(node)) for node in nodes}
    parts = {node: (match[1], int(match[2])) for node, match in found.items() if match is not None}
    numbers = {node: number for node, (_, number) in parts.items()}
    alike = len(parts) == len(nodes) and len({prefix for prefix, _ in parts.values()}) == 1
    first = min(numbers.values(), default=0)
    whole = set(numbers.values()) == set(range(first, first + len(nodes)))
    return numbers if alike and whole and first <= 1 else {}


def _natural(name: str) -> tuple[tuple[str, int], ...]:
    """`node2` before `node10`."""
    return tuple((word, int(digits or -1)) for word, digits in re.findall(r"([^0-9]*)([0-9]{0,18})", name))


def _refuse_mixture(listings: Sequence[Listing]) -> None:
    first = type(listings[0].pairs[0][0])
    for one in listings:
        for j, i, row in one.pairs:
            if not (isinstance(j, first) and isinstance(i, first)):
                raise UserError(
                    f"{one.place}: {one.path}, line {row.number}: found {row.text!r}; {WANTED}, or all by their names"
                )


def _refuse_names(listings: Sequence[Listing], names: list[str], known: list[int]) -> None:
    one = next((one for one in listings if len(one.nodes) < len(names)), listings[0])
    missing = next((name for name in names if name not in one.nodes), None)
    found = f"{len(one.nodes)} names" + (f" and not '{missing}'" if missing is not None else "")
    wanted = known[0] if known else len(names)
    raise UserError(
        f"{one.place}: {one.path}: found {found}; there are {wanted} workers. Where workers are named, each file "
        f"names all of them; else number them from 0 to {wanted - 1}"
    )


# ---------------------------------------------------------------------------------------------------- its edges
def _edges(
    one: Listing, numbers: Mapping[Node, int], workers: int | None, directed: bool
) -> tuple[Edges, list[str]]:
    """The edges in the order of the file, each once, and what is to be said of them."""
    most = MOST_WORKERS if workers is None else workers
    if one.count is not None and workers is not None and one.count != workers:
        raise UserError(
            f"{one.place}: {one.path} says that there are {one.count} nodes; there are {workers} workers"
        )
    seen: dict[Edge, int] = {}
    loops = twice = 0
    for tail, head, row in one.pairs:
        place = f"{one.place}: {one.path}, line {row.number}"
        edge = j, i = numbers[tail], numbers[head]
        if max(edge) >= most:
            raise UserError(f"{place}: worker {max(edge)} does not exist; there are workers 0 to {most - 1}")
        if edge in seen:
            raise UserError(f"{place}: the edge {row.text!r} is already on line {seen[edge]}")
        if j == i:
            loops += 1
        elif not directed and (i, j) in seen:
            twice += 1
        else:
            seen[edge] = row.number
    return list(seen), [*_left_out(one.path, loops), *_both_ways(one.path, twice), *_not_used(one)]


def _left_out(path: Path, loops: int) -> list[str]:
    found = "an edge" if loops == 1 else f"{loops} edges"
    verb, whom = ("is", "a worker") if loops == 1 else ("are", "workers")
    own = "itself" if loops == 1 else "themselves"
    return [
        f"{path.name}: {found} of {whom} to {own} {verb} left out, for every worker keeps a share of its own"
    ] * (loops > 0)


def _both_ways(path: Path, twice: int) -> list[str]:
    found = "an edge comes" if twice == 1 else f"{twice} edges come"
    return [f"{path.name}: {found} both ways; an undirected one counts once"] * (twice > 0)


def _not_used(one: Listing) -> list[str]:
    if not one.unused:
        return []
    return [
        f"{one.path.name}: beside the edges stands what is not used ({one.unused}); weights of your own come as a "
        "matrix"
    ]
