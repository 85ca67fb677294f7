"""Coroutines that wait under the simulated clock: what wakes them, and what they are given then."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import simpy

from rfast_bench.api import Activity
from rfast_bench.sim.network import ARRIVAL, SENDER, Inbox, Message

if TYPE_CHECKING:
    from rfast_bench.sim.driver import Worker


class Due(simpy.Event):
    """Something is due at a time that is known: an event without SimPy's checks, which may be scheduled again once
    it has happened. `schedule` plans it and `handler` is called with it."""

    def __init__(self, clock: simpy.Environment, handler: Callable[[Any], None]) -> None:
        super().__init__(clock)
        self._ok = True
        self._value = None
        self._handlers: list[Callable[[Any], None]] = [handler]

    def schedule(self, delay: float) -> None:
        """Plan it for `delay` seconds from now."""
        self.callbacks = self._handlers
        self.env.schedule(self, delay=delay)


class Waiting(ABC):
    """A coroutine that waits for messages on a channel. `at`: when it may go on, as far as is known."""

    __slots__ = ("activity", "at", "inbox", "plan", "worker")

    def __init__(self, activity: Activity, worker: Worker, inbox: Inbox, plan: Callable[[Any], None]) -> None:
        """`plan` is called whenever `at` has changed."""
        self.activity = activity
        self.worker = worker
        self.inbox = inbox
        self.plan = plan
        self.at = math.inf

    @abstractmethod
    def told(self, message: Message) -> None:
        """A message has been handed to the network."""

    @abstractmethod
    def take(self, now: float) -> Any:
        """What it has waited for, which must be there."""


class FromEach(Waiting):
    """One message from each of `senders`."""

    __slots__ = ("missing", "senders")

    def look(self, senders: Sequence[int]) -> float:
        """Find what is there already, and whose message is not even sent; when all have arrived."""
        self.senders = senders
        self.missing: set[int] = set()
        latest = -math.inf
        for sender in senders:
            queue = self.inbox.queue_of(sender)
            if not queue:
                self.missing.add(sender)
            elif queue[0][ARRIVAL] > latest:
                latest = queue[0][ARRIVAL]
        self.at = latest
        return math.inf if self.missing else latest

    def told(self, message: Message) -> None:
        missing = self.missing
        sender = message[SENDER].number
        if sender in missing:
            missing.remove(sender)
            if message[ARRIVAL] > self.at:
                self.at = message[ARRIVAL]
            if not missing:
                self.plan(self)

    def take(self, now: float) -> dict[int, Any]:
        node, queue_of = self.worker.node, self.inbox.queue_of
        return {sender: node.read(queue_of(sender).popleft(), now) for sender in self.senders}


class First(Waiting):
    """Whatever comes first."""

    __slots__ = ()

    def told(self, message: Message) -> None:
        if message[ARRIVAL] < self.at:
            self.at = message[ARRIVAL]
            self.plan(self)

    def take(self, now: float) -> tuple[int, Any]:
        message = self.inbox.take_first()
        return message[SENDER].number, self.worker.node.read(message, now)
