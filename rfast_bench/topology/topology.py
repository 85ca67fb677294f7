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

from rfast_bench.topology.connectivity import no_common_root, not_connected, root_set, walk_graph
from rfast_bench.topology.mixing import Weights, stationary, weight_flaws, with_own_share
from rfast_bench.topology.repair import Mend, mend_pair, mend_undirected, mend_words


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
    notes: tuple[str, ...] = ()
    """What of the user's files was read otherwise than it stands there."""

    def with_own_shares(self, W: float | None = None, A: float | None = None) -> Topology:
        """The same graphs with these as w_ii and a_ii; see `mixing.with_own_share`."""
        if W is None and A is None:
            return self
        return replace(self, W=with_own_share(self.W, W), A=with_own_share(self.A, A))

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
        return self._overlap({i: self.A[i].get(i, 0.0) for i in self.common_roots})

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
