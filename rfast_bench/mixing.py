"""Mixing weights, kept by worker: row i of W is `W[i] = {j: w_ij}`, column i of A is `A[i] = {j: a_ji}`.

Either way a worker's numbers sum to 1 and its own is positive, so both are the rows of a Markov chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import spsolve

from rfast_bench.graphs import Edge

Weights = tuple[Mapping[int, float], ...]


def uniform_w(n: int, edges: Iterable[Edge]) -> Weights:
    """w_ij = 1 / (1 + in-degree(i))."""
    return uniform_a(n, ((i, j) for j, i in edges))


def uniform_a(n: int, edges: Iterable[Edge]) -> Weights:
    """a_ji = 1 / (1 + out-degree(i))."""
    return tuple({j: 1 / len(row) for j in sorted(row)} for row in _with_self(n, edges))


def metropolis(n: int, edges: Iterable[Edge]) -> Weights:
    """w_ij = 1 / (1 + max(degree(i), degree(j))), the rest on the diagonal. `edges` lists both directions."""
    rows = _with_self(n, edges)
    return tuple(_metropolis_row(i, rows) for i in range(n))


def by_worker(matrix: NDArray[np.float64]) -> Weights:
    """The non-zero weights of each row; give the transpose of A to get its columns."""
    return tuple({int(j): float(row[j]) for j in np.flatnonzero(row)} for row in matrix)


def stationary(chain: Sequence[Mapping[int, float]], closed_class: frozenset[int]) -> dict[int, float]:
    """The stationary distribution of a chain on one closed class, summing to 1: psi of W, pi of A."""
    states = sorted(closed_class)
    index = {i: k for k, i in enumerate(states)}
    entries = [(index[i], index[j], p) for i in states for j, p in chain[i].items()]
    source, target, p = (np.array(column) for column in zip(*entries, strict=True))
    inflow = csc_array((p, (target, source)), shape=(len(states), len(states)))
    return dict(zip(states, _fixed_point(inflow).tolist(), strict=True))


def _fixed_point(inflow: csc_array) -> NDArray[np.float64]:
    """The x > 0 with `inflow @ x = x` and sum 1, for an irreducible column-stochastic matrix.

    Two guesses spare the sparse solver its fill-in: x is constant when the matrix is doubly stochastic, and
    proportional to 1 / diagonal for uniform weights on an undirected graph.
    """
    n = inflow.shape[0]
    for guess in (np.ones(n), 1 / inflow.diagonal()):
        if np.allclose(inflow @ guess, guess, rtol=1e-13, atol=0):
            return np.asarray(guess / guess.sum())
    rest = (eye_array(n, format="csc") - inflow)[1:, 1:]
    x = np.append(1.0, spsolve(csc_array(rest), inflow[1:, [0]].toarray().ravel()))
    return np.asarray(x / x.sum())


def _with_self(n: int, edges: Iterable[Edge]) -> list[list[int]]:
    rows = [[i] for i in range(n)]
    for i, j in edges:
        rows[i].append(j)
    return rows


def _metropolis_row(i: int, rows: list[list[int]]) -> dict[int, float]:
    row = {j: 1 / max(len(rows[i]), len(rows[j])) for j in sorted(rows[i]) if j != i}
    row[i] = 1 - fsum(row.values())
    return {j: row[j] for j in sorted(row)}
