"""ADSGD against its paper: Zhou, Pu, arXiv 2505.10322.

x_i ← Σ_j w_ij x_j^(newest that came) − γ g_i(x_i) whenever worker i is done, x_j^(newest) = x⁰ before the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.world import World
from rfast_bench.errors import CannotRun
from tests.support.handmade import (
    Played,
    curvatures,
    graph,
    make_run,
    maker,
    matrix,
    mean_step,
    schedules,
    simulate_run,
)

KINDS = ("ring", "line", "star", "complete")
ROUGH: dict[str, Any] = {
    "workers": 7,
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.2},
    "stragglers": [{"worker": 3, "slowdown": 4}],
    "network": {"latency": 0.4, "loss": 0.3},
    "stop": {"time": 2500},
    "evaluate": {"every": 50},
}
UNEQUAL = {"kind": "quadratic", "dim": 4, "heterogeneity": 1, "condition": 3}


def played(step: float, problem: dict[str, Any] = UNEQUAL, **over: Any) -> Played:
    """Full gradients, worker 3 four times slower, 30 % loss."""
    algorithm = {"name": "adsgd", "step_size": step, "topology": "ring"}
    return simulate_run(make_run(algorithm, problem=problem, **{**ROUGH, **over}), gap=True)


# ------------------------------------------------------------------------------------------ the recursion
@settings(max_examples=80, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(1, 7), schedule=schedules(250))
def test_it_is_the_papers_recursion_under_any_schedule(
    kind: str, n: int, schedule: list[tuple[str, int]]
) -> None:
    """Whatever is late, lost or overtaken: every model is the reference's, to 1e-12, and nobody ever waits."""
    step = 0.1
    H, b = curvatures(n)
    world = World(
        maker("adsgd", step_size=step),
        graph(kind, n, "undirected"),
        np.ones(3),
        lambda i, at, k: H[i] * (at - b[i]),
    )
    W, X = matrix(world, "W"), np.ones((n, 3))
    heard = {(j, i): (0, np.ones(3)) for i in range(n) for j in world.nodes[i].in_W}  # stamp, model
    posted = {letter.stamp: np.ones(3) for letter in world.wire}
    for what, number in schedule:
        if what == "step":
            i, before = number % n, len(world.wire)
            world.step(i)
            others = sum((W[i, j] * x for (j, to), (_, x) in heard.items() if to == i), np.zeros(3))
            X[i] = W[i, i] * X[i] + others - step * H[i] * (X[i] - b[i])
            posted |= {letter.stamp: X[i].copy() for letter in world.wire[before:]}
        elif world.wire and what == "deliver":
            letter = world.deliver(number % len(world.wire))
            edge = letter.sender, letter.to
            heard[edge] = max(heard[edge], (letter.stamp, posted[letter.stamp]), key=lambda known: known[0])
        elif world.wire:
            world.drop(number % len(world.wire))
        np.testing.assert_allclose([w.x for w in world.workers], X, rtol=1e-12, atol=1e-12)
        assert all(map(world.computes, range(n)))


@pytest.mark.parametrize("kind", KINDS)
def test_where_all_arrives_in_time_it_is_d_psgd(kind: str) -> None:
    """X ← W X − γ G(X): what was posted before a gradient is there after it, in rounds of equal workers."""
    n, step = 6, 0.1
    H, b = curvatures(n)
    both = [
        World(
            maker(name, step_size=step),
            graph(kind, n, "undirected"),
            np.ones(3),
            lambda i, at, k: H[i] * (at - b[i]),
        )
        for name in ("adsgd", "d-psgd")
    ]
    for _ in range(40):
        for world in both:
            world.round()
        mine, theirs = ([w.x for w in world.workers] for world in both)
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("kind", "kept"), [("ring", 1 / 3), ("complete", 1 / 4)])
def test_late_models_slow_the_mean_model_down(kind: str, kept: float) -> None:
    """γ_eff is γ where all arrives in time. Models that come a round late make it γ / (1 + (1 − w_ii)): what
    others say is where they were."""
    small = 1e-6

    def built() -> World:
        return World(maker("adsgd", step_size=small), graph(kind, 4, "undirected"), 1.0, lambda i, at, k: at)

    assert mean_step(built()) == pytest.approx(small, rel=1e-3)
    world = built()
    for _ in range(120):
        late_round(world)
    before = np.mean([w.x for w in world.workers])
    for _ in range(50):
        late_round(world)
    moved = (before - np.mean([w.x for w in world.workers])) / (50 * before)
    assert moved == pytest.approx(small / (1 + (1 - kept)), rel=1e-3)


def late_round(world: World) -> None:
    """Every gradient is done; then what was posted before it arrives, and what comes after it stays under way."""
    before = len(world.wire)
    for i in range(world.n):
        world.step(i)
    for _ in range(before):
        world.deliver()


def test_alone_it_is_plain_sgd() -> None:
    """n = 1: x ← x − γ g(x), and no message."""
    world = World(
        maker("adsgd", step_size=0.25), graph("ring", 1, "undirected"), 1.0, lambda i, at, k: 2 * at + k
    )
    x = 1.0
    for k in range(20):
        assert world.points[0][k] == x
        world.step(0)
        x = x - 0.25 * world.gradients[0][k]
    assert {entry[1] for entry in world.log} == {"Gradient"}


# ----------------------------------------------------------------------------------------------- its bias
def test_it_comes_to_rest_where_d_psgd_does_whatever_is_slow_late_or_lost() -> None:
    """(I − W) X + γ ∇F(X) = 0 has neither delays, nor speeds, nor losses in it: the same point to 1e-10."""
    step = 0.1
    run = played(step)
    problem, topology = run.problem, graph("ring", 7, "undirected")
    W = np.array([[topology.W[i].get(j, 0.0) for j in range(7)] for i in range(7)])
    system = np.kron(np.eye(7) - W, np.eye(4))
    wanted = np.zeros(28)
    for i in range(7):
        own = slice(4 * i, 4 * i + 4)
        system[own, own] += step * problem.hessians[i]
        wanted[own] = step * problem.hessians[i] @ problem.minima[i]
    rest = np.linalg.solve(system, wanted).reshape(7, 4)
    np.testing.assert_allclose(run.models[-1], rest, rtol=0, atol=1e-10)
    assert run.curves.gap.iloc[-1] > 5e-4


def test_its_bias_shrinks_with_the_step() -> None:
    """Unequal shards: final gaps at γ, γ/2, γ/4 measured as 3.3e-4, 9.9e-5, 2.7e-5, towards γ²."""
    gaps = [played(step, stop={"time": time}).curves.gap.iloc[-1] for step, time in STEPS.items()]
    assert gaps[0] > 1e-4
    assert 2.5 < gaps[0] / gaps[1] < 4
    assert 3 < gaps[1] / gaps[2] < 4


STEPS = {0.05: 2500, 0.025: 5000, 0.0125: 10000}
"""Each with the time that it needs to come to rest."""


@pytest.mark.parametrize("loss", [0, 0.3, 0.6])
def test_equal_shards_reach_the_optimum_whatever_is_lost(loss: float) -> None:
    """Newest wins: what is lost costs freshness, not accuracy."""
    run = played(0.2, {**UNEQUAL, "heterogeneity": 0}, network={"latency": 0.4, "loss": loss})
    assert abs(run.curves.gap.iloc[-1]) < 1e-14
    assert run.curves.consensus.iloc[-1] < 1e-12
    sent, lost = run.curves.messages_sent.iloc[-1], run.curves.messages_lost.iloc[-1]
    assert lost / sent == pytest.approx(loss, abs=0.02)


def test_nobody_waits_for_a_straggler() -> None:
    """Idle time is 0, and worker 3 has done a quarter of what the others have."""
    workers = played(0.1).outcome.frames["workers"]
    assert (workers.waiting < 1e-9).all()
    assert workers.gradients[3] == pytest.approx(workers.gradients.drop(3).mean() / 4, rel=0.05)


# ------------------------------------------------------------------------------------ deaths, other graphs
@pytest.mark.parametrize("state", ["empty", "snapshot"])
def test_it_goes_on_without_a_worker_that_died_and_takes_it_in_again(state: str) -> None:
    """Elastic: weights are renormalised over the neighbours left. Equal shards are at the optimum in the end."""
    fault = {"worker": 3, "down": 100, "up": 600, "state": state}
    over: dict[str, Any] = {
        "network": {"latency": 0.4, "loss": 0.3, "silence_timeout": 32},
        "faults": [fault],
        "stragglers": [],
    }
    run = played(0.2, {**UNEQUAL, "heterogeneity": 0}, **over)
    assert run.outcome.stopped_by == "time"
    assert len(run.workers) == 7
    assert len(run.models[5]) == 6, "250 s: six are alive"
    assert run.curves.gap.iloc[-1] < 1e-14
    assert run.curves.consensus.iloc[-1] < 1e-12


def test_a_directed_graph_is_none_for_it() -> None:
    """W is symmetric: a directed kind is skipped with the reason."""
    with pytest.raises(CannotRun, match="undirected"):
        make_run({"name": "adsgd", "step_size": 0.1, "topology": "directed-ring"}).build_topology()
