"""Root sets by the definition: reachability as powers of a matrix, with no graph library and none of ours."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

EdgeSet = Collection[tuple[int, int]]


def reachable(n: int, edges: EdgeSet) -> NDArray[np.bool_]:
    """[j, i]: is there a directed path from j to i?"""
    closure = np.eye(n, dtype=bool)
    for j, i in edges:
        closure[j, i] = True
    for _ in range(n.bit_length()):
        closure = closure @ closure
    return closure


def roots_w(n: int, edges: EdgeSet) -> set[int]:
    """The workers from which every worker can be reached."""
    return {int(r) for r in np.flatnonzero(reachable(n, edges).all(axis=1))}


def roots_a(n: int, edges: EdgeSet) -> set[int]:
    """The workers that every worker can reach."""
    return {int(r) for r in np.flatnonzero(reachable(n, edges).all(axis=0))}


def perron(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The right eigenvector of eigenvalue 1 as numpy finds it, summing to 1."""
    values, vectors = np.linalg.eig(matrix)
    vector = np.real(vectors[:, np.argmin(abs(values - 1))])
    return np.asarray(vector / vector.sum())
