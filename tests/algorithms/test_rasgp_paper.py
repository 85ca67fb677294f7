"""RASGP against its paper: Spiridonoff, Olshevsky, Paschalidis, arXiv 1811.03982.

When worker i wakes up, in the letters of `algorithms/rasgp.py`:

    x ← x − γ_i g_i(x/ω),  φ^x += x/(d + 1),  φ^ω += ω/(d + 1),  x ← x/(d + 1),  ω ← ω/(d + 1),  post (φ^x, φ^ω)
    x += newest φ_j^x − ρ_ij^x,  ω += newest φ_j^ω − ρ_ij^ω,  ρ_ij = that φ_j          for every in-neighbour j
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.world import World
from tests.support.handmade import curvatures, graph, make_run, maker, noise, schedules, simulate_run

KINDS = ("exponential", "directed-ring", "ring", "complete", "binary-tree", "random-trees")


def neighbours(kind: str, n: int) -> list[set[int]]:
    """Each worker's out-neighbours: those in G(W) and those in G(A)."""
    pair = graph(kind, n)
    return [{*pair.out_W(i), *pair.out_A(i)} for i in range(n)]


# ------------------------------------------------------------------------------------------ the recursion
class Reference:
    """The paper's recursion in NumPy: one event at a time, message by message."""

    def __init__(self, out: list[set[int]], x0: np.ndarray, step: float) -> None:
        n = len(out)
        self.out, self.step = out, step
        self.x, self.omega = np.tile(x0, (n, 1)), np.ones(n)
        self.phi_x, self.phi_omega = np.zeros_like(self.x), np.zeros(n)
        edges = [(i, j) for i in range(n) for j in out[i]]
        self.heard = {e: (0, np.zeros_like(x0), 0.0, 0) for e in edges}  # stamp, φ^x, φ^ω, time
        self.used = {e: (np.zeros_like(x0), 0.0) for e in edges}
        self.clock, self.acted = [0] * n, [0] * n

    def wake_up(self, i: int, g: np.ndarray, elapsed: bool) -> tuple[np.ndarray, float, int]:
        """One action; what it posts to all its out-neighbours."""
        incoming = [e for e in self.heard if e[1] == i]
        self.acted[i] += 1
        now = max(self.acted[i], self.clock[i], *(self.heard[e][3] for e in incoming), 0)
        self.x[i] -= self.step * ((now - self.clock[i]) if elapsed else 1) * g
        self.clock[i] = now
        parts = len(self.out[i]) + 1
        self.phi_x[i] += self.x[i] / parts
        self.phi_omega[i] += self.omega[i] / parts
        self.x[i] /= parts
        self.omega[i] /= parts
        posted = (self.phi_x[i].copy(), float(self.phi_omega[i]), now)
        for e in incoming:
            _, phi_x, phi_omega, _ = self.heard[e]
            self.x[i] += phi_x - self.used[e][0]
            self.omega[i] += phi_omega - self.used[e][1]
            self.used[e] = phi_x, phi_omega
        return posted

    def hear(self, edge: tuple[int, int], stamp: int, message: tuple[np.ndarray, float, int]) -> None:
        if stamp > self.heard[edge][0]:
            self.heard[edge] = stamp, *message


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 7),
    weighting=st.sampled_from(["elapsed", "none"]),
    schedule=schedules(250),
)
def test_it_is_the_papers_recursion_under_any_schedule(
    kind: str, n: int, weighting: str, schedule: list[tuple[str, int]]
) -> None:
    """Whatever is late, lost or overtaken: x and ω of every worker are the reference's, to 1e-12."""
    step = 0.02
    H, b = curvatures(n)
    make = maker("rasgp", step_size=step, weighting=weighting)
    world = World(make, graph(kind, n), np.ones(3), lambda i, at, k: H[i] * (at - b[i]))
    mine = Reference(neighbours(kind, n), np.ones(3), step)
    posted: dict[int, tuple[np.ndarray, float, int]] = {}
    for what, number in schedule:
        if what == "step":
            i, before = number % n, len(world.wire)
            world.step(i)
            message = mine.wake_up(i, H[i] * (mine.x[i] / mine.omega[i] - b[i]), weighting == "elapsed")
            posted |= {letter.stamp: message for letter in world.wire[before:]}
        elif world.wire and what == "deliver":
            letter = world.deliver(number % len(world.wire))
            mine.hear((letter.sender, letter.to), letter.stamp, posted[letter.stamp])
        elif world.wire:
            world.drop(number % len(world.wire))
        np.testing.assert_allclose([w.x for w in world.workers], mine.x, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose([w.omega for w in world.workers], mine.omega, rtol=1e-12)
        assert [w.clock for w in world.workers] == mine.clock


@pytest.mark.parametrize("kind", ["exponential", "directed-ring", "complete"])
def test_without_loss_it_is_push_sum_sgd(kind: str) -> None:
    """Rounds in which everything arrives: U = X − γ G(X/ω), and X⁺ = P U, where what i gives to others is added one
    round later; ω alike. The elapsed time is 1 in each round."""
    n, step = 5, 0.05
    H, b = curvatures(n)
    world = World(
        maker("rasgp", step_size=step), graph(kind, n), np.ones(3), lambda i, at, k: H[i] * (at - b[i])
    )
    P = np.array([[float(i in own or i == j) / (len(own) + 1) for i in range(n)] for j, own in
                  enumerate(neighbours(kind, n))]).T  # fmt: skip
    keep = np.diag(np.diag(P))
    X, omega = np.ones((n, 3)), np.ones((n, 1))
    U_before, omega_before = np.zeros((n, 3)), np.zeros((n, 1))
    np.testing.assert_allclose(P.sum(axis=0), 1)
    for _ in range(80):
        world.round()
        U = X - step * H * (X / omega - b)
        X, U_before = keep @ U + (P - keep) @ U_before, U
        omega, omega_before = keep @ omega + (P - keep) @ omega_before, omega
        np.testing.assert_allclose([w.x for w in world.workers], X, rtol=0, atol=1e-12)
        np.testing.assert_allclose([w.omega for w in world.workers], omega[:, 0], rtol=0, atol=1e-12)


@settings(max_examples=80, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(1, 7), schedule=schedules(250), seed=st.integers(0, 2**31))
def test_no_mass_is_ever_lost(kind: str, n: int, schedule: list[tuple[str, int]], seed: int) -> None:
    """Conservation of mass: Σ ω + Σ_edges (φ^ω − ρ^ω) = n, and Σ x + Σ_edges (φ^x − ρ^x) = n x⁰ − Σ γ_i g_i;
    every worker alone keeps its own ledger of ω."""
    world = World(maker("rasgp", step_size=0.1), graph(kind, n), np.ones(2), noise(seed))
    applied = np.zeros(2)
    for what, number in schedule:
        if what == "step":
            worker = world.workers[number % n]
            before = worker.clock
            world.step(number % n)
            applied = applied + 0.1 * (worker.clock - before) * world.gradients[number % n][-1]
        elif world.wire:
            (world.deliver if what == "deliver" else world.drop)(number % len(world.wire))
        workers = world.workers
        edges = [(workers[j], i) for i in range(n) for j in workers[i].used]
        weight = sum(w.omega for w in workers)
        weight += sum(w.phi_omega - workers[i].used[workers.index(w)][1] for w, i in edges)
        assert weight == pytest.approx(n, abs=1e-12)
        assert all(abs(w.local_residual) < 1e-12 for w in workers)
        mass = sum(w.x for w in workers)
        mass = mass + sum(w.phi_x - workers[i].used[workers.index(w)][0] for w, i in edges)
        np.testing.assert_allclose(mass, n - applied, rtol=0, atol=1e-12 * (len(schedule) + n))


def test_it_runs_on_the_edges_of_both_graphs() -> None:
    """A tree pair with a common root is strongly connected when its two graphs are taken together."""
    world = World(maker("rasgp", step_size=0.1), graph("binary-tree", 3), np.ones(2), noise(0))
    world.round()
    assert {entry[::2] for entry in world.log if entry[1] == "post"} == {(0, 1), (0, 2), (1, 0), (2, 0)}
    assert [w.out for w in world.workers] == [[1, 2], [0], [0]]


def test_alone_it_is_plain_sgd() -> None:
    """n = 1: x ← x − γ g(x), and no message."""
    world = World(maker("rasgp", step_size=0.25), graph("exponential", 1), 1.0, lambda i, at, k: 2 * at + k)
    x = 1.0
    for k in range(20):
        assert world.points[0][k] == x
        world.step(0)
        x = x - 0.25 * world.gradients[0][k]
    assert not any("post" in entry for entry in world.log)


# --------------------------------------------------------------------------------------------- weighting
def played(
    step: float, time: float = 2500, loss: float = 0.3, topology: str = "exponential", **own: Any
) -> Any:
    """Full gradients, unequal shards, worker 3 four times slower."""
    algorithm = {"name": "rasgp", "step_size": step, "topology": topology, **own}
    scenario: dict[str, Any] = {
        "workers": 7,
        "problem": {"kind": "quadratic", "dim": 4, "heterogeneity": 1, "condition": 3},
        "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.2},
        "stragglers": [{"worker": 3, "slowdown": 4}],
        "network": {"latency": 0.4, "loss": loss},
        **{"stop": {"time": time}, "evaluate": {"every": 20}},
    }
    return simulate_run(make_run(algorithm, **scenario), gap=True)


def final(run: Any) -> float:
    return float(run.curves.gap.tail(40).mean())


def test_slow_workers_take_as_large_steps_in_all_as_fast_ones() -> None:
    """Σ γ_i over a worker's actions is γ times the common time at which it acted last."""
    workers = played(0.01, time=400).workers
    assert 80 < workers[3].acted < 120 < 370 < workers[0].acted
    assert max(w.clock for w in workers) - min(w.clock for w in workers) <= 12


def test_its_bias_shrinks_with_the_step_though_messages_are_lost() -> None:
    """With a constant step it stops near the optimum: the gap falls with γ², with and without loss."""
    for loss in (0.0, 0.3):
        large, small = (final(played(step, loss=loss)) for step in (0.02, 0.01))
        assert large < 2e-3
        assert 3 < large / small < 5


def test_without_weighting_fast_workers_count_more() -> None:
    """`weighting: none` tends to the optimum of the speed-weighted sum, however small the step."""
    large, small = (final(played(step, weighting="none")) for step in (0.02, 0.01))
    assert small > 0.01
    assert small > 0.8 * large


def test_all_mass_is_kept_and_yet_a_starved_worker_diverges() -> None:
    """On a directed ring a worker that hears nothing for a while halves its ω with each action, and γ/ω grows.
    The same step is good without loss, and under loss where a worker has three in-neighbours."""
    starved = played(0.05, topology="directed-ring")
    assert starved.outcome.stopped_by == "diverged"
    assert starved.curves.residual.max() < 1e-11
    assert final(played(0.05, loss=0, topology="directed-ring")) < 2e-2
    assert final(played(0.05)) < 2e-2
