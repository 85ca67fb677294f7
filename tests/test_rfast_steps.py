"""Which steps R-FAST bears on a line and on a binary tree: deterministic rounds, quadratics of curvature 1."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import Oracle, World, graph, maker

N = 8
NEAR = 3e-3
"""What is left of faster modes after 100 rounds."""


def alike(worker: int, at: np.ndarray, count: int) -> np.ndarray:
    """f_i = ‖x‖²/2 for every worker: shards that say the same."""
    return 1.0 * at


def own(worker: int, at: np.ndarray, count: int) -> np.ndarray:
    """f_i = n x_i²/2: the mean is the same ‖x‖²/2, but each coordinate is known to one worker alone."""
    return N * at * (np.arange(N) == worker)


def growth(gradient: Oracle, kind: str, effective: float) -> float:
    """By what the distance to the optimum is multiplied each round, once the slowest mode rules."""
    pair = graph(kind, N)
    make = maker("r-fast", step_size=effective / pair.step_factor)
    world = World(make, pair, np.ones(N), gradient)
    far = []
    for _ in range(400):
        world.round()
        far.append(max(float(np.abs(worker.model).max()) for worker in world.workers))
    return float((max(far[300:]) / max(far[100:200])) ** (1 / 200))


@pytest.mark.parametrize(
    ("effective", "tree", "line"),
    [(0.1, 0.9423, 0.9881), (0.4, 1.0025, 1.0026), (1.6, 1.0495, 0.9732), (3.2, 1.0419, 0.9324)],
)
def test_on_equal_shards_a_line_bears_steps_that_a_tree_does_not(
    effective: float, tree: float, line: float
) -> None:
    """Spectral radii of the rounds' linear map, written down from W and A (docs/algorithms/r-fast.md)."""
    assert growth(alike, "binary-tree", effective) == pytest.approx(tree, abs=NEAR)
    assert growth(alike, "line", effective) == pytest.approx(line, abs=NEAR)


@pytest.mark.parametrize(("kind", "most"), [("binary-tree", 0.08), ("line", 0.04)])
def test_on_unequal_shards_the_deepest_worker_decides(kind: str, most: float) -> None:
    """Twice the largest bearable step, of steps in factors of two, is too large."""
    assert growth(own, kind, most) < 1 < growth(own, kind, 2 * most)
