"""A recorder of a simulated run: every message with its fate, deaths, all-reduces. Ordinary runs have none.

It takes the place of the plain parts (`simulate(make_network=, make_driver=)`). Each payload travels inside a
`Stamped`, so that whoever reads, drops or replaces a message knows its `Letter`. Nothing is drawn and no event is
planned here: a recorded run is the run that it would be without.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from rfast_bench.api import Activity, Channel
from rfast_bench.conditions.inlet import Coming
from rfast_bench.conditions.outgoing import Link
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.sim.all_reduce import Backward
from rfast_bench.sim.driver import Driver
from rfast_bench.sim.network.inlets import LateMailbox, LateQueue, Parcel
from rfast_bench.sim.network.letters import Letter, Stamped
from rfast_bench.sim.network.mailboxes import (
    ARRIVAL,
    COUNT,
    PAYLOAD,
    SENDER,
    Inbox,
    Mailbox,
    Message,
    Queue,
    Sender,
)
from rfast_bench.sim.network.node import Network, SimNode
from rfast_bench.sim.worker import Worker
from rfast_bench.topology.topology import Topology


class Recorder:
    """All that was recorded of one run, in the order in which it happened."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.reduces: list[tuple[int, float]] = []
        """(worker, when it asked for an all-reduce)"""
        self.deaths: list[tuple[int, float]] = []
        self.returns: list[tuple[int, float]] = []

    def network(
        self, spec: NetworkSpec, seed: int, model_size: int, number: Callable[[float], Any] = float
    ) -> Network:
        return RecordedNetwork(self, spec, seed, model_size, number)

    def driver(self, *arguments: Any, **more: Any) -> Driver:
        return RecordedDriver(self, *arguments, **more)

    def hand_over(self, node: Sender, to: int, channel: Channel, size: int, now: float) -> Letter:
        letter = Letter(node.number, to, channel, size * node.scale, now)
        self.letters.append(letter)
        return letter

    def forget(self, receiver: int, now: float) -> None:
        """What has not been read by now never will be."""
        for letter in self.letters:
            if letter.to == receiver and not letter.lost and letter.read == letter.superseded == math.inf:
                letter.dropped = min(letter.dropped, now)


class RecordedMailbox(Mailbox):
    """Knows which of its letters a newer one has made useless."""

    __slots__ = ("_channel", "_last", "_recorder", "_to")

    def __init__(self, recorder: Recorder, sender: SimNode, to: int, channel: Channel, link: Link) -> None:
        super().__init__(sender, link)
        self._recorder, self._to, self._channel = recorder, to, channel
        self._last: Letter

    def post(self, payload: Any, size: int, now: float) -> None:
        letter = self._recorder.hand_over(self.sender, self._to, self._channel, size, now)
        useless = [self._last] if self.start > now else []
        before = [letter_of(message) for message in self.flying]
        super().post(Stamped(letter, payload), size, now)
        kept = {letter_of(message) for message in self.flying}
        for older in [*useless, *(other for other in before if other not in kept)]:
            older.superseded = now
        letter.leaves, letter.arrival = self.start, self.arrival
        self._last = letter

    def newest(self, now: float) -> Message | None:
        _overtaken(self.flying, now)
        return super().newest(now)


class RecordedLateMailbox(LateMailbox):
    """The same behind an inlet: a letter's arrival is known when it has had its turn there."""

    __slots__ = ("_channel", "_last", "_recorder", "_to")

    def __init__(self, recorder: Recorder, to: int, channel: Channel, *way: Any) -> None:
        super().__init__(*way)
        self._recorder, self._to, self._channel = recorder, to, channel
        self._last: Letter

    def post(self, payload: Any, size: int, now: float) -> None:
        letter = self._recorder.hand_over(self.sender, self._to, self._channel, size, now)
        if self.start > now:
            self._last.superseded = now
        super().post(Stamped(letter, payload), size, now)
        letter.leaves, letter.arrival = self.start, self.arrival
        self._last = letter

    def enter(self, one: Coming[Parcel]) -> None:
        letter, before = one.what.payload.letter, [letter_of(message) for message in self.flying]
        super().enter(one)
        kept = {letter_of(message): message[ARRIVAL] for message in self.flying}
        for older in [letter, *before]:
            if older not in kept:
                older.superseded = one.first
        letter.arrival = kept.get(letter, letter.arrival)

    def newest(self, now: float) -> Message | None:
        _overtaken(self.flying, now)
        return super().newest(now)


class RecordedQueue(Queue):
    """Knows how often each of its letters was sent."""

    __slots__ = ("_channel", "_recorder", "_to")

    def __init__(
        self, recorder: Recorder, sender: SimNode, to: int, channel: Channel, link: Link, inbox: Inbox
    ) -> None:
        super().__init__(sender, link, inbox)
        self._recorder, self._to, self._channel = recorder, to, channel

    def send(self, payload: Any, size: int, now: float, reliable: bool) -> None:
        sent, lost, free_at = self.sender.sent, self.sender.lost, self.sender.free_at
        letter = self._recorder.hand_over(self.sender, self._to, self._channel, size, now)
        super().send(Stamped(letter, payload), size, now, reliable)
        _tried(letter, self, sent, lost, max(now, free_at))


class RecordedLateQueue(LateQueue):
    """The same behind an inlet."""

    __slots__ = ("_channel", "_recorder", "_to")

    def __init__(self, recorder: Recorder, to: int, channel: Channel, *way: Any) -> None:
        super().__init__(*way)
        self._recorder, self._to, self._channel = recorder, to, channel

    def send(self, payload: Any, size: int, now: float, reliable: bool) -> None:
        sent, lost, free_at = self.sender.sent, self.sender.lost, self.sender.free_at
        letter = self._recorder.hand_over(self.sender, self._to, self._channel, size, now)
        super().send(Stamped(letter, payload), size, now, reliable)
        _tried(letter, self, sent, lost, max(now, free_at))

    def enter(self, one: Coming[Parcel]) -> None:
        super().enter(one)
        one.what.payload.letter.arrival = self.place.done


class RecordedNode(SimNode):
    """Notes what it reads, and what it loses when it dies."""

    __slots__ = ("_recorder",)

    def __init__(self, recorder: Recorder, number: int, topology: Topology, network: Network) -> None:
        super().__init__(number, topology, network, network.seed)
        self._recorder = recorder

    def read(self, message: Message, now: float) -> Any:
        stamped = super().read(message, now)
        letter = stamped.letter
        if letter.read == math.inf:
            letter.read, letter.staleness = now, message[SENDER].gradients - message[COUNT]
        return stamped.payload

    def forget(self, now: float) -> None:
        super().forget(now)
        self._recorder.forget(self.number, now)


class RecordedNetwork(Network):
    """Opens recording letter boxes."""

    def __init__(
        self,
        recorder: Recorder,
        spec: NetworkSpec,
        seed: int,
        model_size: int,
        number: Callable[[float], Any],
    ) -> None:
        super().__init__(spec, seed, model_size, number)
        self._recorder = recorder

    def open_node(self, number: int, topology: Topology) -> SimNode:
        return RecordedNode(self._recorder, number, topology, self)

    def open_mailbox(self, node: SimNode, to: int, channel: Channel) -> Mailbox:
        link, inlet = self.links.between(node.id, to), self.nodes[to].inlet
        box: RecordedMailbox | RecordedLateMailbox
        if inlet is None:
            box = RecordedMailbox(self._recorder, node, to, channel, link)
        else:
            box = RecordedLateMailbox(self._recorder, to, channel, node, link, inlet)
        node.posts[to, channel] = self.nodes[to].mailboxes[node.id, channel] = box
        return box

    def open_queue(self, node: SimNode, to: int, channel: Channel) -> Queue:
        link, inbox, inlet = (
            self.links.between(node.id, to),
            self.nodes[to].inboxes[channel],
            self.nodes[to].inlet,
        )
        queue: RecordedQueue | RecordedLateQueue
        if inlet is None:
            queue = RecordedQueue(self._recorder, node, to, channel, link, inbox)
        else:
            queue = RecordedLateQueue(self._recorder, to, channel, node, link, inbox, inlet)
        node.queues[to, channel] = queue
        return queue


class RecordedDriver(Driver):
    """Notes deaths, returns and all-reduces."""

    def __init__(self, recorder: Recorder, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._recorder = recorder

    def kill(self, number: int) -> None:
        self._recorder.deaths.append((number, self.clock.now))
        super().kill(number)

    def revive(self, number: int, *arguments: Any) -> None:
        self._recorder.returns.append((number, self.clock.now))
        super().revive(number, *arguments)

    def _gather(
        self, activity: Activity, worker: Worker, value: Any, backward: Backward | None = None
    ) -> None:
        self._recorder.reduces.append((worker.number, self._moment.now))
        super()._gather(activity, worker, value, backward)


def _tried(letter: Letter, queue: Queue, sent: int, lost: int, leaves: float) -> None:
    """How often it has been sent, and when it comes; `sent` and `lost` were its sender's counts before."""
    letter.leaves, letter.tries = leaves, queue.sender.sent - sent
    if queue.sender.lost - lost < letter.tries:
        letter.arrival = queue.last_arrival


def _overtaken(flying: list[Message], now: float) -> None:
    """Of what has arrived by now, only the newest is of use."""
    arrived = [message for message in flying if message[ARRIVAL] <= now]
    for older, newer in pairwise(arrived):
        letter_of(older).superseded = newer[ARRIVAL]


def letter_of(message: Message) -> Letter:
    stamped = message[PAYLOAD]
    assert isinstance(stamped, Stamped)
    return stamped.letter
