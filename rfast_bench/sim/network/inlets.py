"""Letter boxes behind an inlet (`rfast_bench.conditions.inlet`), under the simulated clock.

Whoever is handed over later may come earlier, so a message's arrival is known only when its first byte comes to the
inlet: an event for each message, which networks without `receive_bandwidth` do not have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from heapq import heappush
from typing import Any

from rfast_bench.conditions.inlet import Coming, Inlet, PostPlace, SendPlace
from rfast_bench.conditions.outgoing import Link
from rfast_bench.sim.network.mailboxes import ORDER, Inbox, Mailbox, Message, Queue, Sender
from rfast_bench.sim.network.now import Moment

Plan = Callable[[Any, float], None]
"""Lets an event with `callbacks` happen in so many seconds."""


class Parcel:
    """A message on its way to an inlet, and the event of its first byte's coming."""

    __slots__ = ("asked", "box", "callbacks", "count", "first", "order", "payload")

    def __init__(self, box: LateMailbox | LateQueue, payload: Any, asked: float) -> None:
        self.box = box
        self.first: float
        self.callbacks: Sequence[Callable[[Any], None]]
        self.order = next(ORDER)
        self.fill(payload, asked)

    def fill(self, payload: Any, asked: float) -> None:
        """What it holds, when that was handed over, and the gradients of its sender by then."""
        self.payload, self.asked, self.count = payload, asked, self.box.sender.gradients

    def message(self, arrival: float, order: int) -> Message:
        return arrival, order, self.box.sender, self.payload, self.asked, self.count


class Doorway(Inlet[Parcel]):
    """A worker's inlet, and the clock that says when somebody comes. `plan` is known once there is a clock."""

    __slots__ = ("_moment", "_when_there", "plan")

    def __init__(self, bandwidth: float, moment: Moment) -> None:
        super().__init__(bandwidth)
        self.plan: Plan
        self._moment = moment
        self._when_there = [self._there]

    def expect(self, first: float, last: float, size: float, parcel: Parcel) -> None:
        """A parcel's first byte will come, not before the present time, and its last."""
        now = self._moment.now
        parcel.first = first = max(first, now)
        parcel.callbacks = self._when_there
        self.announce(first, last, size, parcel)
        self.plan(parcel, first - now)

    def _there(self, parcel: Parcel) -> None:
        for one in self.turns(parcel.first):  # the clock's sum may be a rounding away from it
            one.what.box.enter(one)


class LateMailbox(Mailbox):
    """One edge and channel of posts that pass an inlet."""

    __slots__ = ("inlet", "parcel", "place")

    def __init__(self, sender: Sender, link: Link, inlet: Doorway) -> None:
        super().__init__(sender, link)
        self.inlet = inlet
        self.place = PostPlace()
        self.parcel: Parcel

    def post(self, payload: Any, size: int, now: float) -> None:
        """See `Mailbox`."""
        if self.start > now:
            self.sender.superseded += 1
            if self.arrival < math.inf:
                self.parcel.fill(payload, now)
            return
        arrival = self.depart(size, now)
        if arrival < math.inf:
            self.parcel = Parcel(self, payload, now)
            self.inlet.expect(arrival - self.transmission, arrival, self.bytes, self.parcel)

    def enter(self, one: Coming[Parcel]) -> None:
        """Its turn at the inlet has come."""
        parcel, flying, sender = one.what, self.flying, self.sender
        arrival, took = self.place.enter(self.inlet, one, parcel.order)
        if self.place.what is not parcel:  # a newer one has come before it
            sender.superseded += 1
            return
        while flying and (took or flying[-1][0] >= arrival):
            flying.pop()  # its place at the inlet is taken, or it would come after this one
            sender.superseded += 1
            took = False
        flying.append(parcel.message(arrival, 0))

    def clear(self) -> None:
        """See `Mailbox`."""
        super().clear()
        self.place = PostPlace()


class LateQueue(Queue):
    """One edge and channel of sends that pass an inlet."""

    __slots__ = ("inlet", "place")

    def __init__(self, sender: Sender, link: Link, inbox: Inbox, inlet: Doorway) -> None:
        super().__init__(sender, link, inbox)
        self.inlet = inlet
        self.place = SendPlace()

    def send(self, payload: Any, size: int, now: float, reliable: bool) -> None:
        """See `Queue`."""
        arrival = self.depart(size, now, reliable)
        if arrival < math.inf:
            first = self.place.follow(arrival - self.transmission)
            self.inlet.expect(first, arrival, self.bytes, Parcel(self, payload, now))

    def enter(self, one: Coming[Parcel]) -> None:
        """Its turn at the inlet has come."""
        inbox, parcel = self.inbox, one.what
        message = parcel.message(self.place.enter(self.inlet, one), parcel.order)
        if inbox.heap is not None:
            heappush(inbox.heap, message)
        else:
            inbox.queue_of(self.sender.number).append(message)
        if inbox.waiter is not None:
            inbox.waiter.told(message)
