"""Mail between workers: what a frame is, newest wins, order, and faults injected by the sender."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from rfast_bench.breaches.broken import Broken
from rfast_bench.conditions.links import link_draws
from rfast_bench.conditions.payload import size_of
from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.real.transport import sockets
from rfast_bench.real.transport.mailbox import Inbox, Mailbox
from rfast_bench.real.transport.message import POST, SEND, Message, Refused, pack, unpack
from rfast_bench.real.transport.sockets import Mail
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.scenario.sections.network import NetworkSpec

pytestmark = pytest.mark.timeout(30)
RUN = b"run-0001"


def message(kind: int = POST, sequence: int = 1, payload: Any = None, **changes: Any) -> Message:
    told = {"incarnation": 0, "sender": 0, "channel": "x", "count": 3, "sent": 0.5, "due": 0.0, **changes}
    return Message(kind=kind, sequence=sequence, payload=payload, **told)


# ------------------------------------------------------------------------------------------------ frames
@pytest.mark.parametrize(
    "payload",
    [
        None, 3, -0.1, float("inf"), "word", (), (1, 2.5),
        np.arange(5.0), np.arange(3, dtype=np.float32), np.zeros((2, 0, 3)), np.ones((2, 3))[:, ::2],
        (7, np.arange(3, dtype=np.float32), 0.125, (np.ones(2), "a")), np.float64(1 / 3),
    ],
    ids=repr,
)  # fmt: skip
def test_a_payload_comes_out_as_it_went_in(payload: Any) -> None:
    sent = message(payload=payload, channel=("y", 2), incarnation=4, sequence=17)
    came = unpack(RUN, bytes(pack(RUN, sent)))
    assert (came.kind, came.channel, came.stamp) == (POST, ("y", 2), (4, 17))
    assert (came.sender, came.count, came.sent, came.due) == (0, 3, 0.5, 0.0)
    same(came.payload, payload)


def same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, tuple):
        assert isinstance(found, tuple)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype
        assert found.shape == wanted.shape
        assert not found.flags.writeable
        np.testing.assert_array_equal(found, wanted)
    else:
        assert found == wanted


def test_what_no_frame_can_carry_is_named() -> None:
    with pytest.raises(Broken, match="a value of type set"):
        pack(RUN, message(payload={1}))


def test_every_flipped_bit_is_noticed() -> None:
    whole = bytes(pack(RUN, message(payload=np.arange(3.0))))
    for k in range(len(whole)):
        broken = bytearray(whole)
        broken[k] ^= 4
        with pytest.raises(Refused):
            unpack(RUN, bytes(broken))


def test_what_is_cut_short_or_of_another_run_is_refused() -> None:
    whole = bytes(pack(RUN, message(payload=np.arange(3.0))))
    with pytest.raises(Refused, match="truncated"):
        unpack(RUN, whole[:40])
    with pytest.raises(Refused, match="checksum"):
        unpack(RUN, whole[:-8])
    with pytest.raises(Refused, match="another run"):
        unpack(b"run-0002", whole)


def test_a_payload_weighs_what_its_numbers_do() -> None:
    assert size_of((3, np.zeros(5), 1.0)) == 8 + 40 + 8


# --------------------------------------------------------------------------------------------- mailboxes
def test_the_newest_wins_in_whatever_order_they_come() -> None:
    box = Mailbox()
    for sequence in (2, 1, 4, 3):
        box.put(message(sequence=sequence, payload=sequence))
    newest = box.newest(0.0)
    assert newest is not None
    assert newest.payload == 4
    box.put(message(sequence=3))
    assert box.newest(0.0) is newest
    assert box.superseded >= 4


def test_a_later_incarnation_is_newer_though_it_counts_from_zero_again() -> None:
    box = Mailbox()
    box.put(message(sequence=500, payload="old"))
    box.put(message(sequence=1, incarnation=1, payload="new"))
    box.put(message(sequence=501, payload="late"))
    newest = box.newest(0.0)
    assert newest is not None
    assert newest.payload == "new"


def test_a_message_is_held_back_until_it_is_due() -> None:
    box = Mailbox()
    box.put(message(sequence=1, payload="first", due=1.0))
    box.put(message(sequence=2, payload="second", due=3.0))
    box.put(message(sequence=3, payload="third", due=2.0))
    found = [box.newest(now) for now in (0.5, 1.5, 2.5, 3.5)]
    assert [m and m.payload for m in found] == [None, "first", "third", "third"]
    assert box.superseded == 1


def test_a_queue_gives_each_sender_in_order_and_refuses_what_it_had() -> None:
    inbox = Inbox()
    for sender, sequence in ((1, 1), (2, 1), (1, 2), (1, 2)):
        inbox.put(message(SEND, sequence, (sender, sequence), sender=sender))
    assert inbox.refused == 1
    assert inbox.ready_from_each([1, 2]) == 0.0
    taken = inbox.take_from_each([1, 2])
    assert [taken[1].payload, taken[2].payload] == [(1, 1), (2, 1)]
    assert inbox.ready_from_each([1, 2]) == float("inf")
    assert inbox.take_first().payload == (1, 2)
    assert inbox.ready_from_any() == float("inf")


def test_who_is_due_first_is_taken_first() -> None:
    inbox = Inbox()
    inbox.put(message(SEND, 1, "late", sender=1, due=2.0))
    inbox.put(message(SEND, 1, "soon", sender=2, due=1.0))
    assert inbox.ready_from_any() == 1.0
    assert [inbox.take_first().payload for _ in range(2)] == ["soon", "late"]


# ----------------------------------------------------------------------------------------------- sockets
class Pair:
    """Two mails; worker 1's receiver runs in a thread while `receiving` is set."""

    def __init__(self, run: bytes = RUN) -> None:
        self.came: list[Message] = []
        self.receiving = threading.Event()
        self.receiving.set()
        lock = threading.RLock()
        self.mails = [
            Mail(0, RUN, "127.0.0.1", self.came.append, lock),
            Mail(1, run, "127.0.0.1", self.came.append, threading.RLock()),
        ]
        for mail in self.mails:
            mail.connect({k: other.address for k, other in enumerate(self.mails)})
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._receive, args=(mail,)) for mail in self.mails]
        for thread in self._threads:
            thread.start()

    def _receive(self, mail: Mail) -> None:
        while not self._stop.is_set():
            if mail.worker == 0 or self.receiving.wait(0.01):
                mail.receive(0.01)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for mail in self.mails:
            mail.close()

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not done() and time.monotonic() < end:
            time.sleep(0.005)
        assert done()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_what_is_sent_comes_whole_and_in_order(pair: Pair) -> None:
    for k in range(200):
        pair.mails[0].send(1, message(SEND, payload=(k, np.full(1000, k))))
    pair.until(lambda: len(pair.came) == 200)
    assert [m.payload[0] for m in pair.came] == list(range(200))
    assert [m.sequence for m in pair.came] == list(range(1, 201))
    assert pair.mails[1].counts.received == 200


def test_posts_conflate_and_never_hold_the_sender_up(pair: Pair) -> None:
    payload = np.zeros(125_000)  # 1 MB
    pair.mails[0].post(1, message(payload=payload))
    pair.until(lambda: pair.mails[0]._edges[1, "x"].address is not None)
    pair.receiving.clear()
    time.sleep(0.05)
    before, longest = len(pair.came), 0.0
    for _ in range(100):
        started = time.monotonic()
        pair.mails[0].post(1, message(payload=payload))
        longest = max(longest, time.monotonic() - started)
    assert longest < 0.5
    pair.receiving.set()
    pair.until(lambda: bool(pair.came) and pair.came[-1].sequence == 101)
    assert len(pair.came) - before < 20


def test_posts_to_who_never_says_where_are_given_up(pair: Pair) -> None:
    pair.receiving.clear()
    time.sleep(0.05)
    for _ in range(sockets.MOST_UNOPENED + 5):
        pair.mails[0].post(1, message())
    assert pair.mails[0].counts.not_sent == 5


def test_mail_of_another_run_is_refused_and_counted() -> None:
    pair = Pair(run=b"run-0002")
    try:
        pair.mails[0].send(1, message(SEND))
        pair.until(lambda: pair.mails[1].counts.refused["another run"] == 1)
        assert pair.came == []
    finally:
        pair.close()


# ------------------------------------------------------------------------------------------------ faults
def faults(**network: Any) -> Faults:
    return Faults(NetworkSpec.model_validate(network), 5, 0, 80)


def test_the_injected_losses_and_latencies_are_those_of_the_simulated_world() -> None:
    network = {"loss": 0.3, "latency": {"kind": "lognormal", "mean": "5 ms", "sigma": 0.5}}
    spec = NetworkSpec.model_validate(network)
    draws = link_draws(spec, spec.link(0, 1), Streams(5), 0, 1)
    injected = faults(**network)
    for k in range(200):
        latency, endurance = next(draws)
        due = injected.post(1, "x", 80, float(k))
        assert due == (None if endurance < 1 else k + latency)
    assert 30 < injected.lost < 90


def test_a_lost_reliable_message_is_late_and_one_that_is_not_is_gone() -> None:
    network = {"loss": 0.5, "latency": "10 ms", "retransmit_timeout": "200 ms"}
    reliable = [faults(**network).send(1, "x", 80, 0.0, True)]
    injected = faults(**network)
    reliable = [injected.send(1, "x", 80, float(k), True) for k in range(50)]
    delays = {round(due - k, 6) for k, due in enumerate(reliable) if due is not None}
    assert None not in reliable
    assert delays >= {0.01, 0.21}
    assert injected.sent == 50 + injected.lost
    datagrams = faults(**network)
    gone = [datagrams.send(1, "x", 80, float(k), False) for k in range(50)].count(None)
    assert gone == datagrams.lost
    assert 10 < gone < 40


def test_reliable_messages_keep_their_order() -> None:
    injected = faults(latency={"kind": "exponential", "mean": "1 s"})
    due = [injected.send(1, "x", 80, 0.01 * k, True) for k in range(50)]
    assert due == sorted(due, key=lambda d: d or 0.0)


def test_a_post_that_waits_for_the_link_gives_its_place_to_a_newer_one() -> None:
    injected = faults(bandwidth=80.0)  # one second a model
    assert injected.post(1, "x", 80, 0.0) == 1.0
    assert injected.post(1, "x", 80, 0.1) == 2.0
    assert injected.post(1, "x", 80, 0.2) == 2.0
    assert (injected.sent, injected.superseded, injected.bytes_sent) == (2, 1, 160)


def test_without_losses_and_latencies_everything_is_due_at_once() -> None:
    assert faults().post(1, "x", 80, 3.0) == 0.0
    assert faults().send(1, "x", 80, 3.0, True) == 0.0
