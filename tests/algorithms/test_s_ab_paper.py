"""S-AB (push-pull) against its papers: arXiv 1903.07266 and 1810.06653.

x^{k+1} = W x^k − γ y^k,   y^{k+1} = A y^k + ∇f(x^{k+1}) − ∇f(x^k),   y^0 = ∇f(x^0)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.world import World
from rfast_bench.plan import registry
from rfast_bench.plan.parameters import effective_step
from tests.support.handmade import (
    curvatures,
    graph,
    make_run,
    maker,
    matrix,
    mean_step,
    noise,
    schedules,
    simulate_run,
    unequal,
)

KINDS = ("binary-tree", "line", "star", "directed-ring", "exponential", "complete", "random-trees")
SORTED = {"kind": "logistic-regression", "dataset": "digits", "l2": 0.1, "batch_size": "full"}
ROUGH: dict[str, Any] = {
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.2},
    "stragglers": [{"worker": 3, "slowdown": 4}],
    "network": {"latency": 0.4, "loss": 0.3},
}


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(1, 7), schedule=schedules(200, drops=False))
def test_it_is_its_matrix_recursion_under_any_schedule(
    kind: str, n: int, schedule: list[tuple[str, int]]
) -> None:
    """X ← W X − γ Y, then Y ← A Y + G⁺ − G, whoever is how far."""
    step = 0.02
    H, b = curvatures(n)
    b = 3 * b
    make = maker("s-ab", step_size=step)
    world = World(make, unequal(kind, n), np.ones(3), lambda i, at, k: H[i] * (at - b[i]))
    W, A = matrix(world, "W"), matrix(world, "A")

    def check() -> None:
        ledger = type(world.workers[0]).residual(world.workers)
        np.testing.assert_allclose(ledger, 0, atol=1e-12)

    world.play([*schedule, *[("step", i) for i in range(n)], *[("deliver", 0)] * 60], check)
    X, G = np.ones((n, 3)), H * (1 - b)
    Y = G
    for k in range(max(map(len, world.points))):
        for i, points in enumerate(world.points):
            if k < len(points):
                np.testing.assert_allclose(points[k], X[i], rtol=1e-11, atol=1e-12)
        X = W @ X - step * Y
        G, before = H * (X - b), G
        Y = A @ Y + G - before


@pytest.mark.parametrize("kind", KINDS)
def test_trackers_sum_to_the_gradients_each_round(kind: str) -> None:
    """A is column-stochastic, so Σ y_i = Σ g_i in every round, whatever the gradients."""
    world = World(maker("s-ab", step_size=0.02), unequal(kind, 6), np.ones(2), noise(1))
    for k in range(40):
        world.round()
        known = sum(g[k] for g in world.gradients)
        np.testing.assert_allclose(sum(w.y for w in world.workers), known, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "step"), [("random-trees", 0.02), ("directed-ring", 0.02), ("exponential", 0.1)]
)
def test_it_reaches_the_optimum_on_an_unbalanced_directed_pair(kind: str, step: float) -> None:
    """Push-pull: linear convergence to the optimum itself, though no matrix is doubly stochastic, ψ and
    π are far from uniform, and every worker wants something else."""
    n = 6
    H, b = curvatures(n)
    b = 3 * b
    world = World(
        maker("s-ab", step_size=step), unequal(kind, n), np.ones(3), lambda i, at, k: H[i] * (at - b[i])
    )
    assert np.ptp(matrix(world, "W").sum(axis=0)) > 0.5
    assert np.ptp(matrix(world, "A").sum(axis=1)) > 0.5
    best = (H * b).sum(axis=0) / H.sum(axis=0)
    for _ in range(2500):
        world.round()
    np.testing.assert_allclose([w.x for w in world.workers], np.tile(best, (n, 1)), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kind", "step"), [("binary-tree", 0.02), ("exponential", 0.3)])
def test_it_reaches_the_optimum_with_label_sorted_shards_and_loss(kind: str, step: float) -> None:
    """Delivery is reliable: stragglers and losses cost time, not accuracy."""
    problem = {**SORTED, "partition": "by-label", "test_fraction": 0}
    over = {**ROUGH, "workers": 7, "problem": problem, "stop": {"time": 4000}, "evaluate": {"every": 100}}
    played = simulate_run(make_run({"name": "s-ab", "step_size": step, "topology": kind}, **over), gap=True)
    assert abs(played.curves.gap.iloc[-1]) < 1e-12
    assert played.curves.residual.max() < 1e-12


def test_a_round_waits_for_the_slowest_but_not_for_the_network() -> None:
    """Both exchanges travel beside gradients: with constant compute times of 1 and a latency of 0.9 a round
    takes 1, and with a worker four times slower it takes 4."""
    algorithm = {"name": "s-ab", "step_size": 0.01, "topology": "ring"}
    for slowdown in (1, 4):
        stragglers = [{"worker": 2, "slowdown": slowdown}]
        over: dict[str, Any] = {
            "compute": 1,
            "network": {"latency": 0.9},
            "stragglers": stragglers,
            "stop": {"time": 200},
        }
        played = simulate_run(make_run(algorithm, workers=5, **over, evaluate={"every": 200}))
        assert played.curves.iterations_mean.iloc[-1] == pytest.approx(200 / slowdown, abs=2)


@pytest.mark.parametrize("kind", ["binary-tree", "directed-ring", "exponential"])
def test_the_mean_model_moves_by_the_perron_vectors_product(kind: str) -> None:
    """γ_eff = γ n Σ ψ_i π_i near consensus: R-FAST's without a_ii, and so the same only on trees."""
    n, small = 7, 1e-4
    pair = unequal(kind, n)
    world = World(maker("s-ab", step_size=1e-9), pair, 1.0, lambda i, at, k: at)
    psi = np.linalg.matrix_power(matrix(world, "W"), 2000)[0]
    pi = np.linalg.matrix_power(matrix(world, "A"), 2000)[:, 0]
    factor = n * psi @ pi
    world = World(maker("s-ab", step_size=small / factor), pair, 1.0, lambda i, at, k: at)
    measured = mean_step(world)
    assert measured == pytest.approx(small, rel=0.01)
    assert effective_step(registry.find("s-ab"), pair, small / factor) == pytest.approx(small, rel=1e-10)
    assert (pair.step_factor == pytest.approx(factor)) == (kind == "binary-tree")


def test_alone_it_is_plain_sgd() -> None:
    """n = 1: x ← x − γ g(x), and no message."""
    world = World(maker("s-ab", step_size=0.25), graph("binary-tree", 1), 1.0, lambda i, at, k: 2 * at + k)
    x = 1.0
    for k in range(20):
        assert world.points[0][k] == pytest.approx(x, rel=1e-12)
        world.step(0)
        x = x - 0.25 * (2 * x + k)
    assert not any("reliable" in entry for entry in world.log)
