"""R-FAST against its paper: Zhu, Tian, Huang, Xu, He, arXiv 2307.11617, Algorithm 1, line by line.

All by hand: no clock, no simulator. The lines, in the letters of the paper:

    start                     x = x⁰, v_j = x⁰, z = g = ∇f_i(x⁰; ζ), ρ = ρ̃ = 0
    local descent             v = x − γ z, sent to N_out(W)
    mixing                    x = w_ii v + Σ w_ij · newest v_j
    robust gradient tracking  y = z + Σ (ρ̂_ij − ρ̃_ij) + g⁺ − g,  z = a_ii y,  ρ_ji += a_ji y, sent to N_out(A)
    buffers                   ρ̃_ij = ρ̂_ij

Binary tree of three: models flow 0 -> 1 and 0 -> 2, mass flows back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.letter import Letter
from rfast_bench.conformance.hand.world import Oracle, World
from rfast_bench.plan import registry
from rfast_bench.topology.topology import Topology
from tests.support.handmade import graph, maker, matrix, mean_step, noise, schedules, unequal

KINDS = ("binary-tree", "line", "star", "directed-ring", "exponential", "complete")
X0 = 1.0


def scalars(*values: tuple[float, ...]) -> Oracle:
    """Worker i's k-th gradient is `values[i][k]`."""
    return lambda i, at, k: values[i][k]


def tree_of_three(*values: tuple[float, ...]) -> World:
    return World(maker("r-fast", step_size=0.1), graph("binary-tree", 3), X0, scalars(*values))


def on_wire(world: World, sender: int, channel: str) -> list[Letter]:
    return [m for m in world.wire if (m.sender, m.channel) == (sender, channel)]


def deliver(world: World, letter: Letter) -> None:
    world.deliver(world.wire.index(letter))


# -------------------------------------------------------------------------------- initialisation (line 1)
@pytest.mark.parametrize("kind", KINDS)
def test_first_thing_asked_is_the_gradient_at_x0(kind: str) -> None:
    """Start: z = g = ∇f_i(x⁰; ζ): nothing is sent before that gradient is known."""
    world = World(maker("r-fast", step_size=0.1), graph(kind, 4), X0, noise(0))
    assert world.points == [[X0]] * 4
    assert not world.wire
    assert world.log == [(i, "Gradient") for i in range(4)]


def test_before_the_first_gradient_all_mass_is_zero() -> None:
    """Start: ρ = ρ̃ = 0, and z = g once the first gradient is there."""
    world = tree_of_three((2.0,), (2.0,), (2.0,))
    assert [(w.x, w.z, w.g) for w in world.workers] == [(X0, 0, 0)] * 3
    assert (world.workers[1].rho, world.workers[0].rho_used) == ({0: 0}, {1: 0, 2: 0})
    world.step(0)
    root = world.workers[0]
    assert (root.z, root.g) == (2.0, 2.0)


# ----------------------------------------------------------------------------------- one iteration by hand
def test_one_iteration_of_a_leaf() -> None:
    """All lines once: v = x − γz, x = w_ii v + w_i0 x⁰, y = z + g⁺ − g, z = a_ii y, ρ_0i += a_0i y."""
    world = tree_of_three((), (2.0, 3.0), ())
    leaf = world.workers[1]
    world.step(1)  # z = 2, so v = 1 − 0.2 and x = 0.8/2 + 1/2
    assert world.points[1][-1] == pytest.approx(0.9, rel=1e-15)
    assert not on_wire(world, 1, "v"), "a leaf of G(W) gives its model to nobody"
    world.step(1)  # y = 2 + 3 − 2
    assert (leaf.z, leaf.rho, leaf.g) == (1.5, {0: 1.5}, 3.0)
    assert [(m.to, m.payload) for m in on_wire(world, 1, "rho")] == [(0, 1.5)]
    # the next descent: v = 0.9 − 0.15 = 0.75, x = (0.75 + 1)/2
    assert world.points[1][-1] == pytest.approx(0.875, rel=1e-15)


def test_one_iteration_of_the_root() -> None:
    """All lines for a root: it mixes with nobody (w_00 = 1), and keeps all mass that comes (a_00 = 1)."""
    world = tree_of_three((2.0, 3.0, 3.0), (2.0, 3.0), ())
    world.step(0)
    assert [(m.to, m.payload) for m in on_wire(world, 0, "v")] == [(1, 0.8), (2, 0.8)]
    assert world.points[0][-1] == 0.8
    world.step(1)
    world.step(1)
    deliver(world, on_wire(world, 1, "rho")[0])
    world.step(0)  # y = 2 + 1.5 + 3 − 2
    root = world.workers[0]
    assert (root.z, root.rho, root.rho_used) == (4.5, {}, {1: 1.5, 2: 0})
    world.step(0)  # nothing new has come: no mass is taken twice
    assert (root.z, root.rho_used) == (4.5, {1: 1.5, 2: 0})


def test_v_is_posted_before_the_gradient_is_asked() -> None:
    """Local descent sends v to N_out(W) ahead of the new gradient: sending overlaps computing."""
    world = tree_of_three((2.0, 3.0), (), ())
    world.step(0)
    assert world.log[-3:] == [(0, "post", 1, "v"), (0, "post", 2, "v"), (0, "Gradient")]


def test_rho_is_posted_after_the_gradient() -> None:
    """Robust gradient tracking: the ρ_ji that is sent carries the mass of the gradient just computed."""
    world = tree_of_three((), (2.0, 3.0), ())
    world.step(1)
    assert not world.wire
    world.step(1)
    assert world.log[-2:] == [(1, "post", 0, "rho"), (1, "Gradient")]


# -------------------------------------------------------------------------------- what has come, and what not
def test_an_in_neighbour_not_heard_from_counts_as_x0() -> None:
    """Start: v_j = x⁰, all workers starting from the same x⁰."""
    world = World(maker("r-fast", step_size=0.1), graph("complete", 4), X0, scalars((2.0,), (), (), ()))
    world.step(0)
    assert world.points[0][-1] == pytest.approx(0.8 / 4 + 3 * X0 / 4, rel=1e-15)


def test_the_newest_v_received_is_mixed() -> None:
    """Mixing takes the newest model received, newest by its sender's iteration."""
    world = tree_of_three((2.0, 2.0, 2.0), (2.0, 2.0, 2.0), ())
    world.step(0)
    world.step(0)
    first, second = (m for m in on_wire(world, 0, "v") if m.to == 1)
    assert (first.payload, second.payload) == (0.8, pytest.approx(0.6))
    deliver(world, second)
    deliver(world, first)
    world.step(1)
    assert world.points[1][-1] == pytest.approx(0.8 / 2 + 0.6 / 2, rel=1e-15), "the late older one is dropped"


def test_rho_is_read_once_and_used_twice() -> None:
    """Buffers: the ρ̂_ij that enters y is what becomes ρ̃_ij: one read an in-neighbour and iteration."""
    world = World(maker("r-fast", step_size=0.01), graph("complete", 4), X0, noise(0))
    for _ in range(5):
        world.round()
    assert all(node.reads[j, "rho"] == 4 for node in world.nodes for j in node.in_A)


def test_a_rho_that_comes_between_is_wholly_used_or_not_at_all() -> None:
    """Robust gradient tracking: what comes while the gradient is computed counts now, the rest next time."""
    world = tree_of_three((2.0, 2.0, 2.0), (2.0, 2.0, 2.0), ())
    world.step(0)
    for _ in range(3):
        world.step(1)
    early, late = on_wire(world, 1, "rho")
    deliver(world, early)
    root = world.workers[0]
    assert (root.z, root.rho_used[1]) == (2.0, 0), "arrival alone changes nothing"
    world.step(0)
    assert (root.z, root.rho_used[1]) == (2.0 + early.payload, early.payload)
    deliver(world, late)
    assert (root.z, root.rho_used[1]) == (2.0 + early.payload, early.payload)
    world.step(0)
    assert (root.z, root.rho_used[1]) == (2.0 + late.payload, late.payload)


def test_a_rho_overtaken_by_a_newer_one_is_dropped() -> None:
    """Robust gradient tracking takes the newest ρ_ij: by its sender's iteration, not by arrival."""
    world = tree_of_three((2.0, 2.0, 2.0), (2.0, 3.0, 4.0), ())
    for _ in range(3):
        world.step(1)
    first, second = on_wire(world, 1, "rho")
    world.step(0)
    deliver(world, second)
    deliver(world, first)
    world.step(0)
    assert world.workers[0].rho_used[1] == second.payload != first.payload


def test_a_lost_rho_is_carried_by_the_next() -> None:
    """Packet losses: ρ is a running sum, so that a lost one delays mass and loses none."""
    lossy = tree_of_three((2.0, 2.0), (2.0, 3.0, 4.0), ())
    for _ in range(3):
        lossy.step(1)
    lost, kept = on_wire(lossy, 1, "rho")
    assert kept.payload == lost.payload + lossy.workers[1].z, (
        "tree of three: a leaf keeps as much as it gives"
    )
    assert lossy.drop(lossy.wire.index(lost))
    deliver(lossy, kept)
    lossy.step(0)
    lossy.step(0)
    assert lossy.workers[0].z == 2.0 + kept.payload


# ---------------------------------------------------------------------------------- conservation of the mass
def ledger(world: World) -> Any:
    """Σ z_i + Σ_{i → j in G(A)} (ρ_ji at the sender − ρ̃_ji at the receiver) − Σ g_i, written out anew."""
    flying = sum(
        world.workers[i].rho[j] - world.workers[j].rho_used[i]
        for i in range(world.n)
        for j in world.nodes[i].out_A
    )
    return sum(w.z for w in world.workers) + flying - sum(w.g for w in world.workers)


def largest(world: World) -> float:
    """The largest number in anybody's books, at least 1."""
    books = [v for w in world.workers for v in (w.z, w.g, *w.rho.values(), *w.rho_used.values())]
    return max(1.0, *(float(np.abs(v).max()) for v in books))


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 7),
    schedule=schedules(),
    seed=st.integers(0, 2**31),
    compensated=st.booleans(),
)
def test_the_ledgers_hold_at_every_instant_under_any_schedule(
    kind: str, n: int, schedule: list[tuple[str, int]], seed: int, compensated: bool
) -> None:
    """Conservation of the tracked mass: Σ z_i + Σ (ρ − ρ̃) = Σ g_i at every t, the sum of every worker's own
    z_i + Σ_out ρ_ji − Σ_in ρ̃_ij = g_i. Rounding errors are of the size of the largest number there."""
    make = maker("r-fast", step_size=0.1, compensated=compensated)
    world = World(make, unequal(kind, n), np.zeros(2), noise(seed))

    def check() -> None:
        bound = 1e-14 * (len(schedule) + 1) * largest(world)
        for worker in world.workers:
            own = worker.z + sum(worker.rho.values()) - sum(worker.rho_used.values()) - worker.g
            np.testing.assert_allclose(own, 0, atol=bound)
        np.testing.assert_allclose(ledger(world), 0, atol=n * bound)
        np.testing.assert_allclose(type(world.workers[0]).residual(world.workers), 0, atol=n * bound)

    world_starts_with_empty_books(world)
    world.play([("step", i) for i in range(n)] + schedule, check)


def world_starts_with_empty_books(world: World) -> None:
    assert all(set(w.rho) == set(node.out_A) for w, node in zip(world.workers, world.nodes, strict=True))
    assert all(set(w.rho_used) == set(node.in_A) for w, node in zip(world.workers, world.nodes, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_tracked_mass_is_the_sum_of_gradients_in_synchronous_rounds(kind: str) -> None:
    """Steady gradients: y tends to π Σ g_j, π the right Perron vector of A, and z to diag(A) y."""
    n, g = 5, np.arange(1.0, 6.0)
    world = World(maker("r-fast", step_size=1e-9), unequal(kind, n), X0, lambda i, at, k: g[i])
    for _ in range(300):
        world.round()
    A = matrix(world, "A")
    y = np.linalg.matrix_power(A, 500) @ g
    np.testing.assert_allclose([w.z for w in world.workers], np.diag(A) * y, atol=1e-12)


# ------------------------------------------------------------------------------------- the step that counts
FACTORS = {
    "binary-tree": 7,
    "line": 7,
    "star": 7,
    "directed-ring": 1 / 2,
    "exponential": 1 / 4,
    "complete": 1 / 7,
}


@pytest.mark.parametrize("kind", KINDS)
def test_effective_step_of_each_pair(kind: str) -> None:
    """γ_eff = γ n Σ ψ_i a_ii π_i in synchronous rounds near consensus: nγ on trees, γ/n when complete."""
    factor = graph(kind, 7).step_factor
    assert factor == pytest.approx(FACTORS[kind], rel=1e-12)
    assert registry.find("r-fast").effective_step(0.3, factor) == pytest.approx(0.3 * FACTORS[kind])


@pytest.mark.parametrize("weighted", [graph, unequal])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_model_moves_by_the_effective_step(
    kind: str, weighted: Callable[[str, int], Topology]
) -> None:
    """f_i = x²/2 for all: x̄ shrinks by 1 − γ_eff a round. A v is one round old when it is mixed here
    (D_W = 1), which divides the step by 1 + Σ ψ_i (1 − w_ii): by 1 on trees."""
    pair, small = weighted(kind, 7), 1e-4
    step = small / pair.step_factor
    world = World(maker("r-fast", step_size=step), pair, X0, lambda i, at, k: at)
    measured = mean_step(world)
    W = matrix(world, "W")
    psi = np.linalg.matrix_power(W, 2000)[0]
    lateness = 1 + psi @ (1 - np.diag(W))
    assert measured == pytest.approx(small / lateness, rel=0.01)


def test_alone_it_is_plain_sgd() -> None:
    """n = 1: x ← x − γ g(x), and no message."""
    world = World(maker("r-fast", step_size=0.25), graph("binary-tree", 1), X0, lambda i, at, k: 2 * at + k)
    x = X0
    for k in range(20):
        assert world.points[0][k] == x
        world.step(0)
        x = x - 0.25 * world.gradients[0][k]
    assert not any("post" in entry for entry in world.log)


# ------------------------------------------------------------------------------------------------ matrix form
@pytest.mark.parametrize("kind", ["complete", "exponential", "binary-tree"])
def test_synchronous_rounds_equal_the_matrix_form(kind: str) -> None:
    """Matrix form: V = X − γZ, X⁺ = W V, Y⁺ = A Y + G⁺ − G, Z = diag(A) Y. In these rounds a message arrives
    after everybody's step: X⁺ = diag(W) V + (W − diag W) V of the round before."""
    n, d, step = 5, 3, 0.05
    rng = np.random.default_rng(3)
    H, b = rng.uniform(0.5, 2, (n, d)), rng.standard_normal((n, d))
    world = World(
        maker("r-fast", step_size=step), unequal(kind, n), np.ones(d), lambda i, at, k: H[i] * (at - b[i])
    )
    W, A = matrix(world, "W"), matrix(world, "A")
    own_w, own_a = np.diag(np.diag(W)), np.diag(np.diag(A))
    X = V_before = np.ones((n, d))
    Z = G = H * (X - b)
    given_away = np.zeros((n, d))
    world.round()
    for _ in range(60):
        V = X - step * Z
        X, V_before = own_w @ V + (W - own_w) @ V_before, V
        np.testing.assert_allclose([w.x for w in world.workers], X, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose([w.z for w in world.workers], Z, rtol=1e-11, atol=1e-13)
        world.round()
        Y = Z + given_away + H * (X - b) - G
        Z, given_away, G = own_a @ Y, (A - own_a) @ Y, H * (X - b)


# -------------------------------------------------------------------------------------- compensated variant
@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(1, 7), schedule=schedules(), seed=st.integers(0, 2**31))
@example(
    kind="directed-ring", n=7, schedule=[(("step", "deliver")[k % 2], k * k) for k in range(300)], seed=1
)
def test_compensated_equals_plain_in_float64(
    kind: str, n: int, schedule: list[tuple[str, int]], seed: int
) -> None:
    """z = y − Σ (ρ_new − ρ_old) is a_ii y, but for rounding."""
    plain, compensated = (
        World(maker("r-fast", step_size=0.05, compensated=c), graph(kind, n), np.ones(2), noise(seed))
        for c in (False, True)
    )
    for world in (plain, compensated):
        world.play(schedule, lambda: None)
    for one, other in zip(plain.workers, compensated.workers, strict=True):
        np.testing.assert_allclose(one.x, other.x, atol=1e-12)
        np.testing.assert_allclose(one.z, other.z, atol=1e-12)


def drift(compensated: bool, seed: int) -> float:
    """Root mean square of what the float32 books leave of the ledger, after a long descent without order."""
    n, iterations = 7, 5000
    rng = np.random.default_rng(seed)
    spread = rng.standard_normal((4096, 4)).astype(np.float32)

    def gradient(i: int, at: Any, k: int) -> Any:  # of (x + i − 3)²/2, and noise
        return at + (i - 3) + spread[(7 * k + i) % 4096]

    make = maker("r-fast", step_size=0.05, compensated=compensated)
    world = World(make, graph("directed-ring", n), np.zeros(4, np.float32), gradient)
    weights = np.array([1, 1, 1, 0.25, 1, 1, 1])  # worker 3 is slow
    for i in rng.choice(n, iterations * n, p=weights / weights.sum()):
        world.step(int(i))
        while len(world.wire) > 2 * n:  # late and out of order, three in ten are lost
            k = int(rng.integers(len(world.wire)))
            world.drop(k) if rng.random() < 0.3 else world.deliver(k)
    left = np.zeros(4)  # summed in float64, from float32 books
    for worker in world.workers:
        assert worker.z.dtype == worker.x.dtype == np.float32
        books = [worker.z, -worker.g, *worker.rho.values(), *(-taken for taken in worker.rho_used.values())]
        left += np.sum(books, axis=0, dtype=np.float64)
    return float(np.sqrt(np.mean(left**2)))


def test_compensation_keeps_float32_books_true() -> None:
    """On a directed ring ρ random-walks, and plain rounding errors are of ρ's size; those of the compensated
    variant are of y's. Measured: plain 1.5e-4 (mean of two seeds), compensated 6.5e-6."""
    plain, compensated = (np.mean([drift(c, seed) for seed in range(2)]) for c in (False, True))
    assert compensated < 2e-5
    assert compensated < plain / 8
