"""One-peer R-FAST, which no paper has: its rules by hand, its ledger under any schedule, its optimum under everything.

start      as R-FAST
descent    v = x − γ z, sent to out-neighbour number k of G(W), modulo how many there are
mixing     x = (w_ii v + Σ w_ij v_j) / (w_ii + Σ w_ij) over the in-neighbours j whose newest v_j is new
tracking   y = z + Σ (ρ̂_ij − ρ̃_ij) + g⁺ − g,  z = a y,  ρ_ji += (1 − a) y for out-neighbour number k of G(A) alone
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.world import World
from rfast_bench.topology.membership import Membership
from tests.support.handmade import (
    Played,
    graph,
    make_run,
    maker,
    mean_step,
    noise,
    schedules,
    simulate_run,
    unequal,
)

NAME = "r-fast-one-peer"
KINDS = ("binary-tree", "line", "star", "directed-ring", "exponential", "complete", "random-trees")


def world_of(kind: str, n: int, gradient: Any = None, **parameters: Any) -> World:
    make = maker(NAME, **{"step_size": 0.1, **parameters})
    return World(make, graph(kind, n), 1.0, gradient or (lambda i, at, k: float(i + k)))


# ----------------------------------------------------------------------------------------------- whose turn
@pytest.mark.parametrize(("kind", "offsets"), [("exponential", [1, 2, 4]), ("complete", [1, 2, 3, 4, 5, 6])])
def test_neighbours_take_turns_and_one_peer_gets_both(kind: str, offsets: list[int]) -> None:
    """Peers are ordered by (j − i) mod n: iteration k sends v and ρ to i + offsets[k mod degree]."""
    n = 7
    world = world_of(kind, n)
    for _ in range(20):
        world.round()
    posts = [(entry[0], entry[2], entry[3]) for entry in world.log if "post" in entry]
    for i in range(n):
        turns = [(i + offsets[k % len(offsets)]) % n for k in range(20)]
        assert [to for sender, to, channel in posts if (sender, channel) == (i, "v")] == turns
        assert [to for sender, to, channel in posts if (sender, channel) == (i, "rho")] == turns[:-1]


def test_each_graph_has_its_own_turns_where_they_differ() -> None:
    """Binary tree of 7, worker 1: v to its children 3 and 4 in turn, ρ always to its only parent."""
    world = world_of("binary-tree", 7)
    for _ in range(5):
        world.step(1)
    sent = [(m.to, m.channel) for m in world.wire if m.sender == 1]
    assert [to for to, channel in sent if channel == "v"] == [3, 4, 3, 4, 3]
    assert [to for to, channel in sent if channel == "rho"] == [0] * 4


# ------------------------------------------------------------------------------------------- by hand, in full
def test_one_iteration_of_a_worker_of_a_complete_pair() -> None:
    """All lines once, own share 0.6: z = 0.6 y, and the peer of the iteration gets all of 0.4 y."""
    world = world_of("complete", 3, lambda i, at, k: (2.0, 3.0, 7.0)[k], own_share=0.6)
    worker = world.workers[0]
    world.step(0)  # v = 1 − 0.2; nothing has come: x = v
    assert world.points[0][-1] == pytest.approx(0.8, rel=1e-15)
    world.step(0)  # y = 2 + 3 − 2
    assert (worker.z, worker.rho, worker.g) == (pytest.approx(1.8), {1: pytest.approx(1.2), 2: 0}, 3.0)
    world.step(0)  # y = 1.8 + 7 − 3, and it is worker 2's turn
    assert worker.rho == {1: pytest.approx(1.2), 2: pytest.approx(0.4 * 5.8)}
    assert worker.z == pytest.approx(0.6 * 5.8)


def test_a_model_is_mixed_in_once() -> None:
    """By w_ij of those that are new and w_ii, scaled to sum to 1; what was mixed before counts for nothing."""
    pair = unequal("complete", 3)
    world = World(maker(NAME, step_size=0.1), pair, 1.0, lambda i, at, k: (1.0, 2.0, 5.0)[i])
    world.step(1)
    world.step(1)  # to 2 first (offset 1), then to 0
    to_0 = next(m for m in world.wire if (m.sender, m.to, m.channel) == (1, 0, "v"))
    world.deliver(world.wire.index(to_0))
    world.step(0)
    W, (_, v_1) = pair.W[0], to_0.payload
    assert world.points[0][-1] == pytest.approx((W[0] * 0.9 + W[1] * v_1) / (W[0] + W[1]), rel=1e-14)
    at, worker = world.points[0][-1], world.workers[0]
    world.step(0)
    assert world.points[0][-1] == pytest.approx(at - 0.1 * worker.z, rel=1e-14), "worker 1 said nothing new"


def test_what_was_mixed_before_a_neighbour_died_is_old_when_it_comes_back() -> None:
    """Its last letter still lies in the box; the first new one, whose number starts anew, is mixed."""
    world = world_of("complete", 3, noise(0, 1))
    membership, worker, node = Membership(graph("complete", 3)), world.workers[0], world.nodes[0]
    for _ in range(6):
        world.round()
    world.step(0)
    old = dict(worker.seen)
    for gone in (frozenset({1}), frozenset()):
        for name, value in vars(membership.view(0, gone)).items():
            setattr(node, name, value)
        node.changes += 1
        world.step(0)
        assert (1 in worker.rho) == (1 in worker.rho_used) == (not gone)
        np.testing.assert_allclose(worker.local_residual, 0, atol=1e-12)
    world.wire.clear()
    assert worker.seen == old
    v, W = worker.x - 0.1 * worker.z, node.W
    node.latest[1, "v"].payload = (0, np.array([9.0]))
    mixed = worker.mix(node, v, worker.x)
    np.testing.assert_allclose(mixed, (W[0] * v + W[1] * 9.0) / (W[0] + W[1]), rtol=1e-14)


def test_a_leaf_and_a_root_of_a_tree() -> None:
    """Without out-neighbours in G(A) it keeps all (a_ii = 1); without in-neighbours in G(W) it keeps its v."""
    world = world_of("star", 4, lambda i, at, k: 1.0, own_share=0.3)
    for _ in range(8):
        world.step(0)
    root = world.workers[0]
    assert root.z == pytest.approx(1.0)
    assert world.points[0][-1] == pytest.approx(1.0 - 8 * 0.1)
    assert root.rho == {}


def test_alone_it_is_plain_sgd() -> None:
    """n = 1: x ← x − γ g(x), and no message."""
    world = World(maker(NAME, step_size=0.25), graph("exponential", 1), 1.0, lambda i, at, k: 2 * at + k)
    x = 1.0
    for k in range(20):
        assert world.points[0][k] == x
        world.step(0)
        x = x - 0.25 * world.gradients[0][k]
    assert not any("post" in entry for entry in world.log)


def test_with_one_out_neighbour_it_tracks_as_r_fast() -> None:
    """On a directed ring, whose shares are a half. Models differ from the first mixing on: R-FAST's takes x⁰ in."""
    plain, one_peer = (
        World(maker(name, step_size=0.1), graph("directed-ring", 4), np.zeros(2), noise(1))
        for name in ("r-fast", NAME)
    )
    for _ in range(10):
        plain.round()
        one_peer.round()
    for mine, theirs in zip(one_peer.workers, plain.workers, strict=True):
        np.testing.assert_allclose(mine.z, theirs.z, rtol=1e-12)
        assert mine.rho_used.keys() == theirs.rho_used.keys()
        for j, taken in mine.rho_used.items():
            np.testing.assert_allclose(taken, theirs.rho_used[j], rtol=1e-12)


# ------------------------------------------------------------------------------------------------ the ledger
@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 7),
    schedule=schedules(),
    seed=st.integers(0, 2**31),
    own_share=st.floats(0.05, 0.95),
    compensated=st.booleans(),
)
def test_the_ledgers_hold_at_every_instant_under_any_schedule(
    kind: str, n: int, schedule: list[tuple[str, int]], seed: int, own_share: float, compensated: bool
) -> None:
    """Σ z_i + Σ (ρ − ρ̃) = Σ g_i, and every worker's own, whatever is late, lost or overtaken."""
    make = maker(NAME, step_size=0.1, own_share=own_share, compensated=compensated)
    world = World(make, unequal(kind, n), np.zeros(2), noise(seed))

    def check() -> None:
        flying = sum(
            world.workers[i].rho[j] - world.workers[j].rho_used[i]
            for i in range(n)
            for j in world.nodes[i].out_A
        )
        left = sum(w.z for w in world.workers) + flying - sum(w.g for w in world.workers)
        np.testing.assert_allclose(left, 0, atol=1e-9)
        assert all(np.abs(w.local_residual).max() < 1e-9 for w in world.workers)

    world.play([("step", i) for i in range(n)] + schedule, check)


# --------------------------------------------------------------------------------------- in the simulated world
ROUGH: dict[str, Any] = {
    "workers": 7,
    "problem": {
        "kind": "logistic-regression",
        "dataset": "wine",
        "l2": 0.1,
        "batch_size": "full",
        "partition": "by-label",
        "test_fraction": 0,
    },
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.2},
    "stragglers": [{"worker": 5, "slowdown": 4}],
    "network": {"latency": 0.4, "loss": 0.3},
    "evaluate": {"every": 25},
}
STEPS = {"exponential": 0.5, "binary-tree": 0.03, "directed-ring": 0.1}


def rough(kind: str, time: float, faults: Sequence[dict[str, Any]] = (), timeout: float = 80) -> Played:
    """Full gradients, label-sorted shards, 30 % loss, a worker that is four times slower."""
    network = {**ROUGH["network"], **({"silence_timeout": timeout} if faults else {})}
    algorithm = {"name": NAME, "step_size": STEPS[kind], "topology": kind}
    over = {**ROUGH, "network": network, "faults": list(faults), "stop": {"time": time}}
    return simulate_run(make_run(algorithm, **over), gap=True)


@pytest.mark.parametrize(
    ("kind", "time"), [("exponential", 1500), ("binary-tree", 2500), ("directed-ring", 4000)]
)
def test_it_reaches_the_optimum_itself(kind: str, time: float) -> None:
    curves = rough(kind, time).curves
    assert abs(curves["gap"].iloc[-1]) < 1e-12
    assert curves["residual"].max() < 1e-9
    assert curves["messages_lost"].iloc[-1] / curves["messages_sent"].iloc[-1] == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("fault", [{}, {"state": "snapshot"}, {"state": "snapshot", "snapshot_age": 60}])
@pytest.mark.parametrize(("kind", "dead"), [("exponential", 3), ("binary-tree", 1)])
def test_after_a_death_and_a_return_all_reach_the_whole_optimum(
    kind: str, dead: int, fault: dict[str, Any]
) -> None:
    played = rough(kind, 3500, [{"worker": dead, "down": 100, "up": 600, **fault}])
    curves = played.curves.set_index("time")
    assert curves["residual"].max() < 1e-9, "at every look"
    assert curves["gap"].loc[550] > 1e-3  # what the shard of the dead worker is worth
    assert abs(curves["gap"].loc[3500]) < 1e-12
    assert max(w.changes for w in played.workers) >= 2


def test_survivors_reach_their_own_optimum() -> None:
    played = rough("exponential", 2000, [{"worker": 3, "down": 100}])
    assert all(3 not in w.rho and 3 not in w.rho_used for w in played.workers)
    assert played.curves["residual"].max() < 1e-9
    ids = [0, 1, 2, 4, 5, 6]
    mean = np.mean([w.model for w in played.workers], axis=0)
    slope = played.problem.gradients(ids, np.array([mean] * 6), [None] * 6).mean(axis=0)
    assert np.linalg.norm(slope) ** 2 / (2 * 0.1) < 1e-12


@pytest.mark.parametrize("n", [1, 2, 3, 64])
@pytest.mark.parametrize("kind", ["exponential", "directed-ring", "binary-tree"])
def test_any_number_of_workers(kind: str, n: int) -> None:
    """The ledger at every look; progress is the contract's test."""
    over = {**ROUGH, "workers": n, "stragglers": [{"worker": 0, "slowdown": 4}], "stop": {"time": 60}}
    over["problem"] = {"kind": "quadratic", "dim": 4, "heterogeneity": 0.2}
    curves = simulate_run(make_run({"name": NAME, "step_size": 0.005, "topology": kind}, **over)).curves
    assert curves["residual"].max() < 1e-12
    assert curves["loss"].iloc[-1] < curves["loss"].iloc[0]


def test_a_third_of_r_fasts_messages_on_the_exponential_pair_of_eight() -> None:
    """Three out-neighbours in each graph: six messages an iteration there, two here."""
    sent = {}
    for name in ("r-fast", NAME):
        algorithm = {"name": name, "step_size": 0.1, "topology": "exponential"}
        curves = simulate_run(
            make_run(algorithm, workers=8, stop={"time": 400}, evaluate={"every": 400})
        ).curves
        sent[name] = curves["messages_sent"].iloc[-1] / curves["gradients"].iloc[-1]
    assert sent["r-fast"] == pytest.approx(6, rel=0.01)
    assert sent[NAME] == pytest.approx(2, rel=0.01)


# ------------------------------------------------------------------------------------- the step that counts
@pytest.mark.parametrize("own_share", [0.5, 0.8])
@pytest.mark.parametrize(
    ("kind", "lateness"),
    [
        ("binary-tree", 1),
        ("line", 1),
        ("star", 1),
        ("directed-ring", 1.5),
        ("exponential", 1.5),
        ("complete", 1.5),
    ],
)
def test_the_mean_model_moves_by_the_effective_step(kind: str, own_share: float, lateness: float) -> None:
    """γ_eff = γ n Σ ψ_i a_ii π_i with a_ii = own_share where there is a peer: γ n on trees, γ own_share where all have
    as many neighbours. The one v that is mixed has half of the weight and is a round old, which divides by 1.5."""
    pair, small = graph(kind, 7).with_own_shares(A=own_share), 1e-4
    assert pair.step_factor == pytest.approx(7 if lateness == 1 else own_share)
    make = maker(NAME, step_size=small / pair.step_factor, own_share=own_share)
    world = World(make, pair, 1.0, lambda i, at, k: at)
    assert mean_step(world) == pytest.approx(small / lateness, rel=0.01)
