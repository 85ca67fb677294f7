"""Leaving and coming back, exactly: ledgers are closed by a local reversal and opened at 0, with no handshake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rfast_bench.conditions.liveness import Liveness
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem, reference
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.study.run import problem_of
from rfast_bench.topology.build import build
from rfast_bench.topology.connectivity import root_set
from rfast_bench.topology.membership import Membership, View
from rfast_bench.topology.topology import Topology
from tests.support.handmade import make_run, simulate_run

PROBLEM = {
    "kind": "logistic-regression",
    "dataset": "wine",
    "l2": 0.1,
    "batch_size": "full",
    "partition": "by-label",
    "test_fraction": 0,
}
CONDITIONS: dict[str, Any] = {
    "workers": 7,
    "problem": PROBLEM,
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.2},
    "stragglers": [{"worker": 5, "slowdown": 4}],
    "network": {"latency": 0.4, "loss": 0.2, "silence_timeout": 32},
    "evaluate": {"every": 50},
}


def crash(kind: str, step: float, faults: Sequence[dict[str, Any]], time: float, **over: Any) -> Run:
    algorithm = {"name": "r-fast", "step_size": step, "topology": kind}
    return make_run(algorithm, **{**CONDITIONS, "faults": list(faults), "stop": {"time": time}, **over})


def gap_of(problem: Problem, workers: Sequence[int], model: np.ndarray) -> float:
    """At most how far F = (1/|S|) Σ f_i over the workers S is above its minimum: ‖∇F‖² / (2 l2), strong convexity."""
    ids = list(workers)

    def gradient(x: np.ndarray) -> np.ndarray:
        mean: np.ndarray = problem.gradients(ids, np.array([x] * len(ids)), [None] * len(ids)).mean(axis=0)
        return mean

    return float(np.linalg.norm(gradient(model)) ** 2) / (2 * 0.1)


# ------------------------------------------------------------------------------------------- the algorithm
@pytest.mark.parametrize(("kind", "step"), [("exponential", 1.0), ("binary-tree", 0.03), ("complete", 2.0)])
@pytest.mark.parametrize("dead", [3, 0, 1])
def test_survivors_reach_their_own_optimum(kind: str, step: float, dead: int) -> None:
    """Also where the dead worker is the root of the tree, or an inner worker."""
    run = crash(kind, step, [{"worker": dead, "down": 100}], 1800)
    played = simulate_run(run)
    survivors = [i for i in range(7) if i != dead]
    assert len(played.workers) == 6
    assert all(dead not in w.rho and dead not in w.rho_used for w in played.workers)
    mean = np.mean([w.model for w in played.workers], axis=0)
    assert gap_of(problem_of(run), survivors, mean) < 1e-12
    assert played.outcome.frames["curves"]["residual"].max() < 1e-12


@pytest.mark.parametrize("fault", [{}, {"state": "snapshot"}, {"state": "snapshot", "snapshot_age": 60}])
@pytest.mark.parametrize(("kind", "step", "dead"), [("exponential", 1.0, 3), ("binary-tree", 0.03, 1)])
def test_after_the_return_all_reach_the_whole_optimum(
    kind: str, step: float, dead: int, fault: dict[str, Any]
) -> None:
    """Empty, from a fresh snapshot, from an old one: the difference ρ - ρ̃, maybe negative, settles the ledger."""
    run = crash(kind, step, [{"worker": dead, "down": 100, "up": 500, **fault}], 2300)
    curves = simulate_run(run).outcome.frames["curves"]
    problem = problem_of(run)
    optimum = reference(problem)
    assert optimum is not None
    gaps = curves.set_index("time")["loss"] - optimum.loss
    assert gaps.loc[450] > 1e-3  # what the shard of the dead worker is worth
    assert abs(gaps.loc[2300]) < 1e-12
    assert curves["residual"].max() < 1e-12


@pytest.mark.parametrize(("kind", "step"), [("exponential", 1.0), ("binary-tree", 0.03)])
def test_false_suspicions_do_no_harm(kind: str, step: float) -> None:
    """A living worker falls silent for a while, is given up and taken back, and all is exact in the end."""
    network = {"latency": 0.4, "loss": 0.2, "silence_timeout": 12}
    pause = {"kind": "periodic", "worker": 5, "slowdown": 90, "period": 1e6, "duration": 100, "offset": 100}
    run = crash(kind, step, [], 2500, network=network, stragglers=[pause])
    played = simulate_run(run)
    assert max(w.changes for w in played.workers) >= 2
    optimum = reference(problem_of(run))
    assert optimum is not None
    curves = played.outcome.frames["curves"]
    assert abs(curves["loss"].iloc[-1] - optimum.loss) < 1e-12
    assert curves["residual"].max() < 1e-12


def test_two_deaths_one_after_the_other() -> None:
    """A child of two dead ancestors turns to the next living one."""
    run = crash("line", 0.01, [{"worker": 2, "down": 100}, {"worker": 3, "down": 300}], 4000)
    played = simulate_run(run)
    ledgers = [(set(w.rho), set(w.rho_used)) for w in played.workers]  # of 0, 1, 4, 5, 6
    assert ledgers == [(set(), {1}), ({0}, {4}), ({1}, {5}), ({4}, {6}), ({5}, set())]
    mean = np.mean([w.model for w in played.workers], axis=0)
    assert gap_of(problem_of(run), [0, 1, 4, 5, 6], mean) < 1e-12


@pytest.mark.parametrize("name", ["ring-allreduce", "d-psgd", "ad-psgd", "osgp"])
def test_a_method_without_an_answer_is_ended_as_stalled(name: str) -> None:
    topology = {"topology": "line"} if name in ("d-psgd", "ad-psgd") else {}
    over = {**CONDITIONS, "faults": [{"worker": 3, "down": 100, "up": 500}], "stop": {"time": 1000}}
    outcome = simulate_run(make_run({"name": name, "step_size": 0.1, **topology}, **over)).outcome
    assert (outcome.status, outcome.reason) == ("stalled", "worker 3 died at 100 s")
    assert outcome.frames["curves"]["time"].iloc[-1] == 132.0


@pytest.mark.parametrize("name", ["ring-allreduce", "d-psgd", "ad-psgd", "osgp"])
def test_a_time_out_changes_nothing_for_a_method_that_is_not_elastic(name: str) -> None:
    """Their neighbourhoods never change: what they `send` is not even what a silence is judged by."""
    topology = {"topology": "line"} if name in ("d-psgd", "ad-psgd") else {}
    curves = []
    for timeout in ({}, {"silence_timeout": 10}):
        over = {**CONDITIONS, "network": {"latency": 0.4, "loss": 0.2, **timeout}, "stop": {"time": 300}}
        played = simulate_run(make_run({"name": name, "step_size": 0.1, **topology}, **over))
        curves.append(played.outcome.frames["curves"])
    pd.testing.assert_frame_equal(curves[0], curves[1])


def test_the_dead_do_not_work() -> None:
    run = crash("exponential", 0.5, [{"worker": 3, "down": 100}], 400)
    workers = simulate_run(run).outcome.frames["workers"].set_index("worker")
    assert workers.loc[3, "busy"] == pytest.approx(100)
    assert workers.loc[2, "busy"] == pytest.approx(400)


@pytest.mark.parametrize(
    ("faults", "network", "complaint"),
    [
        ([{"worker": 9, "down": 1}], {"silence_timeout": 1}, "worker 9"),
        ([{"worker": 1, "down": 1}], {}, "silence_timeout"),
        ([{"worker": 1, "down": 2, "up": 1}], {"silence_timeout": 1}, "must come after"),
        ([{"worker": 1, "down": 2, "snapshot_age": 3}], {"silence_timeout": 1}, "before the start"),
        (
            [{"worker": k, "down": 1 + k} for k in range(7)],
            {"silence_timeout": 1},
            "at 7 s all 7 workers are",
        ),
        ([{"worker": 1, "down": 2, "state": "full"}], {"silence_timeout": 1}, "'empty' or 'snapshot'"),
    ],
)
def test_faults_that_make_no_sense(
    faults: list[dict[str, Any]], network: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        crash("exponential", 1.0, faults, 10, network=network)


# ------------------------------------------------------------------------------------------- the membership
KINDS = ("binary-tree", "line", "star", "exponential", "complete", "grid", "random-trees")


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(2, 9), data=st.data())
def test_what_is_left_has_a_common_root_and_weights_that_sum_to_1(
    kind: str, n: int, data: st.DataObject
) -> None:
    """For every set of dead workers, the roots among them too."""
    topology = build(TopologySpec(kind=kind), n, "pair")
    check_what_is_left(topology, data.draw(st.frozensets(st.integers(0, n - 1), max_size=n - 1)))


@settings(max_examples=150, deadline=None)
@given(n=st.integers(2, 8), data=st.data())
def test_so_has_what_is_left_of_any_sound_pair(n: int, data: st.DataObject) -> None:
    """Edges as they come, of which only the pairs with a common root count."""
    edges = st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=n - 1)
    rows = [
        [{i: 1.0} | {j: 1.0 for j, k in drawn if k == i} for i in range(n)]
        for drawn in (data.draw(edges), data.draw(edges))
    ]
    W, A = (tuple({j: 1 / len(row) for j in row} for row in one) for one in rows)
    topology = Topology("drawn", n, True, W, A, (0,) * n)
    assume(topology.common_roots)
    check_what_is_left(topology, data.draw(st.frozensets(st.integers(0, n - 1), max_size=n - 1)))


def check_what_is_left(topology: Topology, gone: frozenset[int]) -> None:
    living = [i for i in range(topology.n) if i not in gone]
    membership = Membership(topology)
    views = {i: membership.view(i, gone) for i in living}
    number = {i: k for k, i in enumerate(living)}
    for i, view in views.items():
        assert sum(view.W.values()) == pytest.approx(1)
        assert sum(view.A.values()) == pytest.approx(1)
        assert min([*view.W.values(), *view.A.values()]) > 0
        assert all(i in views[j].in_W for j in view.out_W)
        assert all(i in views[j].in_A for j in view.out_A)
    W, A = ([{number[j]: 1.0 for j in getattr(views[i], side)} for i in living] for side in "WA")
    assert root_set(tuple(W)) & root_set(tuple(A))


def test_who_was_given_up_in_the_place_of_another_is_missed_no_longer() -> None:
    """A grandchild of the root gives up its parent, then the root in its place; when the parent is back, the root may
    stand in for it again."""
    membership = Membership(build(TopologySpec(kind="binary-tree"), 7, "pair"))
    node = Watched(3)
    node.see(membership.view(3))
    liveness = Liveness(membership, node, timeout=10)
    for now, times in ((11.0, {}), (22.0, {}), (30.0, {1: 29.0})):
        node.times = times
        liveness.look(now)
        if now < 30:
            assert 1 in liveness.gone
    assert liveness.gone == {}
    assert (node.in_W, node.out_A) == ((1,), (1,))
    node.times = {1: 30.0}
    liveness.look(41.0)
    assert node.in_W == (0,)


class Watched:
    """A node that has heard of whom the test says."""

    def __init__(self, number: int) -> None:
        self.id, self.times = number, dict[int, float]()
        self.in_W: tuple[int, ...] = ()
        self.out_W: tuple[int, ...] = ()
        self.out_A: tuple[int, ...] = ()

    def heard(self, now: float) -> Iterable[tuple[int, float]]:
        return self.times.items()

    def see(self, view: View) -> None:
        self.in_W, self.out_W, self.out_A = view.in_W, view.out_W, view.out_A

    def beat(self, to: int) -> None:
        """Nobody counts."""


def test_views_agree_on_who_talks_to_whom() -> None:
    membership = Membership(build(TopologySpec(kind="binary-tree"), 15, "pair"))
    gone = frozenset({1, 4, 2})
    views = {i: membership.view(i, gone) for i in range(15) if i not in gone}
    sent = nx.DiGraph((i, j) for i, view in views.items() for j in view.out_W)
    heard = nx.DiGraph((j, i) for i, view in views.items() for j in view.in_W)
    assert set(sent.edges) == set(heard.edges)
    assert views[9].in_W == (0,)


def test_nobody_gone_is_the_topology_itself() -> None:
    topology = build(TopologySpec(kind="exponential"), 6, "pair")
    view = Membership(topology).view(2)
    assert dict(view.W) == pytest.approx(dict(topology.W[2]))
    assert (view.in_W, view.out_W) == (topology.in_W(2), topology.out_W(2))
    assert (view.in_A, view.out_A) == (topology.in_A(2), topology.out_A(2))
