"""Which steps R-FAST bears on a line and on a binary tree: the numbers of docs/algorithms/r-fast.md.

Rounds without chance: all compute, then everything arrives.
"""

from __future__ import annotations

import numpy as np
import pytest

from rfast_bench.conformance.hand.world import World
from tests.support.handmade import graph, maker, matrix

N = 8
ALIKE = np.ones((1, N))
"""Curvature of f_i, one row a coordinate: f_i = ‖x‖²/2 for all."""
OWN = N * np.eye(N)
"""The same mean, but each coordinate is known to one worker alone."""


def world(kind: str, effective: float, curvature: np.ndarray) -> World:
    pair = graph(kind, N)
    make = maker("r-fast", step_size=effective / pair.step_factor)
    return World(make, pair, np.ones(len(curvature)), lambda i, at, _: curvature[:, i] * at)


def radius(kind: str, effective: float, curvature: np.ndarray = ALIKE) -> float:
    """By what the slowest mode's error is multiplied each round: the spectral radius of the rounds' linear map."""
    hand, step = world(kind, effective, curvature), effective / graph(kind, N).step_factor
    W, A = matrix(hand, "W"), matrix(hand, "A")
    own_w, own_a, one, none = np.diag(np.diag(W)), np.diag(np.diag(A)), np.eye(N), np.zeros((N, N))
    radii = []
    for row in curvature:
        v = np.hstack([one, -step * one, none, none])  # of the state x, z, the last round's v and y
        x = own_w @ v + np.hstack([none, none, W - own_w, none])
        y = np.hstack([-np.diag(row), one, none, A - own_a]) + np.diag(row) @ x
        modes = np.linalg.eigvals(np.vstack([x, own_a @ y, v, y]))
        radii.append(np.abs(np.delete(modes, np.argmin(np.abs(modes - 1)))).max())  # the ledger's own 1
    return float(max(radii))


def growth(kind: str, effective: float) -> float:
    """The same, measured on the algorithm itself."""
    hand, far = world(kind, effective, ALIKE), []
    for _ in range(400):
        hand.round()
        far.append(max(float(np.abs(worker.model).max()) for worker in hand.workers))
    return float((max(far[300:]) / max(far[100:200])) ** (1 / 200))


@pytest.mark.parametrize("kind", ["binary-tree", "line"])
@pytest.mark.parametrize("effective", [0.4, 1.6])
def test_the_linear_map_is_that_of_the_algorithm(kind: str, effective: float) -> None:
    assert growth(kind, effective) == pytest.approx(radius(kind, effective), abs=1e-3)


@pytest.mark.parametrize(
    ("effective", "tree", "line"),
    [(0.1, 0.942, 0.988), (0.4, 1.002, 1.003), (1.6, 1.050, 0.973), (3.2, 1.042, 0.932)],
)
def test_on_equal_shards_a_line_bears_steps_that_a_tree_does_not(
    effective: float, tree: float, line: float
) -> None:
    assert (radius("binary-tree", effective), radius("line", effective)) == pytest.approx(
        (tree, line), abs=6e-4
    )


def test_where_they_are_unstable_and_how_badly() -> None:
    steps = np.geomspace(0.02, 8, 300)
    for kind, first, last, worst in (("binary-tree", 0.38, 5.4, 1.051), ("line", 0.25, 0.64, 1.003)):
        radii = np.array([radius(kind, step) for step in steps])
        unstable = steps[radii > 1]
        assert (unstable[0], unstable[-1]) == pytest.approx((first, last), rel=0.03)
        assert radii.max() == pytest.approx(worst, abs=6e-4)


@pytest.mark.parametrize(("kind", "most"), [("binary-tree", 0.08), ("line", 0.04)])
def test_on_unequal_shards_the_deepest_worker_decides(kind: str, most: float) -> None:
    """Of steps in factors of two."""
    assert radius(kind, most, OWN) < 1 < radius(kind, 2 * most, OWN)
