"""Pauses, links that are down, partitions, bursts, duplicates and spoilt messages under the simulated clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.fault_schedules import play
from rfast_bench.conditions.faults.links import LinkFaults
from rfast_bench.conditions.faults.schedule import schedule
from rfast_bench.conditions.outgoing import Link, Outgoing, PostLane, SendLane
from rfast_bench.problems import Problem
from rfast_bench.scenario.faults.kinds import Crash
from rfast_bench.study.run import problem_of
from tests.sim.test_faults import CONDITIONS, crash
from tests.support.handmade import make_run, simulate_run

PAIRS = [("exponential", 1.0), ("binary-tree", 0.03)]
SYNCHRONOUS = ["ring-allreduce", "d-psgd", "osgp"]


def run_of(name: str, faults: list[dict[str, Any]], time: float, **over: Any) -> Any:
    topology = {"d-psgd": {"topology": "ring"}, "ad-psgd": {"topology": "line"}}.get(name, {})
    algorithm = {"name": name, "step_size": 0.1, **topology}
    return make_run(algorithm, **{**CONDITIONS, "faults": faults, "stop": {"time": time}, **over})


def curves_of(run: Any) -> pd.DataFrame:
    frame: pd.DataFrame = simulate_run(run, gap=True).outcome.frames["curves"].set_index("time")
    return frame


# ------------------------------------------------------------------------------------------------- R-FAST
@pytest.mark.parametrize(("kind", "step"), PAIRS)
def test_each_side_of_a_split_network_solves_its_own_and_all_the_whole_afterwards(
    kind: str, step: float
) -> None:
    split = {"kind": "partition", "groups": [[0, 1, 2]], "down": 200, "up": 1400}
    curves = curves_of(crash(kind, step, [split], 2600))
    assert curves["gap_rest"].loc[1350] < 1e-8
    assert curves["gap"].loc[1350] > 1e-3  # the mean over both sides solves nothing
    assert abs(curves["gap"].iloc[-1]) < 1e-12
    assert curves["residual"].max() < 1e-12


@pytest.mark.parametrize(("kind", "step"), PAIRS)
def test_one_that_is_paused_is_given_up_and_taken_back(kind: str, step: float) -> None:
    pause = {"kind": "pause", "worker": 3, "down": 200, "up": 1000}
    curves = curves_of(crash(kind, step, [pause], 2400))
    assert curves["gap_rest"].loc[950] < 1e-6
    assert curves["gap"].loc[950] > 1e-4  # what the shard of the paused worker is worth
    assert abs(curves["gap"].iloc[-1]) < 1e-12
    assert curves["residual"].max() < 1e-12


def test_a_dead_worker_leaves_the_others_their_own_problem() -> None:
    curves = curves_of(crash("exponential", 1.0, [{"worker": 3, "down": 100}], 1800))
    assert abs(curves["gap_rest"].iloc[-1]) < 1e-12
    assert curves["gap"].iloc[-1] > 1e-3


@pytest.mark.parametrize(("kind", "step"), PAIRS)
def test_bad_spells_cost_nothing_but_freshness(kind: str, step: float) -> None:
    """Lost, spoilt and repeated messages: ρ is a running sum, and what is older than what was read is dropped."""
    spells = [
        {"kind": "burst", "loss": 0.9, "down": 50, "up": 150},
        {"kind": "corrupt", "share": 0.5, "down": 100, "up": 400},
        {"kind": "duplicate", "share": 0.7, "delay": 3, "down": 100, "up": 500},
        {"kind": "link", "links": [[0, 1]], "down": 200, "up": 220},
    ]
    curves = curves_of(crash(kind, step, spells, 1800))
    assert abs(curves["gap"].iloc[-1]) < 1e-12
    assert curves["residual"].max() < 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_all_kinds_of_faults_together(seed: int) -> None:
    """One random schedule a pair of graphs: the ledger after every event, and the optimum of all in the end."""
    found = play(seed)
    assert found.faults.total() > 5
    assert found.good, found


# ----------------------------------------------------------------------------------------------- the others
@pytest.mark.parametrize("name", SYNCHRONOUS)
def test_a_synchronous_method_waits_for_a_pause_that_is_short_enough(name: str) -> None:
    pause = {"kind": "pause", "worker": 3, "down": 100, "up": 120}
    outcome = simulate_run(run_of(name, [pause], 300, stragglers=[])).outcome
    assert outcome.stopped_by == "time"
    timeline = outcome.frames["workers"].set_index("worker")
    without = simulate_run(run_of(name, [], 300, stragglers=[])).outcome.frames["workers"].set_index("worker")
    lost = (without["gradients"] - timeline["gradients"]).mean() * 300 / without["gradients"].mean()
    assert lost == pytest.approx(20, rel=0.35)  # seconds that nobody got anything done


@pytest.mark.parametrize("name", SYNCHRONOUS)
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "pause", "worker": 3, "down": 100}, "worker 3 paused at 100 s"),
        ({"kind": "partition", "groups": [[0, 1]], "down": 100, "up": 500}, "the network split at 100 s"),
    ],
)
def test_one_that_is_longer_ends_it_as_stalled(name: str, fault: dict[str, Any], why: str) -> None:
    outcome = simulate_run(run_of(name, [fault], 1000)).outcome
    assert (outcome.status, outcome.reason.split(": ")[1]) == ("stalled", why)
    last = float(outcome.reason.split("since ")[1].split()[0])
    assert 100 <= last < 130
    assert outcome.frames["curves"]["time"].iloc[-1] == pytest.approx(last + 32, abs=0.1)


def test_gossip_goes_on_without_one_that_is_paused() -> None:
    pause = {"kind": "pause", "worker": 3, "down": 100, "up": 400}
    outcome = simulate_run(run_of("ad-psgd", [pause], 600)).outcome
    assert outcome.stopped_by == "time"
    workers = outcome.frames["workers"].set_index("worker")
    assert workers.loc[3, "busy"] == pytest.approx(300, abs=1)
    assert workers.loc[2, "busy"] == pytest.approx(600, abs=1)


def test_a_gradient_takes_up_where_it_was() -> None:
    """A gradient of 10 s that is paused for 7 s after 4 s of it is done after 17 s."""
    over = {"compute": {"kind": "constant", "mean": 10}, "stragglers": [], "network": {"silence_timeout": 50}}
    pause = {"kind": "pause", "worker": 0, "down": 4, "up": 11}
    outcome = simulate_run(run_of("r-fast", [pause], 31, evaluate={"every": 1}, **over)).outcome
    intervals = outcome.frames["timeline"].groupby("worker")
    own = intervals.get_group(0)[["start", "end"]].to_numpy().tolist()
    assert own == [[0, 4], [11, 17], [17, 27], [27, 31]]
    other = intervals.get_group(1)[["start", "end"]].to_numpy().tolist()
    assert other == [[0, 10], [10, 20], [20, 30], [30, 31]]


def test_repeated_and_spoilt_messages_leave_a_reliable_method_its_iterates() -> None:
    """The transport drops the second, and sends again what was spoilt: rounds take longer, and are the same."""
    spells = [
        {"kind": "duplicate", "share": 0.5, "delay": 1, "down": 1, "up": 200},
        {"kind": "corrupt", "share": 0.3, "down": 1, "up": 200},
    ]
    over = {
        "network": {"latency": 0.4, "silence_timeout": 32},
        "evaluate": {"every": "1 iteration"},
        "stragglers": [],
    }
    plain, spoilt = (
        simulate_run(run_of("ring-allreduce", faults, 60, **over)).outcome.frames["curves"]
        for faults in ([], spells)
    )
    rows = len(spoilt) - 1
    assert 3 < rows < len(plain)
    np.testing.assert_array_equal(plain["loss"][:rows], spoilt["loss"][:rows])
    assert spoilt["time"][rows - 1] > 1.2 * plain["time"][rows - 1]
    assert spoilt["messages_lost"].iloc[-1] > 0


def test_a_ring_waits_for_a_link_that_is_down() -> None:
    """The chunk that would be under way then leaves when the link is up again."""
    down = {"kind": "link", "links": [[2, 3]], "both": False, "down": 10.2, "up": 25}
    network = {"latency": 0.5, "silence_timeout": 100}
    over = {"network": network, "compute": {"kind": "constant", "mean": 10}, "stragglers": [], "workers": 4}
    rounds = {"evaluate": {"every": "1 iteration"}}
    curves = simulate_run(run_of("ring-allreduce", [down], 60, **over, **rounds)).outcome.frames["curves"]
    # the first sum is begun at 10 s and takes 6 steps of 0.5 s; that of 10 s over 2 -> 3 leaves at 25 s
    assert curves["time"].iloc[1] == pytest.approx(25 + 6 * 0.5)


# ---------------------------------------------------------------------------------------------------- links
def lanes(*faults: Any) -> tuple[Outgoing, PostLane, SendLane]:
    outgoing, network = Outgoing(8.0), {"silence_timeout": 9}
    run = make_run({"name": "r-fast", "step_size": 1}, workers=2, network=network, faults=list(faults))
    own = LinkFaults(schedule(run.scenario, 0), 0, 0, 1)
    draws = iter([(1.0, np.inf)] * 1000)
    return (
        outgoing,
        PostLane(outgoing, Link(draws, 8.0, 2.0, own)),
        SendLane(outgoing, Link(draws, 8.0, 2.0, own)),
    )


def test_what_would_be_under_way_while_a_link_is_down_is_lost() -> None:
    """It takes 1 s to leave and 1 s to arrive; the link is down from 10 to 20 s."""
    _, post, _ = lanes({"kind": "link", "links": [[0, 1]], "down": 10, "up": 20})
    assert post.depart(8, 7.9) == pytest.approx(9.9)
    assert post.depart(8, 9.9) == np.inf
    assert post.depart(8, 19.9) == np.inf
    assert post.depart(8, 21.0) == pytest.approx(23.0)


def test_a_reliable_message_is_sent_again_when_the_link_is_up() -> None:
    outgoing, _, send = lanes({"kind": "link", "links": [[0, 1]], "down": 10, "up": 20})
    assert send.depart(8, 9.5, reliable=True) == pytest.approx(22.0)
    assert (outgoing.sent, outgoing.lost) == (2, 1)
    assert send.depart(8, 30, reliable=True) == pytest.approx(32.0)
    assert not outgoing.down


def test_a_datagram_over_a_link_that_is_down_is_gone_and_one_over_a_link_down_for_good_too() -> None:
    outgoing, _, send = lanes({"kind": "link", "links": [[0, 1]], "down": 10})
    assert send.depart(8, 9.5, reliable=False) == np.inf
    assert not outgoing.down
    assert send.depart(8, 12, reliable=True) == np.inf
    assert outgoing.down


def test_a_burst_loses_its_share() -> None:
    outgoing, post, _ = lanes({"kind": "burst", "loss": 0.3, "down": 0.5, "up": 2000})
    lost = sum(post.depart(8, 2.0 * k) == np.inf for k in range(1, 900))
    assert outgoing.lost == lost
    assert 0.25 < lost / 899 < 0.35


# --------------------------------------------------------------------------------------------------- random
RANDOM = {"random": {"rate": "1 / 50 s", "lasts": 20, "kinds": ["pause", "crash", "isolation"], "until": 300}}


def test_random_faults_are_drawn_from_the_seed_alone() -> None:
    one, same, other = (
        schedule(run_of(name, RANDOM, 400).scenario, seed)  # type: ignore[arg-type]
        for name, seed in (("r-fast", 0), ("d-psgd", 0), ("r-fast", 1))
    )
    assert one == same
    assert one != other
    assert len(one) > 10
    assert all(fault.end <= 300 for fault in one)
    assert {fault.kind for fault in one} == {"pause", "crash", "partition"}


def test_somebody_always_stays_up() -> None:
    random = {"random": {"rate": 1, "lasts": 50, "kinds": ["crash"], "until": 300}}
    found = schedule(run_of("r-fast", random, 400, workers=3, stragglers=[]).scenario, 0)  # type: ignore[arg-type]
    crashes = [fault for fault in found if isinstance(fault, Crash)]
    assert len(crashes) > 5
    for crash_ in crashes:
        assert len({f.worker for f in crashes if f.on(crash_.down)}) < 3


# ------------------------------------------------------------------------------------------- what is left
@pytest.mark.parametrize("dataset", ["wine", "quadratic", "diabetes"])
def test_the_problem_of_some_is_the_mean_of_their_objectives(dataset: str) -> None:
    """Rule 3 of problems, for a part of the workers: shards of unlike sizes count by their size."""
    spec: dict[str, Any] = {
        "wine": {**CONDITIONS["problem"], "partition": {"kind": "quantity", "alpha": 1}},
        "quadratic": {"kind": "quadratic", "dim": 5, "heterogeneity": 1},
        "diabetes": {"kind": "linear-regression", "dataset": "diabetes", "l2": 0.1, "test_fraction": 0},
    }[dataset]
    problem = problem_of(make_run({"name": "r-fast", "step_size": 1}, workers=5, problem=spec))
    some = [0, 2, 3]
    part = problem.of_some(some)
    assert isinstance(part, Problem)
    x = np.random.default_rng(0).standard_normal(problem.dim)
    loss, gradient = part.objective(x)
    mean = problem.gradients(some, np.array([x] * 3), [None] * 3).mean(axis=0)
    np.testing.assert_allclose(gradient, mean, rtol=1e-9, atol=1e-11)
    everybody = problem.of_some(range(5))
    assert everybody is not None
    assert everybody.objective(x)[0] == pytest.approx(problem.objective(x)[0], rel=1e-12)
    step = 1e-6
    slope = (part.objective(x + step * gradient)[0] - loss) / step
    assert slope == pytest.approx(float(gradient @ gradient), rel=1e-3)
