"""A worker as its algorithm sees it, on a real process. All of it is used under the driver's lock."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from rfast_bench.api import Channel
from rfast_bench.breaches.talk import ANY, NEWEST, POSTED, SENT, TOLD, Channels, check_receiver
from rfast_bench.conditions.liveness import HEARTBEAT
from rfast_bench.conditions.payload import seal, size_of
from rfast_bench.conditions.randomness.seeds import scalar_stream
from rfast_bench.real.transport.inlet import Doorway
from rfast_bench.real.transport.mailbox import Inbox, Mailbox
from rfast_bench.real.transport.message import POST, SEND, Message
from rfast_bench.real.transport.sockets import Mail
from rfast_bench.real.worker.gpu import Staging
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.topology.membership import View
from rfast_bench.topology.topology import Topology


class Reads:
    """When the worker read whose message, how many gradients that sender had done by then, and how old it was."""

    def __init__(self) -> None:
        self.time, self.age = array("d"), array("d")
        self.sender, self.count = array("q"), array("q")

    def note(self, now: float, message: Message) -> None:
        self.time.append(now)
        self.age.append(max(0.0, now - message.sent))
        self.sender.append(message.sender)
        self.count.append(message.count)


class RealNode:
    """Implements `rfast_bench.api.Node`. `clock` gives seconds since the start of the run."""

    def __init__(
        self,
        number: int,
        topology: Topology,
        faults: Faults,
        seed: int,
        clock: Callable[[], float],
        staging: Staging,
        doorway: Doorway | None = None,
    ) -> None:
        """`doorway`: where receiving takes time (`network.receive_bandwidth`)."""
        self.id = number
        self.n = topology.n
        self.rng: Random = scalar_stream(seed, "algorithm", number)
        self.W: Mapping[int, float] = topology.W[number]
        self.A: Mapping[int, float] = topology.A[number]
        self.in_W: Sequence[int] = topology.in_W(number)
        self.out_W: Sequence[int] = topology.out_W(number)
        self.in_A: Sequence[int] = topology.in_A(number)
        self.out_A: Sequence[int] = topology.out_A(number)
        self.side = topology.side[number]
        self.changes = 0
        self.reachable: frozenset[int] | None = (
            None  # whom it has been shown as out-neighbours; None: anybody
        )
        self.channels = Channels()
        self.gradients = 0
        self.mail: Mail
        self.faults = faults
        self.reads = Reads()
        self.inboxes: defaultdict[Channel, Inbox] = defaultdict(Inbox)
        self._mailboxes: defaultdict[tuple[int, Hashable], Mailbox] = defaultdict(Mailbox)
        self._heard: dict[int, float] = {}
        self._told = 0
        self._clock = clock
        self._staging = staging
        self.doorway = doorway

    # ---------------------------------------------------------------------------------------- the contract
    def post(self, to: int, channel: Channel, payload: Any) -> None:
        self._check(to, channel, POSTED, payload)
        now = self._clock()
        due = self.faults.post(to, channel, size_of(payload), now)
        message = self._message(POST, channel, payload, now, due or 0.0)
        self._spoil(to, message)
        if due is not None:
            self.mail.post(to, message)
            if (later := self.faults.again(to, now)) >= 0:
                self.mail.post(to, replace(message, due=max(due, now) + later), again=True)

    def send(self, to: int, channel: Channel, payload: Any, reliable: bool = True) -> None:
        self._check(to, channel, SENT, payload)
        now = self._clock()
        due = self.faults.send(to, channel, size_of(payload), now, reliable)
        message = self._message(SEND, channel, payload, now, due or 0.0)
        self._spoil(to, message)
        if due is not None:
            self.mail.send(to, message)
            if (later := self.faults.again(to, now)) >= 0:
                self.mail.send(to, replace(message, due=max(due, now) + later), again=reliable)

    def _spoil(self, to: int, message: Message) -> None:
        """Send what arrives spoilt, so that the receiver has it to drop."""
        for _ in range(self.faults.spoilt(to)):
            self.mail.spoilt(to, message)

    def _check(self, to: int, channel: Channel, how: str, payload: Any) -> None:
        check_receiver(self.id, to, self.n, self.reachable)
        self.channels.use(channel, how, self.id)
        seal(payload)

    def tell(self, channel: Channel, payload: Any) -> None:
        self.channels.use(channel, TOLD, self.id)
        now = self._clock()
        self._told += 1
        stamp = self.mail.incarnation, self.id, channel, self._told
        self.inboxes[channel].put(Message(SEND, *stamp, self.gradients, now, now, payload))
        self.mail.ring()

    def newest(self, sender: int, channel: Channel, default: Any) -> Any:
        self.channels.use(channel, NEWEST, self.id)
        now = self._clock()
        self.let_in(now)
        message = self._mailboxes[sender, channel].newest(now)
        return default if message is None else self.read(message, now)

    def drain(self, channel: Channel) -> Iterator[tuple[int, Any]]:
        self.channels.use(channel, ANY, self.id)
        inbox, now = self.inboxes[channel], self._clock()
        self.let_in(now)
        while inbox.ready_from_any() <= now:
            message = inbox.take_first()
            yield message.sender, self.read(message, now)

    # ----------------------------------------------------------------------------------- for `Liveness`
    def heard(self, now: float) -> Iterable[tuple[int, float]]:
        """When each worker's last message came in."""
        return self._heard.items()

    def see(self, view: View) -> None:
        """Take over another view of the graphs."""
        self.W, self.A = view.W, view.A
        self.in_W, self.out_W, self.in_A, self.out_A = view.in_W, view.out_W, view.in_A, view.out_A
        if self.reachable is not None:
            self.reachable = self.reachable | {*view.out_W, *view.out_A}
        self.changes += 1

    def beat(self, to: int) -> None:
        """Post a sign of life, which is neither lost nor late by injection, but where the link is down."""
        if self.faults.cut(to, self._clock()):
            return
        self.mail.post(to, self._message(POST, HEARTBEAT, None, self._clock(), 0.0))

    # ------------------------------------------------------------------------------------------ the driver's
    def put(self, message: Message) -> None:
        """A message has come in."""
        self._heard[message.sender] = self._clock()
        if self.doorway is None or message.channel == HEARTBEAT:
            self._keep(message)
        elif (there := self.doorway.come(message)) is not None:
            self._keep(there)

    def let_in(self, now: float) -> None:
        """Whatever has come to the inlet by now is to be read once it has passed."""
        if self.doorway is not None:
            for message in self.doorway.let_in(now):
                self._keep(message)

    @property
    def next_turn(self) -> float:
        """When the next message comes to the inlet; infinite while none is on its way."""
        return math.inf if self.doorway is None else self.doorway.inlet.next

    def _keep(self, message: Message) -> None:
        if message.kind == POST:
            self._mailboxes[message.sender, message.channel].put(message)
        else:
            self.inboxes[message.channel].put(message)

    def read(self, message: Message, now: float) -> Any:
        """The payload where the algorithm computes; notes how stale it is, if another worker sent it."""
        if message.sender == self.id:
            return message.payload
        self.reads.note(now, message)
        return self._staging.to_device(message.payload)

    @property
    def superseded(self) -> int:
        """Posts to this worker, or by it, that a newer one replaced before they were read."""
        return self.faults.superseded + sum(box.superseded for box in self._mailboxes.values())

    def _message(self, kind: int, channel: Channel, payload: Any, now: float, due: float) -> Message:
        staged = self._staging.to_host(payload)
        return Message(kind, self.mail.incarnation, self.id, channel, 0, self.gradients, now, due, staged)
