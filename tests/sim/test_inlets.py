"""A worker's inlet under the simulated clock: closed forms, turns, places, and that it never makes anything earlier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conditions.ring import Ring
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.sim.clock import Clock, Due
from rfast_bench.sim.network.node import Network, SimNode
from rfast_bench.topology.build import build
from tests.support.command_line import call, write
from tests.support.handmade import make_run, simulate_run

N = 4


class Wires:
    """Workers who all may send to each other, and a clock; `at` hands something over at its time."""

    def __init__(self, **network: Any) -> None:
        self.network = Network(NetworkSpec.model_validate(network), 0, 8)
        graph = build(TopologySpec(kind="complete"), N, "undirected", False, "here")
        self.network.nodes = [self.network.open_node(i, graph) for i in range(N)]
        self.clock = Clock(self.network.moment)
        self.network.connect(self.clock.plan)

    @property
    def nodes(self) -> Sequence[SimNode]:
        return self.network.nodes

    def at(self, time: float, action: Any) -> None:
        self.clock.plan(Due([lambda _: action()]), time)

    def post(self, time: float, sender: int, to: int, numbers: int = 1, name: Any = None) -> None:
        self.at(time, lambda: self.nodes[sender].post(to, "posts", (name, *[0.0] * (numbers - 1))))

    def send(self, time: float, sender: int, to: int, numbers: int = 1, name: Any = None) -> None:
        self.at(time, lambda: self.nodes[sender].send(to, "x", (name, *[0.0] * (numbers - 1))))

    def read(self, receiver: int, sender: int) -> list[tuple[float, Any]]:
        """When which post is there; runs the clock to the end."""
        self.clock.run()
        return [
            (message[0], message[3][0]) for message in self.nodes[receiver].mailboxes[sender, "posts"].flying
        ]

    def arrivals(self, receiver: int) -> list[tuple[float, int]]:
        """(time, sender) of all sends to a worker in the order of arrival; runs the clock to the end."""
        self.clock.run()
        heap = sorted(self.nodes[receiver].inboxes["x"].in_order(), key=lambda m: m[:2])
        return [(message[0], message[2].number) for message in heap]


def test_a_star_of_senders_comes_in_one_after_another() -> None:
    """n - 1 who send 8 bytes each at once: the k-th is in after latency + k times what one takes."""
    wires = Wires(latency=0.5, bandwidth=4, receive_bandwidth=4)
    for i in range(1, N):
        wires.send(0.0, i, 0)
    assert wires.arrivals(0) == [(0.5 + 2.0 * k, k) for k in range(1, N)]


@pytest.mark.parametrize(("out", "into", "takes"), [(4, 4, 2.0), (4, 16, 2.0), (16, 4, 2.0), (None, 4, 2.0)])
def test_alone_a_message_takes_the_longer_of_both_transmissions(out: Any, into: float, takes: float) -> None:
    given = {"latency": 0.5, "receive_bandwidth": into} | ({"bandwidth": out} if out else {})
    wires = Wires(**given)
    wires.send(1.0, 1, 0)
    assert wires.arrivals(0) == [(1.5 + takes, 1)]


def test_one_sender_with_an_inlet_as_wide_as_its_link_notices_nothing() -> None:
    """Cut-through: nothing is paid twice, however much is sent in a row."""
    came = []
    for own in ({}, {"receive_bandwidth": 8}):
        wires = Wires(latency=0.25, bandwidth=8, **own)
        for k in range(5):
            wires.send(0.5 * k, 1, 0, numbers=1 + k % 3)
        came.append(wires.arrivals(0))
    assert came[0] == came[1]


def test_who_comes_first_goes_first_whoever_was_first_to_send() -> None:
    wires = Wires(receive_bandwidth=8, links=[{"from": 1, "to": 0, "latency": 3.0}])
    wires.send(0.0, 1, 0)
    wires.send(2.5, 2, 0)
    wires.send(2.6, 3, 0)
    assert wires.arrivals(0) == [(3.5, 2), (4.5, 3), (5.5, 1)]


def test_a_slow_sender_does_not_hold_the_inlet_up() -> None:
    """Its bytes trickle in; others pass between them."""
    wires = Wires(receive_bandwidth=8, bandwidth=8, links=[{"from": 1, "to": 0, "bandwidth": 1}])
    wires.send(0.0, 1, 0)
    wires.send(1.5, 2, 0)
    assert wires.arrivals(0) == [(2.5, 2), (8.0, 1)]


def test_what_is_lost_does_not_occupy_the_inlet() -> None:
    wires = Wires(receive_bandwidth=8, links=[{"from": 1, "to": 0, "loss": 1.0}])
    wires.at(0.0, lambda: wires.nodes[1].post(0, "posts", 1.0))
    wires.at(0.0, lambda: wires.nodes[1].send(0, "x", 1.0, reliable=False))
    wires.send(0.0, 2, 0)
    assert wires.arrivals(0) == [(1.0, 2)]
    assert wires.nodes[1].lost == 2


def test_every_channel_and_both_kinds_share_it() -> None:
    wires = Wires(receive_bandwidth=8)
    wires.post(0.0, 1, 0, numbers=2, name=1)
    wires.send(0.0, 1, 0)
    assert wires.arrivals(0) == [(3.0, 1)]
    assert wires.read(0, 1) == [(2.0, 1)]


def test_a_post_that_waits_for_the_inlet_is_replaced_in_place() -> None:
    """As before the sender's link: else a congested root would have a queue without end."""
    wires = Wires(receive_bandwidth=8)
    wires.send(0.0, 2, 0, numbers=5)  # passes until 5
    for time in (1.0, 2.0, 3.0):
        wires.post(time, 1, 0, name=time)
    wires.send(3.5, 3, 0)
    assert wires.read(0, 1) == [(6.0, 3.0)]
    assert wires.arrivals(0) == [(5.0, 2), (7.0, 3)]
    assert wires.nodes[1].superseded == 2


def test_a_post_that_waits_for_its_senders_link_is_replaced_there() -> None:
    wires = Wires(bandwidth=8, receive_bandwidth=8)
    for time in (0.0, 0.25, 0.5):
        wires.post(time, 1, 0, name=time)
    assert wires.read(0, 1) == [(1.0, 0.0), (2.0, 0.5)]
    assert (wires.nodes[1].sent, wires.nodes[1].superseded) == (2, 1)


def test_sends_stay_in_order_though_the_first_was_late() -> None:
    wires = Wires(receive_bandwidth=8, latency=1.0, reorder={"probability": 0.5, "delay": 5})
    for k in range(12):
        wires.send(float(k), 1, 0, name=k)
    wires.clock.run()
    heap = sorted(wires.nodes[0].inboxes["x"].in_order(), key=lambda m: m[:2])
    assert [message[3][0] for message in heap] == [*range(12)]


def test_who_dies_loses_what_was_on_its_way() -> None:
    wires = Wires(receive_bandwidth=8, latency=1.0)
    wires.send(0.0, 1, 0)
    wires.post(0.0, 2, 0)
    wires.at(0.5, lambda: wires.nodes[0].forget(0.5))
    wires.send(2.0, 3, 0)
    assert wires.arrivals(0) == [(4.0, 3)]
    assert wires.read(0, 2) == []


# ---------------------------------------------------------------------------------------------- the ring
@pytest.mark.parametrize("into", [2.0, 8.0, 100.0])
def test_every_hop_of_a_ring_takes_the_longer_of_both(into: float) -> None:
    ring = Ring(NetworkSpec(latency=0.25, bandwidth=8, receive_bandwidth=into), 0, N)
    done = ring.round(np.zeros(N), np.zeros(N), 8.0 * N, 1.0).done
    assert done == pytest.approx(2 * (N - 1) * (0.25 + max(1.0, 8 / into)))


def test_a_ring_with_inlets_as_wide_as_links_is_the_ring_without() -> None:
    rough = {"latency": {"kind": "lognormal", "mean": 0.1, "sigma": 0.5}, "loss": 0.2, "bandwidth": 8}
    plain, narrow = (
        Ring(NetworkSpec.model_validate({**rough, **own}), 3, N).round(
            np.linspace(0, 3, N), np.zeros(N), 32.0, 1.0
        )
        for own in ({}, {"receive_bandwidth": 1e9})
    )
    assert narrow.done == pytest.approx(plain.done, rel=1e-9)
    assert narrow.tries.tolist() == plain.tries.tolist()


def test_the_inlets_of_a_ring_go_on_from_bucket_to_bucket() -> None:
    """Both workers' gradients are there at 1 s; each of 4 buckets is 2 hops of 1/8 of the vector. Its last chunk cannot
    be in before all eight have passed."""
    problem = {"kind": "quadratic", "dim": 40}
    algorithm = {"name": "ring-allreduce", "step_size": 0.1, "buckets": 4, "forward_share": 0.9}
    over: dict[str, Any] = {"compute": 1.0, "problem": problem, "network": {"receive_bandwidth": 320}}
    run = simulate_run(make_run(algorithm, workers=2, stop={"iterations": 1}, **over))
    assert run.curves["time"].iloc[-1] == pytest.approx(0.9 + 0.1 / 4 + 1.0)


# -------------------------------------------------------------------------------------------- properties
messages = st.lists(
    st.tuples(
        st.integers(0, 40), st.integers(1, N - 1), st.integers(1, 4), st.sampled_from(["post", "send"])
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(messages, st.sampled_from([2.0, 8.0, 64.0]), st.booleans())
def test_nothing_comes_earlier_than_without_and_the_inlet_is_never_overdrawn(
    sent: list[tuple[int, int, int, str]], into: float, uneven: bool
) -> None:
    rough = {"bandwidth": 16, "latency": {"kind": "exponential", "mean": 0.5}}
    if uneven:
        rough["links"] = [{"from": 1, "to": 0, "bandwidth": 2}]
    came: list[dict[Any, float]] = []
    for own in ({}, {"receive_bandwidth": into}):
        wires, found = Wires(**rough, **own), {}
        for k, (time, sender, numbers, kind) in enumerate(sorted(sent)):
            if kind == "post":  # all of one size: a place keeps the size of the first that took it
                wires.post(time / 8, sender, 0, name=k)
            else:
                wires.send(time / 8, sender, 0, numbers, name=k)
        wires.clock.run()
        boxes = [*wires.nodes[0].mailboxes.values()]
        for message in [m for box in boxes for m in box.flying] + wires.nodes[0].inboxes["x"].in_order():
            found[message[3][0]] = message[0]
        came.append(found)
    free, narrow = came
    assert all(narrow[k] >= free[k] - 1e-9 for k in narrow if k in free)
    sends = [k for k, one in enumerate(sorted(sent)) if one[3] == "send"]
    assert set(sends) <= set(narrow)
    for sender in range(1, N):
        own_times = [narrow[k] for k in sends if sorted(sent)[k][1] == sender]
        assert own_times == sorted(own_times)
    if narrow:
        size = sum(8 * (sorted(sent)[k][2] if k in sends else 1) for k in narrow)
        first = min(time for time, *_ in sent) / 8
        assert max(narrow.values()) >= first + size / into - 1e-9


# ------------------------------------------------------------------------------------------ whole runs
ALL = [
    "r-fast",
    "r-fast-one-peer",
    "d-psgd",
    "osgp",
    "ad-psgd",
    "ring-allreduce",
    "s-ab",
    "rasgp",
    "adsgd",
    "async-sgd",
    "local-sgd",
    "m-sync",
    "fragile",
    "amelie",
]


@pytest.mark.parametrize("name", ALL)
def test_with_an_inlet_too_wide_to_matter_a_run_is_what_it_is_without(name: str) -> None:
    """All else the same: draws, iterates, counts."""
    network = {"latency": {"kind": "lognormal", "mean": 0.2, "sigma": 0.3}, "bandwidth": 200, "loss": 0.1}
    plain, wide = (
        simulate_run(make_run({"name": name, "step_size": 0.05}, network={**network, **own}))
        for own in ({}, {"receive_bandwidth": 1e15})
    )
    assert wide.curves["loss"].tolist() == pytest.approx(plain.curves["loss"].tolist(), rel=1e-6)
    assert wide.curves["messages_sent"].tolist() == plain.curves["messages_sent"].tolist()
    assert wide.curves["messages_superseded"].tolist() == plain.curves["messages_superseded"].tolist()


def test_rounds_take_longer_and_nobody_stalls_while_mail_is_on_its_way() -> None:
    over: dict[str, Any] = {"compute": 1.0, "stop": {"iterations": 5}, "evaluate": {"every": 0.1}}
    slow, plain = (
        simulate_run(make_run({"name": "osgp", "step_size": 0.05}, network=network, **over))
        for network in ({"receive_bandwidth": 4}, {})
    )
    assert slow.outcome.stopped_by == plain.outcome.stopped_by == "iterations"
    assert slow.curves["time"].iloc[-1] > plain.curves["time"].iloc[-1] + 5


# ------------------------------------------------------------------------------------------------ input
@pytest.mark.parametrize("value", ["0", "-1 Gbit/s", "fast", "true", ".inf"])
def test_a_receive_bandwidth_that_is_none_is_refused(value: str, tmp_path: Path) -> None:
    scenario = write(tmp_path)
    done = call("run", scenario, "--out", tmp_path / "out", "--set", f"network.receive_bandwidth={value}")
    assert done.exit_code == 2
    assert "network.receive_bandwidth" in done.output
    assert not (tmp_path / "out").exists()
