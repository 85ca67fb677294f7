"""From what a scenario says of a topology to the topology: a named kind or files, weights, and whether they suit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rfast_bench.api import Needs
from rfast_bench.errors import CannotRun, Unsound, UserError, suggest
from rfast_bench.scenario.sections.topology import FILE, TopologySpec
from rfast_bench.scenario.values.bounds import MOST_WORKERS
from rfast_bench.topology import edge_lists, graphs
from rfast_bench.topology import files as graph_files
from rfast_bench.topology.connectivity import no_trees, not_bipartite, two_colouring
from rfast_bench.topology.graphs import Edges
from rfast_bench.topology.mixing import Weights, by_worker, metropolis, uniform_a, uniform_w
from rfast_bench.topology.topology import Topology

Notes = tuple[str, ...]


def build(
    spec: TopologySpec,
    workers: int,
    needs: Needs,
    allow_unsound: bool = False,
    where: str = "topology",
    allow_flawed_weights: bool = False,
) -> Topology:
    """The topology of `workers` workers for an algorithm with these needs.

    With `allow_flawed_weights` given weights may have zeros on the diagonal and sums other than 1, to be
    explained rather than run: see `weight_flaws`.

    Raises UserError for bad input (its place starts with `where`), CannotRun when the graph is not of the
    sort that the algorithm needs, Unsound when the condition fails, unless that is allowed.
    """
    if workers < 1:
        raise UserError(f"{where}: found {workers} workers; at least 1 is needed")
    if workers > MOST_WORKERS:
        raise UserError(f"{where}: found {workers} workers; at most {MOST_WORKERS} are planned for")
    if needs == "nothing":
        return _edgeless(workers)
    check_keys(spec, workers, where)
    directed = needs in ("pair", "trees")
    topology = _pair(spec, workers, where) if directed else _undirected(spec, workers, needs, where)
    if not allow_flawed_weights:
        _check_weights(spec, topology, where)
    if not topology.common_roots and not allow_unsound:
        raise Unsound(f"{where}: {topology.name}: {topology.flaw}")
    if needs == "trees" and (flaw := no_trees(topology.W, topology.A)):
        raise CannotRun(f"{topology.name} of {workers} is no pair of spanning trees: {flaw}")
    holds = bool(topology.common_roots) and not any(topology.weight_flaws.values())
    return topology if holds else replace(topology, sound=False)


def _check_weights(spec: TopologySpec, topology: Topology, where: str) -> None:
    for key in ("w_matrix", "a_matrix"):
        flaws = topology.weight_flaws[key[0].upper()] if key in spec.paths else []
        if flaws:
            raise UserError(f"{where}.{key}: {spec.paths[key]}: {flaws[0]}")


def _edgeless(n: int) -> Topology:
    identity: Weights = tuple({i: 1.0} for i in range(n))
    return Topology("none", n, directed=False, W=identity, A=identity, side=(0,) * n)


def check_keys(spec: TopologySpec, n: int, where: str) -> None:
    """Raises UserError for keys that no graph of n workers has."""
    if spec.kind not in (*graphs.KINDS, FILE):
        raise UserError(f"{where}.kind: found '{spec.kind}'{suggest(spec.kind, (*graphs.KINDS, FILE))}")
    lists = [key for key in ("w", "a", "edges") if key in spec.paths]
    if spec.kind != FILE and lists:
        raise UserError(
            f"{where}.{lists[0]}: kind '{spec.kind}' has its own edges; give a kind or edge lists"
        )
    if "edges" in lists and len(lists) > 1:
        raise UserError(f"{where}.edges: give either edges (undirected) or w and a (a directed pair)")
    if spec.kind == FILE and not spec.paths:
        raise UserError(f"{where}: give a kind, or files: w and a, edges, w_matrix, or w_matrix and a_matrix")
    if spec.seed and spec.kind not in graphs.RANDOM:
        raise UserError(f"{where}.seed: only {', '.join(graphs.RANDOM)} take a seed")
    if spec.common_roots != 1 and spec.kind != "random-graphs":
        raise UserError(f"{where}.common_roots: only random-graphs takes it")
    if spec.root and spec.kind not in graphs.ROOTED:
        raise UserError(f"{where}.root: only {', '.join(sorted(graphs.ROOTED))} take a root")
    if not 0 <= spec.root < n:
        raise UserError(f"{where}.root: worker {spec.root} does not exist; there are workers 0 to {n - 1}")


def _matrix(spec: TopologySpec, n: int, key: str, where: str) -> graph_files.Matrix | None:
    path = spec.paths.get(key)
    if path is None:
        return None
    return graph_files.read_matrix(path, f"{where}.{key}", n)


def _pair(spec: TopologySpec, n: int, where: str) -> Topology:
    if set(spec.paths) == {"w_matrix"} and spec.kind == FILE:
        W = A = _symmetric_weights(spec, n, None, where)
    else:
        edges_w, edges_a, notes = _pair_edges(spec, n, where)
        W = _side_weights(spec, n, edges_w, "w", where)
        A = _side_weights(spec, n, edges_a, "a", where)
        return Topology(spec.name, n, directed=True, W=W, A=A, side=(0,) * n, notes=notes)
    return Topology(spec.name, n, directed=True, W=W, A=A, side=(0,) * n)


def _pair_edges(spec: TopologySpec, n: int, where: str) -> tuple[Edges | None, Edges | None, Notes]:
    if spec.kind != FILE:
        return *graphs.pair(spec.kind, n, spec.root, spec.seed, spec.common_roots), ()
    if spec.edges is not None:
        edges, notes = _undirected_edges(spec.edges, n, where)
        return edges, edges, notes
    lists = {key: path for key, path in spec.paths.items() if key in ("w", "a")}
    read = edge_lists.read_all(lists, where, n)
    return read.edges.get("w"), read.edges.get("a"), read.notes


def _undirected_edges(path: Path, n: int, where: str) -> tuple[Edges, Notes]:
    read = edge_lists.read_all({"edges": path}, where, n, directed=False)
    return graphs.both_ways(read.edges["edges"]), read.notes


def _side_weights(spec: TopologySpec, n: int, edges: Edges | None, side: str, where: str) -> Weights:
    """Rows of W or columns of A: the given matrix, else uniform weights on the edges."""
    key = f"{side}_matrix"
    matrix = _matrix(spec, n, key, where)
    if matrix is not None:
        if edges is not None:
            graph_files.check_pattern(matrix, edges, f"{where}.{key}", spec.paths[key])
        return by_worker(matrix if side == "w" else matrix.T)
    if edges is None:
        raise UserError(
            f"{where}: a pair needs both graphs; G({side.upper()}) is missing: give {side} or {key}"
        )
    return uniform_w(n, edges) if side == "w" else uniform_a(n, edges)


def _undirected(spec: TopologySpec, n: int, needs: Needs, where: str) -> Topology:
    if {"w", "a", "a_matrix"} & set(spec.paths):
        raise CannotRun(f"{spec.name} is a directed pair; an undirected graph is needed")
    edges: Edges | None = None
    notes: Notes = ()
    if spec.kind != FILE:
        edges = graphs.both_ways(graphs.undirected(spec.kind, n, spec.root))
    elif spec.edges is not None:
        edges, notes = _undirected_edges(spec.edges, n, where)
    W = _symmetric_weights(spec, n, edges, where)
    side, cycle = two_colouring(W)
    if needs == "bipartite" and cycle:
        raise CannotRun(f"{spec.name} of {n} is {not_bipartite(cycle)}")
    return Topology(spec.name, n, directed=False, W=W, A=W, side=side, notes=notes)


def _symmetric_weights(spec: TopologySpec, n: int, edges: Edges | None, where: str) -> Weights:
    """The given symmetric W, else Metropolis-Hastings weights on the edges (both directions listed)."""
    matrix = _matrix(spec, n, "w_matrix", where)
    if matrix is None:
        return metropolis(n, edges or [])
    path = spec.paths["w_matrix"]
    graph_files.check_symmetric(matrix, f"{where}.w_matrix", path)
    if edges is not None:
        graph_files.check_pattern(matrix, edges, f"{where}.w_matrix", path)
    return by_worker(matrix)
