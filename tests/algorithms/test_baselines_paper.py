"""The baselines against their papers: Ring-AllReduce, D-PSGD, AD-PSGD and OSGP."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.letter import Letter
from rfast_bench.conformance.hand.world import World
from rfast_bench.errors import CannotRun
from tests.support import paper_osgp
from tests.support.handmade import WINE, curvatures, graph, make_run, maker, noise, schedules, simulate_run

ROUGH: dict[str, Any] = {
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.5},
    "stragglers": [{"worker": 2, "slowdown": 4}],
    "network": {"latency": 0.4, "loss": 0.3, "bandwidth": "1 kB/s"},
}
"""Nothing that reliable methods should notice in anything but time."""


# ---------------------------------------------------------------------------------------- Ring-AllReduce
@pytest.mark.parametrize("n", [1, 2, 5])
def test_ring_allreduce_is_centralised_gradient_descent(n: int) -> None:
    """x ← x − γ (1/n) Σ g_i(x) = x − γ ∇f(x) with full gradients, whatever the shards, speeds and losses."""
    step, rounds = 0.3, 40
    problem = {**WINE, "batch_size": "full", "partition": "by-label"}
    rough = ROUGH if n > 2 else {**ROUGH, "stragglers": []}
    run = make_run(
        {"name": "ring-allreduce", "step_size": step},
        **{**rough, "workers": n, "problem": problem, "stop": {"iterations": rounds}},
    )
    played = simulate_run(run)
    assert len(played.models) == rounds + 1
    x = played.problem.start
    for k in range(rounds + 1):
        loss, gradient = played.problem.objective(x)
        np.testing.assert_allclose(played.models[k], np.tile(x, (n, 1)), rtol=0, atol=1e-12)
        assert played.curves.loss[k] == pytest.approx(loss, abs=1e-12)
        x = x - step * gradient
    assert played.curves.loss.iloc[-1] < 0.3 * played.curves.loss.iloc[0]


def test_ring_allreduce_round_ends_after_the_slowest_gradient() -> None:
    """Common rounds: nobody begins round k + 1 before the last gradient of round k is done."""
    intervals = simulate_run(
        make_run({"name": "ring-allreduce", "step_size": 0.1}, **ROUGH, simulation={"timeline": 1e6})
    ).intervals()
    rounds = min(map(len, intervals.values()))
    done = np.array([own[: rounds - 1, 1] for own in intervals.values()]).max(axis=0)
    begun = np.array([own[1:rounds, 0] for own in intervals.values()]).min(axis=0)
    assert rounds > 40
    assert (begun > done).all()


# ------------------------------------------------------------------------------------------------ D-PSGD
KINDS = ("ring", "line", "complete")


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(1, 7), schedule=schedules(200, drops=False))
def test_d_psgd_is_its_matrix_recursion_under_any_schedule(
    kind: str, n: int, schedule: list[tuple[str, int]]
) -> None:
    """arXiv 1705.09056, Algorithm 1: X ← W X − γ G, whoever is how far; neighbours differ by one round."""
    topology, step = graph(kind, n, "undirected"), 0.1
    H, b = curvatures(n)
    world = World(maker("d-psgd", step_size=step), topology, np.ones(3), lambda i, at, k: H[i] * (at - b[i]))
    W = np.array([[topology.W[i].get(j, 0.0) for j in range(n)] for i in range(n)])
    np.testing.assert_allclose(W, W.T)
    neighbours = [(i, j) for i in range(n) for j in topology.out_W(i)]

    def check() -> None:
        at = [len(points) for points in world.points]
        assert all(at[i] - at[j] <= 1 for i, j in neighbours)

    world.play([*schedule, *[("step", i) for i in range(n)], *[("deliver", 0)] * 60], check)
    X = np.ones((n, 3))
    for k in range(max(map(len, world.points))):
        for i, points in enumerate(world.points):
            if k < len(points):
                np.testing.assert_allclose(points[k], X[i], rtol=1e-12, atol=1e-13)
        X = W @ X - step * H * (X - b)


@pytest.mark.parametrize("kind", KINDS)
def test_d_psgd_moves_the_sum_of_models_by_the_gradients(kind: str) -> None:
    """W is doubly stochastic, so Σ x_i moves by exactly −γ Σ g_i each round."""
    world = World(maker("d-psgd", step_size=0.3), graph(kind, 6, "undirected"), np.ones(2), noise(1))
    for k in range(30):
        before = sum(w.x for w in world.workers)
        world.round()
        given_out = sum(g[k] for g in world.gradients)
        np.testing.assert_allclose(
            sum(w.x for w in world.workers), before - 0.3 * given_out, rtol=0, atol=1e-13
        )


def test_d_psgd_runs_ahead_of_a_straggler_by_the_distance_to_it() -> None:
    """A worker is never ahead of a neighbour by more than one round, of others by one for each hop."""
    n, latency = 8, 0.25
    run = make_run(
        {"name": "d-psgd", "step_size": 0.1, "topology": "ring"},
        workers=n,
        compute=1,
        stragglers=[{"worker": 3, "slowdown": 10}],
        network={"latency": latency},
        simulation={"timeline": 1e6},
    )
    intervals = simulate_run(run).intervals()
    begun = {i: own[:, 0] for i, own in intervals.items()}
    distances = dict(nx.all_pairs_shortest_path_length(graph("ring", n, "undirected").graph_w()))
    ahead: Counter[int] = Counter()
    for i in range(n):
        for j in range(n):
            hops = distances[i][j]
            by_then = np.searchsorted(begun[j], begun[i], side="right")  # rounds that j has begun
            lead = int((np.arange(1, len(begun[i]) + 1) - by_then).max())
            assert lead <= hops
            ahead[hops] = max(ahead[hops], lead)
            if hops == 1:
                rounds = min(len(begun[i]) - 1, len(begun[j]))
                assert (begun[i][1 : rounds + 1] >= begun[j][:rounds] + latency - 1e-9).all()
    assert dict(ahead) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}


# ----------------------------------------------------------------------------------------------- AD-PSGD
def undelivered(world: World, channel: str) -> list[Letter]:
    """What was sent on a channel and not yet taken by its receiver."""
    waiting = [letter for node in world.nodes for letter in node.inbox[channel]]
    return waiting + [letter for letter in world.wire if letter.channel == channel]


def ad_psgd(n: int, seed: int, kind: str = "bipartite-exponential") -> World:
    return World(maker("ad-psgd", step_size=0.2), graph(kind, n, "bipartite"), np.ones(2), noise(seed))


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["bipartite-exponential", "line", "star"]),
    n=st.integers(1, 8),
    schedule=schedules(200),
    seed=st.integers(0, 2**31),
)
def test_ad_psgd_ledger_holds_at_every_instant(
    kind: str, n: int, schedule: list[tuple[str, int]], seed: int
) -> None:
    """Σ x_i + Σ_{replies not yet applied} (r − s)/2 = Σ x⁰ − γ Σ (applied gradients): averaging keeps the
    sum of models (arXiv 1710.06952). Of each active worker one request at most is on its way, there or back."""
    world = ad_psgd(n, seed, kind)

    def check() -> None:
        replies = undelivered(world, "reply")
        left = sum((m.payload - world.workers[m.to].s) / 2 for m in replies)
        applied = sum(g for own in world.gradients for g in own)
        total = sum(w.x for w in world.workers) + left
        bound = 1e-14 * (len(schedule) + n) * max(1.0, *(float(np.abs(w.x).max()) for w in world.workers))
        np.testing.assert_allclose(total, n * np.ones(2) - 0.2 * applied, rtol=0, atol=bound)
        under_way = Counter([m.sender for m in undelivered(world, "request")] + [m.to for m in replies])
        for node, worker in zip(world.nodes, world.workers, strict=True):
            assert under_way[node.id] == worker.asked
            assert node.side == 0 or not worker.asked

    world.play(schedule, check)


def test_ad_psgd_passive_worker_answers_while_it_computes() -> None:
    """The passive side replies with its old model at once and halves the difference, also while it computes;
    its gradient, asked at an older model, is applied to the new one."""
    world = World(
        maker("ad-psgd", step_size=0.5),
        graph("line", 2, "bipartite"),
        1.0,
        lambda i, at, k: 4.0 * (1 - 2 * i),
    )
    active, passive = world.workers
    world.step(0)  # x = 1 − 2 = −1; its request with s = 1 is still on its way
    assert (active.x, active.s, len(world.wire)) == (-1.0, 1.0, 1)
    world.step(1)
    assert passive.x == 3.0
    assert world.computes(1)
    world.deliver()
    assert world.computes(1)
    assert passive.x == 2.0
    assert [(m.channel, m.to, m.payload) for m in world.wire] == [("reply", 0, 3.0)]
    world.deliver()
    assert active.x == 0.0, "x + (r − s)/2 on the present x, not (s + r)/2"
    world.step(1)
    assert (world.points[1][-1], passive.x) == (4.0, 4.0)


def test_ad_psgd_asks_once_a_gradient_and_only_when_answered() -> None:
    """One request outstanding: an active worker whose reply is late computes on without asking again."""
    world = ad_psgd(2, 0, "line")
    for _ in range(5):
        world.step(0)
    assert [m.channel for m in world.wire] == ["request"]
    world.deliver()
    world.deliver()
    assert not world.wire, "asks beside the next gradient, not at once"
    world.step(0)
    assert [m.channel for m in world.wire] == ["request"]


def test_ad_psgd_asks_all_neighbours_alike() -> None:
    """The neighbour is drawn uniformly at random."""
    world = ad_psgd(6, 0, "star")
    for _ in range(2000):
        world.round()
    asked = Counter(entry[2] for entry in world.log if entry[1] == "reliable" and entry[3] == "request")
    assert set(asked) == set(range(1, 6))
    assert max(asked.values()) - min(asked.values()) < 5 * math.sqrt(2000 / 5)


def test_ad_psgd_refuses_a_ring_of_seven_naming_an_odd_cycle() -> None:
    """Deadlock-freedom needs a bipartite graph."""
    with pytest.raises(CannotRun, match=r"odd cycle \d( - \d){7} \(7 workers\)"):
        graph("ring", 7, "bipartite")
    with pytest.raises(CannotRun, match="odd cycle"):
        make_run({"name": "ad-psgd", "step_size": 0.1, "topology": "ring"}, workers=7).build_topology()


# -------------------------------------------------------------------------------------------------- OSGP
def osgp(n: int, tau: int, delivery: str = "reliable", seed: int = 0) -> World:
    make = maker("osgp", step_size=0.1, tau=tau, delivery=delivery)
    return World(make, graph("none", n, "nothing"), np.ones(2), noise(seed))


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 8), tau=st.sampled_from([0, 1, 3]), schedule=schedules(250), seed=st.integers(0, 2**31)
)
def test_osgp_keeps_all_weight_and_waits_only_when_it_must(
    n: int, tau: int, schedule: list[tuple[str, int]], seed: int
) -> None:
    """arXiv 1811.10792, Algorithms 1 and 2: Σ ω_i + in flight = n; x's mass moves by −γ g; worker i waits at
    the end of round r for the push of round r − τ + 1 (τ = 0: of round r) and for nothing else."""
    world = osgp(n, tau, seed=seed)
    come: list[set[int]] = [set() for _ in range(n)]

    def check() -> None:
        flying = undelivered(world, "push")
        weight = sum(w.omega for w in world.workers) + sum(m.payload[2] for m in flying)
        assert weight == pytest.approx(n, abs=1e-13)
        assert type(world.workers[0]).residual(world.workers) == pytest.approx(0, abs=1e-13)
        mass = sum(w.x for w in world.workers) + sum(m.payload[1] for m in flying)
        steps = [g for i, own in enumerate(world.gradients) for g in own[: len(own) - waits_before_step(i)]]
        expected = n - 0.1 * sum(steps, np.zeros(2))
        np.testing.assert_allclose(mass, expected, rtol=0, atol=1e-13 * (len(steps) + n))
        for i in range(n):
            r = len(world.gradients[i]) - 1
            due = r - max(tau, 1) + 1
            assert world.computes(i) == (n == 1 or due < 0 or due in come[i])

    def waits_before_step(i: int) -> int:
        """1 while a worker holds a gradient that it applies only after its wait (τ ≥ 1)."""
        return int(tau > 0 and not world.computes(i))

    check()
    for what, number in schedule:
        if what == "step":
            world.step(number % n)
        elif world.wire:
            letter = world.deliver(number % len(world.wire))
            come[letter.to].add(letter.payload[0])
        check()


@pytest.mark.parametrize("n", [2, 3, 5, 6, 8])
def test_osgp_pushes_to_one_peer_a_round(n: int) -> None:
    """Time-varying directed exponential graph: round r pushes 2^(r mod L) ahead, L = ⌈log₂ n⌉."""
    world = osgp(n, 1)
    for _ in range(11):
        world.round()
    pushes = [[entry[2] for entry in world.log if entry[:2] == (i, "reliable")] for i in range(n)]
    L = max(1, math.ceil(math.log2(n)))
    assert pushes == [[(i + 2 ** (r % L)) % n for r in range(12)] for i in range(n)]


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 8), tau=st.sampled_from([0, 1, 3]), schedule=schedules(200))
def test_osgp_with_datagrams_never_waits_and_loses_what_is_lost(
    n: int, tau: int, schedule: list[tuple[str, int]]
) -> None:
    """`delivery: datagram`: a lost push is mass lost for good; nobody ever waits for one."""
    world = osgp(n, tau, "datagram")

    def check() -> None:
        assert all(map(world.computes, range(n)))

    held = float(n)
    check()
    for what, number in schedule:
        if what == "step":
            world.step(number % n)
        elif world.wire:
            letter = world.wire[number % len(world.wire)]
            if what == "drop":
                held -= letter.payload[2]
                world.drop(number % len(world.wire))
            else:
                world.deliver(number % len(world.wire))
        check()
        weight = sum(w.omega for w in world.workers) + sum(m.payload[2] for m in undelivered(world, "push"))
        assert weight == pytest.approx(held, abs=1e-12)


def played_osgp(problem: dict[str, Any], step: float, time: float, **over: Any) -> Any:
    algorithm = {"name": "osgp", "step_size": step, **over.pop("algorithm", {})}
    scenario = {**ROUGH, "network": {"latency": 0.4, "loss": 0.3}, "workers": 7, **over}
    run = make_run(algorithm, problem=problem, **scenario, stop={"time": time}, evaluate={"every": 20})
    return simulate_run(run, gap=True)


@pytest.mark.parametrize("tau", [0, 1, 3])
def test_osgp_reaches_the_optimum_with_equal_shards(tau: int) -> None:
    """Full gradients, equal shards: no worker has a reason to stay away from the common optimum."""
    problem = {"kind": "quadratic", "dim": 4, "heterogeneity": 0, "condition": 3}
    played = played_osgp(problem, 0.3, 3000, algorithm={"tau": tau})
    assert played.curves.gap.iloc[-1] < 1e-13
    assert played.curves.consensus.iloc[-1] < 1e-12
    assert played.curves.residual.max() < 1e-12


def test_osgp_stays_off_the_optimum_with_unequal_shards_by_a_gap_that_shrinks_with_the_step() -> None:
    """Each worker's own gradient does not vanish at x*: a bias that γ scales."""
    problem = {"kind": "quadratic", "dim": 4, "heterogeneity": 1, "condition": 3}
    gaps = [played_osgp(problem, step, 4000).curves.gap.tail(50).mean() for step in (0.1, 0.05, 0.025)]
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 1e-4


def test_osgp_with_datagrams_decays_under_loss() -> None:
    """Σ ω decays with every lost push, γ/ω grows, and the run diverges; without loss it does not."""
    problem = {"kind": "quadratic", "dim": 4, "heterogeneity": 1, "condition": 3}
    datagram = {"algorithm": {"delivery": "datagram"}}
    lossy = played_osgp(problem, 0.1, 3000, **datagram)
    assert lossy.outcome.stopped_by == "diverged"
    assert sum(w.omega for w in lossy.workers) < 1
    whole = played_osgp(problem, 0.1, 3000, **datagram, network={"latency": 0.4}, stragglers=[])
    assert whole.outcome.stopped_by == "time"
    assert sum(w.omega for w in whole.workers) > 2  # the rest is in flight or waits to be absorbed


def test_osgp_is_that_of_its_paper_with_an_overlap_of_one_and_pushes_more_often_beyond() -> None:
    """docs/algorithms/osgp.md: with τ = 1 the same to the bit; with τ = 4 four pushes for one of the paper's."""

    def ended(name: str, tau: int) -> Any:
        over: dict[str, Any] = {"network": {"latency": 0.4}, "workers": 7, "stop": {"iterations": 40}}
        problem = {"kind": "quadratic", "dim": 4, "noise": 0.1}
        algorithm = {"name": name, "step_size": 0.1, "tau": tau}
        return simulate_run(make_run(algorithm, problem=problem, **over), gap=True)

    paper = f"{Path(paper_osgp.__file__)}:PaperOsgp"
    one, same = ended("osgp", 1), ended(paper, 1)
    assert one.curves["loss"].tolist() == same.curves["loss"].tolist()
    assert one.curves["time"].tolist() == same.curves["time"].tolist()
    own, theirs = ended("osgp", 4), ended(paper, 4)
    assert theirs.curves["residual"].max() < 1e-12
    assert own.curves["messages_sent"].iloc[-1] > 3.5 * theirs.curves["messages_sent"].iloc[-1]
