"""Local SGD (Stich, arXiv 1805.09767) and DiLoCo (Douillard et al., arXiv 2311.08105, Algorithm 1).

Of each worker, H times from the common x:   x_i ← x_i − γ g_i(x_i)
Then of all:   Δ = (1/n) Σ_i (x − x_i),   m ← β m + Δ,   x ← x − η (Δ + β m),   x_i ← x
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.world import Oracle, World
from rfast_bench.plan import registry
from tests.support.command_line import call, write
from tests.support.handmade import (
    Played,
    curvatures,
    graph,
    make_run,
    maker,
    mean_step,
    noise,
    schedules,
    simulate_run,
)

ROUGH: dict[str, Any] = {
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.5},
    "stragglers": [{"worker": 2, "slowdown": 4}],
    "network": {"latency": 0.4, "loss": 0.3, "bandwidth": "1 kB/s"},
}
UNEQUAL = {"kind": "quadratic", "dim": 4, "heterogeneity": 1, "condition": 3}


def world_of(n: int, x0: Any, gradient: Oracle, make: Any = None, /, **own: Any) -> World:
    return World(make or maker("local-sgd", **own), graph("none", n, "nothing"), x0, gradient)


# ------------------------------------------------------------------------------------------ the recursion
@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 6),
    steps=st.integers(1, 4),
    outer=st.sampled_from([(1.0, 0.0), (0.7, 0.9), (0.5, 0.0), (1.0, 0.5)]),
    schedule=schedules(200, drops=False),
)
def test_it_is_its_recursion_under_any_schedule(
    n: int, steps: int, outer: tuple[float, float], schedule: list[tuple[str, int]]
) -> None:
    """Whoever is how far within a round: every gradient is taken where the recursion has it, and a worker waits
    after H gradients and at no other time."""
    step, (eta, beta) = 0.1, outer
    H, b = curvatures(n)
    world = world_of(
        *(n, np.ones(3), lambda i, at, k: H[i] * (at - b[i])),
        **{"step_size": step, "local_steps": steps, "outer_step": eta, "outer_momentum": beta},
    )

    def check() -> None:
        done = [len(own) for own in world.gradients]
        rounds = min(done) // steps
        for i in range(n):
            assert done[i] <= steps * (rounds + 1)
            assert world.computes(i) == (done[i] < steps * (rounds + 1))

    world.play([*schedule, *[("step", i) for i in range(n)] * steps], check)
    x, m = np.ones(3), np.zeros(3)
    for k in range(0, max(map(len, world.points)), steps):
        local = np.tile(x, (n, 1))
        for h in range(steps):
            for i, points in enumerate(world.points):
                if k + h < len(points):
                    np.testing.assert_allclose(points[k + h], local[i], rtol=1e-12, atol=1e-12)
            local = local - step * H * (local - b)
        delta = (x - local).mean(axis=0)
        m = beta * m + delta
        x = x - eta * (delta + beta * m)


def test_its_outer_step_is_torchs_nesterov_sgd_on_the_mean_difference() -> None:
    """DiLoCo: Nesterov momentum with η = 0.7, β = 0.9 on the outer gradient, by torch.optim.SGD."""
    n, steps = 3, 5
    world = world_of(
        *(n, np.ones(2), noise(7)),
        **{"step_size": 0.05, "local_steps": steps, "outer_step": 0.7, "outer_momentum": 0.9},
    )
    theta = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    outer = torch.optim.SGD([theta], lr=0.7, momentum=0.9, nesterov=True)
    for r in range(12):
        for _ in range(steps):
            world.round()
        moved = [0.05 * sum(own[r * steps :]) for own in world.gradients]
        theta.grad = torch.tensor(np.mean(moved, axis=0))
        outer.step()
        for worker in world.workers:
            np.testing.assert_allclose(worker.x, theta.detach().numpy(), rtol=0, atol=1e-12)
            np.testing.assert_array_equal(worker.model, worker.x)


def test_between_means_every_worker_reports_its_own_model() -> None:
    """x_i is what it would report; x, m and Δ are the same on all."""
    world = world_of(3, np.ones(2), noise(1), step_size=0.5, local_steps=2)
    world.step(1)
    np.testing.assert_array_equal(world.workers[1].model, 1 - 0.5 * world.gradients[1][0])
    np.testing.assert_array_equal(world.workers[0].model, np.ones(2))
    for i in (1, 0, 0, 2, 2):
        world.step(i)
    assert len({worker.model.tobytes() for worker in world.workers}) == 1
    moved = sum(g for own in world.gradients for g in own) / 3
    np.testing.assert_allclose(world.workers[0].model, 1 - 0.5 * moved, rtol=0, atol=1e-15)


# -------------------------------------------------------------------------------------- beside Ring-AllReduce
@pytest.mark.parametrize("n", [1, 2, 5])
def test_with_one_local_step_it_is_ring_allreduce_by_hand(n: int) -> None:
    """H = 1, η = 1, β = 0: the mean of the steps is the step along the mean, to 1e-12 over 300 rounds."""
    H, b = curvatures(n)
    both = [
        world_of(n, np.ones(3), lambda i, at, k: H[i] * (at - b[i]), make)
        for make in (maker("local-sgd", step_size=0.3, local_steps=1), maker("ring-allreduce", step_size=0.3))
    ]
    for _ in range(300):
        for world in both:
            world.round()
        mine, theirs = ([w.model for w in world.workers] for world in both)
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)


def simulated(name: str, over: dict[str, Any] = ROUGH, **own: Any) -> Played:
    algorithm = {"name": name, "step_size": 0.1, **own}
    return simulate_run(make_run(algorithm, **over, simulation={"timeline": 1e6}))


def test_with_one_local_step_it_is_ring_allreduce_under_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same iterates to 1e-12 at the same times, with the same traffic, under a straggler, loss and latency. At a
    look before the mean a worker would report its own step, so the common model is looked at here."""
    monkeypatch.setattr(registry.find("local-sgd"), "model", property(lambda worker: worker.x))
    problem = {**UNEQUAL, "noise": 0.3}
    mine, theirs = (
        simulated(name, {**ROUGH, "problem": problem}, **own)
        for name, own in (("local-sgd", {"local_steps": 1}), ("ring-allreduce", {}))
    )
    assert len(mine.models) == len(theirs.models) == 51
    np.testing.assert_allclose(mine.curves.time, theirs.curves.time, rtol=1e-12)
    np.testing.assert_allclose(mine.models, theirs.models, rtol=0, atol=1e-12)
    for name in ("messages_sent", "messages_lost", "bytes_sent", "gradients"):
        assert mine.curves[name].tolist() == theirs.curves[name].tolist()
    for i, own in mine.intervals().items():
        np.testing.assert_allclose(own, theirs.intervals()[i], rtol=1e-12)


@pytest.mark.parametrize("steps", [2, 5, 10])
def test_its_traffic_is_that_of_the_ring_by_the_number_of_local_steps(steps: int) -> None:
    """One mean in H gradients: 1/H of the ring's bytes for as many gradients."""
    quiet = {"compute": 1, "network": {"latency": 0.1}, "stop": {"iterations": 51}}
    mine, ring = (simulated(*of) for of in (("local-sgd", quiet), ("ring-allreduce", quiet)))
    mine = simulated("local-sgd", quiet, local_steps=steps)
    assert mine.curves.gradients.iloc[-1] == ring.curves.gradients.iloc[-1] == 4 * 51
    assert mine.curves.bytes_sent.iloc[-1] * steps == pytest.approx(ring.curves.bytes_sent.iloc[-1] * 50 / 51)


def test_a_round_of_local_steps_waits_for_the_slowest_and_pays_for_one_mean() -> None:
    """Constant compute times of 1, n = 4 and a latency of 0.5: a round takes H and the 2(n − 1) hops of one mean. With
    a worker four times slower 4H and the n hops once around the ring, for the others have sent before."""
    for slowdown, hops in ((1, 6), (4, 4)):
        over: dict[str, Any] = {
            "compute": 1,
            "network": {"latency": 0.5},
            "stragglers": [{"worker": 2, "slowdown": slowdown}],
            "stop": {"iterations": 41},
        }
        own = simulated("local-sgd", over, local_steps=8).intervals()[2]
        np.testing.assert_allclose(np.diff(own[::8, 0]), 8 * slowdown + hops * 0.5, rtol=1e-12)


def test_alone_it_is_plain_sgd() -> None:
    """n = 1, η = 1, β = 0: x ← x − γ g(x) to 1e-12, and no message."""
    world = world_of(1, 1.0, lambda i, at, k: 2 * at + k, step_size=0.25, local_steps=3)
    x = 1.0
    for k in range(20):
        assert world.points[0][k] == pytest.approx(x, rel=1e-12)
        world.step(0)
        x = x - 0.25 * (2 * x + k)
    assert {entry[1] for entry in world.log} == {"Gradient", "AllReduceMean"}
    assert not world.wire


# --------------------------------------------------------------------------------------- what it comes to
def test_unequal_shards_bias_it_by_its_local_steps() -> None:
    """Full gradients: with H = 1 the optimum itself; with H > 1 workers drift to their own optima between means,
    and the gap falls with γ²."""

    def gap(steps: int, step: float) -> float:
        over: dict[str, Any] = {
            "problem": UNEQUAL,
            "stop": {"iterations": 2001},
            "evaluate": {"every": "40 iterations"},
        }
        algorithm = {"name": "local-sgd", "step_size": step, "local_steps": steps}
        run = make_run(algorithm, **over)
        return float(simulate_run(run, gap=True).curves.gap.iloc[-1])

    assert abs(gap(1, 0.1)) < 1e-14
    assert gap(4, 0.1) > 1e-4
    assert 3 < gap(4, 0.1) / gap(4, 0.05) < 5
    assert gap(8, 0.1) > 3 * gap(4, 0.1)


@pytest.mark.parametrize(("eta", "beta"), [(1.0, 0.0), (0.7, 0.0), (0.7, 0.9)])
def test_the_mean_model_moves_by_the_outer_step_and_its_momentum(eta: float, beta: float) -> None:
    """Near consensus by γ η / (1 − β) a gradient of each worker, of which γ_eff counts γ."""
    world = world_of(
        *(4, 1.0, lambda i, at, k: at),
        **{"step_size": 1e-7, "local_steps": 2, "outer_step": eta, "outer_momentum": beta},
    )
    assert mean_step(world) == pytest.approx(1e-7 * eta / (1 - beta), rel=1e-3)


# ---------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"local_steps": 0}, "local_steps: expected a number of at least 1 (found 0)"),
        ({"local_steps": 2.5}, "local_steps: expected a whole number"),
        ({"outer_step": 0}, "outer_step: expected a number above 0 (found 0)"),
        ({"outer_momentum": 1}, "outer_momentum: expected a number below 1 (found 1)"),
        ({"outer_momentum": -0.1}, "outer_momentum: expected a number of at least 0 (found -0.1)"),
        ({"H": 4}, "unknown key 'H'"),
    ],
)
def test_what_it_cannot_take_is_refused_by_file_and_key(
    wrong: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = write(tmp_path, algorithms=[{"name": "local-sgd", "step_size": 0.1, **wrong}])
    result = call("run", path, "--out", tmp_path / "out", "--no-plots")
    assert result.exit_code == 2
    assert f"{path}: algorithms.0" in result.stderr
    assert said in result.stderr
    assert not (tmp_path / "out").exists()
