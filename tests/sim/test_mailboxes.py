"""Links and letter boxes under the simulated clock: every rule of delivery, with numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from heapq import heappop
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rfast_bench.conditions.links import link_draws
from rfast_bench.conditions.outgoing import MOST_TRIES, Link, Outgoing, PostLane, weighed
from rfast_bench.conditions.payload import Size, size_of
from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.sim.clock import Clock
from rfast_bench.sim.network.mailboxes import ARRIVAL, PAYLOAD, Inbox, Mailbox, Queue
from rfast_bench.sim.network.node import Network, SimNode
from rfast_bench.sim.network.ring import Ring
from rfast_bench.sim.waiting import FromEach
from rfast_bench.topology.build import build

LOST, KEPT = 0.0, math.inf


def link(
    draws: Iterable[tuple[float, float]], bandwidth: float = math.inf, wait: float | None = None
) -> Link:
    return Link(iter(draws), bandwidth, wait)


def worker(number: int = 0) -> SimNode:
    return small_network(number + 1, {})[1][number]


def reader() -> Any:
    return SimpleNamespace(node=worker())


def mailbox(draws: Iterable[tuple[float, float]], bandwidth: float = math.inf) -> tuple[SimNode, Mailbox]:
    sender = worker()
    return sender, Mailbox(sender, link(draws, bandwidth))


def read(box: Mailbox, now: float) -> object:
    message = box.newest(now)
    return None if message is None else message[PAYLOAD]


# ------------------------------------------------------------------------------------------------ posts
def test_a_post_takes_transmission_and_latency() -> None:
    _, box = mailbox(repeat((2.0, KEPT)), bandwidth=10.0)
    box.post("a", 30, now=0.0)
    assert read(box, 4.99) is None
    assert read(box, 5.0) == "a"
    assert read(box, 99.0) == "a"  # and stays until something newer comes


def test_a_post_that_waits_for_the_senders_link_is_replaced_in_place() -> None:
    sender, box = mailbox(repeat((0.0, KEPT)), bandwidth=1.0)
    box.post("first", 10, now=0.0)  # on the link from 0 to 10
    box.post("second", 10, now=1.0)  # waits until 10
    box.post("third", 10, now=2.0)  # takes its place
    assert read(box, 10.0) == "first"
    assert read(box, 19.9) == "first"
    assert read(box, 20.0) == "third"
    assert (sender.sent, sender.superseded, sender.bytes_sent) == (2, 1, 20)


def test_a_replacement_of_a_post_that_will_be_lost_is_lost_with_it() -> None:
    sender, box = mailbox([(0.0, KEPT), (0.0, LOST)], bandwidth=1.0)
    for now, payload in enumerate(("first", "second", "third")):
        box.post(payload, 10, now=now)
    assert read(box, 99.0) == "first"
    assert (sender.sent, sender.lost, sender.superseded) == (2, 1, 1)


def test_one_outgoing_link_serialises_posts_to_different_workers() -> None:
    sender = worker()
    boxes = [Mailbox(sender, link(repeat((1.0, KEPT)), bandwidth=1.0)) for _ in range(2)]
    for box in boxes:
        box.post("x", 4, now=0.0)
    assert [m[ARRIVAL] for box in boxes for m in box.flying] == [5.0, 9.0]


def test_a_late_older_post_is_dropped() -> None:
    sender, box = mailbox([(10.0, KEPT), (1.0, KEPT)])
    box.post("old", 8, now=0.0)
    box.post("new", 8, now=1.0)
    assert read(box, 2.0) == "new"
    assert read(box, 50.0) == "new"
    assert sender.superseded == 1


def test_of_several_that_arrived_the_newest_is_read() -> None:
    sender, box = mailbox(repeat((1.0, KEPT)))
    for now in (0.0, 1.0, 2.0, 3.0):
        box.post(now, 8, now)
    assert read(box, 3.5) == 2.0
    assert sender.superseded == 2
    assert read(box, 4.0) == 3.0


def test_a_small_message_is_lost_less_often() -> None:
    """1 - (1 - p)^(b / model bytes), seen on 20 000 messages at p = 0.4 and an eighth of the model's size."""
    network = NetworkSpec(loss=0.4)
    draws = link_draws(network, network.link(0, 1), Streams(0), 0, 1)
    endurance = np.array([next(draws)[1] for _ in range(20_000)])
    assert (endurance < 1).mean() == pytest.approx(0.4, abs=0.01)
    assert (endurance < 1 / 8).mean() == pytest.approx(1 - 0.6 ** (1 / 8), abs=0.005)


# ------------------------------------------------------------------------------------------------ sends
def queue(
    draws: Iterable[tuple[float, float]], bandwidth: float = math.inf, wait: float | None = None
) -> Queue:
    return Queue(worker(), link(draws, bandwidth, wait), Inbox())


def arrival(q: Queue) -> float:
    """When the first of what was sent arrives."""
    heap = q.inbox.in_order()
    return heap[0][ARRIVAL] if heap else math.inf


def test_a_lost_send_is_sent_again_after_a_round_trip_and_the_transmission() -> None:
    q = queue([(2.0, LOST), (2.0, LOST), (2.0, KEPT)], bandwidth=10.0)
    q.send("a", 10, now=0.0, reliable=True)  # 1 s of transmission; two losses of 2*2 + 1 s each
    assert arrival(q) == 2 * 5.0 + 1.0 + 2.0
    assert (q.sender.sent, q.sender.lost, q.sender.bytes_sent, q.sender.free_at) == (3, 2, 30, 3.0)


def test_a_stated_retransmission_time_out_is_used() -> None:
    q = queue([(0.01, LOST), (0.01, KEPT)], wait=0.2)
    q.send("a", 10, now=0.0, reliable=True)
    assert arrival(q) == pytest.approx(0.21)


def test_sends_arrive_in_order_though_the_first_was_lost() -> None:
    q = queue([(1.0, LOST), (1.0, KEPT), (1.0, KEPT)])
    q.send("a", 10, now=0.0, reliable=True)
    q.send("b", 10, now=0.5, reliable=True)
    assert [heappop(q.inbox.in_order())[PAYLOAD] for _ in range(2)] == ["a", "b"]
    assert q.last_arrival == 3.0


def test_an_unreliable_send_may_be_lost_for_good() -> None:
    q = queue([(1.0, LOST), (1.0, KEPT)])
    q.send("a", 10, now=0.0, reliable=False)
    q.send("b", 10, now=0.0, reliable=False)
    assert heappop(q.inbox.in_order())[PAYLOAD] == "b"
    assert arrival(q) == math.inf


def test_a_link_that_loses_everything_never_delivers() -> None:
    q = queue(repeat((1.0, LOST)))
    q.send("a", 10, now=0.0, reliable=True)
    assert arrival(q) == math.inf
    assert q.sender.lost == MOST_TRIES


def test_an_inbox_gives_one_of_each_sender_in_their_order() -> None:
    inbox = Inbox()
    for number, base in ((0, "a"), (1, "b")):
        q = Queue(worker(number), link(repeat((1.0 + number, KEPT))), inbox)
        for k in range(2):
            q.send(f"{base}{k}", 8, now=float(k), reliable=True)
    waiting = FromEach(Clock(), [print], reader(), inbox)
    assert waiting.look([0, 1, 2]) == math.inf
    assert waiting.look([0, 1]) == 2.0
    assert waiting.take(2.0) == {0: "a0", 1: "b0"}
    assert waiting.look([0, 1]) == 3.0


def test_who_waits_for_each_is_told_once_when_the_last_is_sent() -> None:
    inbox = Inbox()
    waiting = FromEach(Clock(), [print], reader(), inbox)
    queues = [Queue(worker(k), link(repeat((3.0 - k, KEPT))), inbox) for k in range(3)]
    queues[0].send("a", 8, 0.0, True)  # arrives at 3
    assert waiting.look([0, 1, 2]) == math.inf
    inbox.waiter = waiting
    for queue in (queues[0], queues[1], queues[1], queues[2]):
        assert waiting.planned == 0
        queue.send("b", 8, 0.5, True)
    assert (waiting.planned, waiting.wakes_at) == (1, 3.0)


# ---------------------------------------------------------------------------------------------- network
def test_overrides_change_one_direction_of_one_link() -> None:
    spec = NetworkSpec.model_validate(
        {
            "latency": "1 s",
            "bandwidth": "1 MB/s",
            "links": [{"from": 0, "to": 1, "latency": "3 s", "loss": 0.5}],
        }
    )
    assert spec.link(0, 1).latency.mean == 3.0
    assert spec.link(0, 1).bandwidth == 1e6
    assert spec.link(1, 0).latency.mean == 1.0


def test_the_draws_of_a_link_depends_on_seed_and_link_only() -> None:
    spec = NetworkSpec.model_validate({"latency": {"kind": "exponential", "mean": 1}, "loss": 0.2})

    def first(seed: int, sender: int, receiver: int) -> list[tuple[float, float]]:
        draws = link_draws(spec, spec.link(sender, receiver), Streams(seed), sender, receiver)
        return [next(draws) for _ in range(50)]

    assert first(0, 1, 2) == first(0, 1, 2)
    assert first(0, 1, 2) != first(0, 2, 1)
    assert first(0, 1, 2) != first(1, 1, 2)


def test_reordering_holds_some_messages_back() -> None:
    spec = NetworkSpec.model_validate({"latency": "1 s", "reorder": {"probability": 0.25, "delay": "2 s"}})
    draws = link_draws(spec, spec.link(0, 1), Streams(0), 0, 1)
    latencies = np.array([next(draws)[0] for _ in range(4000)])
    assert set(latencies.tolist()) == {1.0, 3.0}
    assert (latencies == 3.0).mean() == pytest.approx(0.25, abs=0.03)


def test_message_bytes_stand_in_for_the_true_size() -> None:
    network, nodes = small_network(2, {"bandwidth": 100.0, "message_bytes": 1000.0})
    nodes[0].post(1, "v", np.zeros(10))  # a model: 80 true bytes count as 1000
    nodes[0].post(1, "half", np.zeros(5))
    assert nodes[0].bytes_sent == 1500
    assert nodes[0].free_at == 15.0
    assert network.scale == 12.5


def test_sizes_of_payloads() -> None:
    assert size_of(np.zeros(3)) == 24
    assert size_of((1, np.zeros(2, dtype=np.float32), 0.5)) == 24
    assert size_of(1.0) == 8


def test_only_arrays_weigh_more_when_models_do() -> None:
    """A number beside a model is 8 bytes on the wire, whatever `message_bytes` says a model weighs."""
    size = size_of((3, np.zeros(5), np.float64(0.5), "ab"))
    assert isinstance(size, Size)
    assert size == 8 + 40 + 8 + 2
    weights = weighed(size - size.beside, size.beside, 1e6, 40, 1e3)
    assert weights == pytest.approx((40e6 + 18, 1 + 18 / 40e6, (40e6 + 18) / 1e3))
    lane = PostLane(Outgoing(40, 1e6), Link(iter([(0.0, np.inf)]), 1e3, None))
    assert lane.depart(size, 0.0) == pytest.approx((40e6 + 18) / 1e3)
    assert lane.outgoing.bytes_sent == 40e6 + 18


# ------------------------------------------------------------------------------------------------- ring
def small_network(n: int, spec: dict[str, object]) -> tuple[Network, list[SimNode]]:
    topology = build(TopologySpec(), n, "nothing")
    network = Network(NetworkSpec.model_validate(spec), seed=0, model_size=80)
    nodes = [SimNode(i, topology, network, 0) for i in range(n)]
    network.nodes = nodes
    return network, nodes


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_an_equal_start_takes_2n_minus_2_steps_of_latency_and_a_chunk(n: int) -> None:
    network, nodes = small_network(n, {"latency": 0.5, "bandwidth": 8.0})
    finish = Ring(network).finish(np.full(n, 10.0), size=80.0, models=1.0)
    steps = 2 * (n - 1)
    np.testing.assert_allclose(finish, 10.0 + steps * (0.5 + 80 / n / 8.0))
    assert [node.sent for node in nodes] == [steps] * n
    assert sum(node.bytes_sent for node in nodes) == pytest.approx(80.0 * steps)


def test_nobody_has_the_mean_before_the_slowest_worker_is_ready() -> None:
    network, _ = small_network(4, {"latency": 0.1})
    finish = Ring(network).finish(np.array([0.0, 0.0, 7.0, 0.0]), 80.0, 1.0)
    assert finish.min() == pytest.approx(7.0 + 3 * 0.1)


def by_hand(ready: list[float], latency: Iterator[float], steps: int, chunk: float) -> list[float]:
    """The recursion for one worker at a time, chunk after chunk."""
    n, now, free = len(ready), list(ready), [0.0] * len(ready)
    for _ in range(steps):
        leaves = [max(now[i], free[i]) for i in range(n)]
        arrives = [leaves[i] + chunk + next(latency) for i in range(n)]
        free = [leaves[i] + chunk for i in range(n)]
        now = [max(now[i], arrives[i - 1]) for i in range(n)]
    return now


def test_finishing_times_follow_the_max_plus_recursion() -> None:
    overrides = [{"from": 1, "to": 2, "latency": 4.0}]
    network, _ = small_network(3, {"latency": 1.0, "bandwidth": 80.0 / 3, "links": overrides})
    finish = Ring(network).finish(np.array([0.0, 2.5, 1.0]), 80.0, 1.0)
    latencies = iter([1.0, 4.0, 1.0] * 4)
    assert finish.tolist() == pytest.approx(by_hand([0.0, 2.5, 1.0], latencies, steps=4, chunk=1.0))


def test_lost_chunks_are_sent_again_and_cost_time() -> None:
    clean, _ = small_network(4, {"latency": 1.0})
    lossy, nodes = small_network(4, {"latency": 1.0, "loss": 0.5})
    ready = np.zeros(4)
    assert Ring(lossy).finish(ready, 80.0, 1.0).max() >= Ring(clean).finish(ready, 80.0, 1.0).max()
    ring = Ring(lossy)
    for _ in range(500):
        ring.finish(ready, 80.0, 1.0)
    sent, lost = sum(n.sent for n in nodes), sum(n.lost for n in nodes)
    assert lost / sent == pytest.approx(1 - 0.5 ** (1 / 4), abs=0.02)  # a chunk is a quarter of the model


def test_bursty_loss_on_the_ring_has_the_same_mean_as_on_links() -> None:
    loss = {"kind": "gilbert-elliott", "good_to_bad": 0.1, "bad_to_good": 0.4, "loss_bad": 0.8}
    network, nodes = small_network(2, {"latency": 1.0, "loss": loss})
    ring = Ring(network)
    for _ in range(3000):
        ring.finish(np.zeros(2), 80.0, 1.0)
    sent, lost = sum(n.sent for n in nodes), sum(n.lost for n in nodes)
    assert lost / sent == pytest.approx(0.2 * (1 - 0.2**0.5), abs=0.02)
