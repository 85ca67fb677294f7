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

from rfast_bench.topology.graphs import Edge

Weights = tuple[Mapping[int, float], ...]

TOLERANCE = 1e-9
"""How far a sum of given weights may be from 1."""

MANY = 500
"""From so many workers on, a stationary distribution is first looked for by walking."""
MOST_BLOCKS = 40


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


def with_own_share(weights: Weights, share: float | None) -> Weights:
    """The same with `share` as the own weight of whoever has a neighbour, the others scaled to sum to the rest.

    None: as they are.
    """
    return weights if share is None else tuple(_shared(i, row, share) for i, row in enumerate(weights))


def _shared(i: int, row: Mapping[int, float], share: float) -> Mapping[int, float]:
    others = fsum(weight for j, weight in row.items() if j != i)
    if not others:
        return row
    return {j: share if j == i else (1 - share) * weight / others for j, weight in row.items()}


def by_worker(matrix: NDArray[np.float64]) -> Weights:
    """The non-zero weights of each row; give the transpose of A to get its columns."""
    return tuple({int(j): float(row[j]) for j in np.flatnonzero(row)} for row in matrix)


def weight_flaws(weights: Weights, name: str) -> list[str]:
    """What is wrong with rows of W (`name` "W") or columns of A: diagonals first, then sums, by worker."""
    line = "row" if name == "W" else "column"
    empty = [i for i, row in enumerate(weights) if not row.get(i, 0.0) > 0]
    sums = [(i, fsum(row.values())) for i, row in enumerate(weights)]
    return [
        *(f"entry [{i}, {i}] is 0; every worker keeps a positive share of its own in {name}" for i in empty),
        *(
            f"{line} {i} sums to {total:.12g}; every {line} of {name} sums to 1 (within {TOLERANCE})"
            for i, total in sums
            if abs(total - 1) > TOLERANCE
        ),
    ]


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
    walked = _walked(inflow) if n >= MANY else None
    if walked is not None:
        return walked
    rest = (eye_array(n, format="csc") - inflow)[1:, 1:]
    x = np.append(1.0, spsolve(csc_array(rest), inflow[1:, [0]].toarray().ravel()))
    return np.asarray(x / x.sum())


def _walked(inflow: csc_array) -> NDArray[np.float64] | None:
    """The same by walking on from the uniform distribution; None where that is slow.

    On well-connected graphs, which fill the sparse solver's memory, a walk forgets its start fast: what a step
    changes must fall tenfold in every 20 steps, down to rounding.
    """
    x = np.full(inflow.shape[0], 1 / inflow.shape[0])
    before = np.inf
    for _ in range(MOST_BLOCKS):
        for _ in range(20):
            last, x = x, inflow @ x
        change = float(abs(x - last).sum())
        if change < 1e-15:
            return np.asarray(x / x.sum())
        if change > before / 10 and change > 1e-13:
            return None
        before = change
    return None


def _with_self(n: int, edges: Iterable[Edge]) -> list[list[int]]:
    rows = [[i] for i in range(n)]
    for i, j in edges:
        rows[i].append(j)
    return rows


def _metropolis_row(i: int, rows: list[list[int]]) -> dict[int, float]:
    row = {j: 1 / max(len(rows[i]), len(rows[j])) for j in sorted(rows[i]) if j != i}
    row[i] = 1 - fsum(row.values())
    return {j: row[j] for j in sorted(row)}
