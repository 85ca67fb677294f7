"""Who talks to whom, with which weights, and whether the algorithm's condition holds there.

Words
    edge `j -> i`   messages go from j to i; `M[i, j]` is its weight, in W and in A alike
    G(W)            edges with w_ij > 0; models flow from the root outwards; W is row-stochastic
    G(A)            edges with a_ij > 0; gradient mass flows towards the root; A is column-stochastic
    R(W)            roots of G(W): workers from which every worker can be reached
    R(A^T)          roots of G(A): workers that every worker can reach
    sound           R(W) and R(A^T) have a worker in common (Zhu et al., arXiv 2307.11617);
                    for an undirected graph this is being connected
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import fsum, nan

import networkx as nx

from rfast_bench import graph_files, graphs
from rfast_bench.api import Needs
from rfast_bench.connectivity import (
    no_common_root,
    not_bipartite,
    not_connected,
    root_set,
    two_colouring,
    walk_graph,
)
from rfast_bench.errors import CannotRun, Unsound, UserError, suggest
from rfast_bench.graphs import Edges
from rfast_bench.mending import Mend, mend_pair, mend_undirected, mend_words
from rfast_bench.mixing import Weights, by_worker, metropolis, stationary, uniform_a, uniform_w, weight_flaws
from rfast_bench.topology_spec import FILE
from rfast_bench.topology_spec import TopologySpec as TopologySpec


@dataclass(frozen=True)
class Topology:
    """Weights by worker, and what follows from them. Built once a run; read by every worker."""

    name: str
    n: int
    directed: bool
    """A pair (W, A), rather than an undirected graph whose W and A are the same numbers."""
    W: Weights
    """`W[i] = {j: w_ij}`, row i of W: i itself and its in-neighbours, ascending."""
    A: Weights
    """`A[i] = {j: a_ji}`, column i of A: i itself and its out-neighbours, ascending."""
    side: tuple[int, ...]
    """Two-colouring of an undirected graph, worker 0 on side 0; all 0 where there is none."""
    sound: bool = True

    def in_W(self, i: int) -> tuple[int, ...]:
        """In-neighbours in G(W), ascending."""
        return self._in_W[i]

    def out_W(self, i: int) -> tuple[int, ...]:
        """Out-neighbours in G(W), ascending."""
        return self._out_W[i]

    def in_A(self, i: int) -> tuple[int, ...]:
        """In-neighbours in G(A), ascending."""
        return self._in_A[i]

    def out_A(self, i: int) -> tuple[int, ...]:
        """Out-neighbours in G(A), ascending."""
        return self._out_A[i]

    def graph_w(self) -> nx.DiGraph[int]:
        """G(W), without self-loops."""
        return walk_graph(self._out_W)

    def graph_a(self) -> nx.DiGraph[int]:
        """G(A), without self-loops."""
        return walk_graph(self._out_A)

    @cached_property
    def roots_w(self) -> frozenset[int]:
        """R(W)."""
        return root_set(self.W)

    @cached_property
    def roots_a(self) -> frozenset[int]:
        """R(A^T)."""
        return self.roots_w if self.A is self.W else root_set(self.A)

    @property
    def common_roots(self) -> frozenset[int]:
        return self.roots_w & self.roots_a

    @cached_property
    def weight_flaws(self) -> dict[str, list[str]]:
        """By matrix, zeros on the diagonal, and rows of W and columns of A that do not sum to 1."""
        return {"W": weight_flaws(self.W, "W"), "A": [] if self.A is self.W else weight_flaws(self.A, "A")}

    @property
    def flaw(self) -> str:
        """Why the condition fails and what would mend it; empty when it holds."""
        if self.common_roots:
            return ""
        found = no_common_root(self.W, self.A) if self.directed else not_connected(self.W)
        return f"{found}\n  smallest mend: {mend_words(self.mend, self.directed)}"

    @cached_property
    def mend(self) -> Mend:
        """A smallest set of edges whose addition makes the condition hold."""
        return mend_pair(self.W, self.A) if self.directed else mend_undirected(self.W)

    @cached_property
    def psi(self) -> dict[int, float] | None:
        """Left Perron vector of W (psi^T W = psi^T, sum 1): the workers where it is not 0; None if not unique."""
        return None if self.weight_flaws["W"] or not self.roots_w else stationary(self.W, self.roots_w)

    @cached_property
    def pi(self) -> dict[int, float] | None:
        """Right Perron vector of A (A pi = pi, sum 1): the workers where it is not 0; None if not unique."""
        if self.A is self.W:
            return self.psi
        return None if self.weight_flaws["A"] or not self.roots_a else stationary(self.A, self.roots_a)

    @cached_property
    def step_factor(self) -> float:
        """`n sum_i psi_i a_ii pi_i`: the mean model's nominal step for step size 1; nan without psi or pi."""
        return self._overlap({i: self.A[i][i] for i in self.common_roots})

    @cached_property
    def whole_step_factor(self) -> float:
        """`n sum_i psi_i pi_i`: the same where a worker steps along its whole tracker."""
        return self._overlap(dict.fromkeys(self.common_roots, 1.0))

    def _overlap(self, shares: dict[int, float]) -> float:
        if self.psi is None or self.pi is None:
            return nan
        return self.n * fsum(self.psi[i] * share * self.pi[i] for i, share in shares.items())

    @cached_property
    def _in_W(self) -> tuple[tuple[int, ...], ...]:
        return _others(self.W)

    @cached_property
    def _out_W(self) -> tuple[tuple[int, ...], ...]:
        return _backwards(self._in_W)

    @cached_property
    def _out_A(self) -> tuple[tuple[int, ...], ...]:
        return _others(self.A)

    @cached_property
    def _in_A(self) -> tuple[tuple[int, ...], ...]:
        return _backwards(self._out_A)


def _others(weights: Weights) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(sorted(j for j in row if j != i)) for i, row in enumerate(weights))


def _backwards(neighbours: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    lists: list[list[int]] = [[] for _ in neighbours]
    for i, row in enumerate(neighbours):
        for j in row:
            lists[j].append(i)
    return tuple(map(tuple, lists))


# ------------------------------------------------------------------------------------------------ building
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
    if needs == "nothing":
        return _edgeless(workers)
    _check_keys(spec, workers, where)
    topology = _pair(spec, workers, where) if needs == "pair" else _undirected(spec, workers, needs, where)
    if not allow_flawed_weights:
        _check_weights(spec, topology, where)
    if not topology.common_roots and not allow_unsound:
        raise Unsound(f"{where}: {topology.name}: {topology.flaw}")
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


def _check_keys(spec: TopologySpec, n: int, where: str) -> None:
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
        edges_w, edges_a = _pair_edges(spec, n, where)
        W = _side_weights(spec, n, edges_w, "w", where)
        A = _side_weights(spec, n, edges_a, "a", where)
    return Topology(spec.name, n, directed=True, W=W, A=A, side=(0,) * n)


def _pair_edges(spec: TopologySpec, n: int, where: str) -> tuple[Edges | None, Edges | None]:
    if spec.kind != FILE:
        return graphs.pair(spec.kind, n, spec.root, spec.seed, spec.common_roots)
    if spec.edges is not None:
        edges = graphs.both_ways(graph_files.read_edges(spec.edges, f"{where}.edges", n, directed=False))
        return edges, edges
    w = None if spec.w is None else graph_files.read_edges(spec.w, f"{where}.w", n)
    a = None if spec.a is None else graph_files.read_edges(spec.a, f"{where}.a", n)
    return w, a


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
    if spec.kind != FILE:
        edges = graphs.both_ways(graphs.undirected(spec.kind, n, spec.root))
    elif spec.edges is not None:
        edges = graphs.both_ways(graph_files.read_edges(spec.edges, f"{where}.edges", n, directed=False))
    W = _symmetric_weights(spec, n, edges, where)
    side, cycle = two_colouring(W)
    if needs == "bipartite" and cycle:
        raise CannotRun(f"{spec.name} of {n} is {not_bipartite(cycle)}")
    return Topology(spec.name, n, directed=False, W=W, A=W, side=side)


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
