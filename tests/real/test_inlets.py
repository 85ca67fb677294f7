"""A worker's inlet in the real world: what it is told, in whatever order, is due when it is in the simulated world."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conditions.liveness import HEARTBEAT
from rfast_bench.real.transport.inlet import Doorway
from rfast_bench.real.transport.message import POST, SEND, Message
from rfast_bench.real.worker.gpu import Staging
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.real.worker.node import RealNode
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.sim.clock import Clock, Due
from rfast_bench.sim.network.node import Network
from rfast_bench.topology.build import build

N = 4
Handed = tuple[float, int, str]
"""When, by whom, `post` or `send`; eight bytes to worker 0."""


class Now:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Receiver:
    """Worker 0 as it is on a real process, and the senders' ends, in one thread."""

    def __init__(self, network: dict[str, Any]) -> None:
        self.clock = Now()
        self.spec = NetworkSpec.model_validate(network)
        self.faults = [Faults(self.spec, 0, i, 8) for i in range(N)]
        self.sequence = 0
        graph = build(TopologySpec(kind="complete"), N, "undirected", False, "here")
        self.node = RealNode(0, graph, self.faults[0], 0, self.clock, Staging(), Doorway(self.spec, 0, 8))

    def hand_over(self, now: float, sender: int, kind: str, name: Any) -> None:
        self.clock.time, self.sequence = now, self.sequence + 1
        faults = self.faults[sender]
        due = faults.post(0, kind, 8, now) if kind == "post" else faults.send(0, kind, 8, now, True)
        if due is not None:
            code = POST if kind == "post" else SEND
            self.node.put(Message(code, 0, sender, kind, self.sequence, 0, now, due, name))

    def due(self) -> dict[Any, float]:
        """Of everything that is held: when it may be read."""
        self.clock.time = 1e9
        self.node.let_in(1e9)
        boxes = self.node._mailboxes.values()
        posts: dict[tuple[Any, int], float] = {}
        for box in boxes:
            for message in sorted(box.held, key=lambda m: m.stamp):
                posts = {k: due for k, due in posts.items() if due < message.due or k[1] != message.sender}
                posts[message.payload, message.sender] = message.due
        sends = [m for queue in self.node.inboxes["send"]._by_sender.values() for m in queue]
        return {name: due for (name, _), due in posts.items()} | {m.payload: m.due for m in sends}


def simulated(network: dict[str, Any], handed: Sequence[Handed]) -> dict[Any, float]:
    """The same under the simulated clock."""
    wires = Network(NetworkSpec.model_validate(network), 0, 8)
    graph = build(TopologySpec(kind="complete"), N, "undirected", False, "here")
    wires.nodes = [wires.open_node(i, graph) for i in range(N)]
    clock = Clock(wires.moment)
    wires.connect(clock.plan)

    def hand(sender: int, kind: str, name: int) -> None:
        node = wires.nodes[sender]
        (node.post if kind == "post" else node.send)(0, kind, name)

    for k, (time, sender, kind) in enumerate(handed):
        clock.plan(Due([partial(lambda own, _: hand(*own), (sender, kind, k))]), time)
    clock.run()
    posts = [m for box in wires.nodes[0].mailboxes.values() for m in box.flying]
    return {m[3]: m[0] for m in [*posts, *wires.nodes[0].inboxes["send"].in_order()]}


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 60).map(lambda k: k / 8), st.integers(1, N - 1), st.sampled_from(["post", "send"])
        ),
        max_size=20,
        unique_by=lambda one: one[0],
    ),
    st.sampled_from([4.0, 16.0, 100.0]),
    st.sampled_from([None, 8.0]),
)
def test_both_worlds_agree_on_every_message(handed: list[Handed], into: float, out: float | None) -> None:
    network: dict[str, Any] = {
        "latency": {"kind": "exponential", "mean": 0.5},
        "receive_bandwidth": into,
        "loss": 0.2,
        "links": [{"from": 1, "to": 0, "latency": 0.25}],
    } | ({"bandwidth": out} if out else {})
    handed.sort()
    real = Receiver(network)
    for k, one in enumerate(handed):
        real.hand_over(*one, k)
    expected = simulated(network, handed)
    found = real.due()
    assert found == pytest.approx(expected)


def test_a_star_of_senders_comes_in_one_after_another() -> None:
    real = Receiver({"latency": 0.5, "bandwidth": 4, "receive_bandwidth": 4})
    for i in range(1, N):
        real.hand_over(0.0, i, "send", i)
    assert real.due() == {1: 2.5, 2: 4.5, 3: 6.5}


def test_what_has_not_passed_is_not_read() -> None:
    real = Receiver({"receive_bandwidth": 8})
    real.hand_over(0.0, 1, "post", 10)
    real.hand_over(0.0, 2, "send", 20)
    real.clock.time = 0.5
    assert real.node.newest(1, "post", None) is None
    real.clock.time = 1.5
    assert real.node.newest(1, "post", None) == 10
    assert [*real.node.drain("send")] == []
    real.clock.time = 2.0
    assert [*real.node.drain("send")] == [(2, 20)]


def test_a_heartbeat_needs_no_turn() -> None:
    real = Receiver({"receive_bandwidth": 1e-3})
    real.node.put(Message(POST, 0, 1, HEARTBEAT, 1, 0, 0.0, 0.0, None))
    assert dict(real.node.heard(0.0)) == {1: 0.0}
    assert real.node.next_turn == np.inf
