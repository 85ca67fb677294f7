"""Coroutines that wait under the simulated clock: what wakes them, and what they are given then."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import simpy
from simpy.events import NORMAL

from rfast_bench.sim.network import ARRIVAL, SENDER, Inbox, Message

if TYPE_CHECKING:
    from rfast_bench.sim.driver import Worker


class Due(simpy.Event):
    """Something is due at a time that is known: an event without SimPy's checks, which may be scheduled again once
    it has happened. `schedule` plans it and the one `handlers` holds is called with it; events may share the list."""

    _ok = True
    _value = None

    def __init__(self, clock: simpy.Environment, handlers: list[Callable[[Any], None]]) -> None:
        self.env = clock
        self.handlers = handlers
        self.callbacks: Any = None

    def schedule(self, delay: float) -> None:
        """Plan it for `delay` seconds from now."""
        self.callbacks = self.handlers
        self.env.schedule(self, NORMAL, delay)


class Waiting(Due):
    """A coroutine that waits for messages on a channel, and the event that wakes it; an inbox keeps one of each kind
    for all its waits. `at`: when it may go on, as far as is known."""

    def __init__(
        self, clock: simpy.Environment, handlers: list[Callable[[Any], None]], worker: Worker, inbox: Inbox
    ) -> None:
        super().__init__(clock, handlers)
        self.worker = worker
        self.inbox = inbox
        self.activity: Any = None  # the coroutine
        self.at = math.inf
        self.wakes_at = math.inf  # of the event that it is
        self.planned = 0
        """How many events are under way for it."""

    def plan(self) -> None:
        """Wake it at `at`, whatever was planned before."""
        delay = max(0.0, self.at - self.env.now)
        self.planned += 1
        if self.planned == 1:
            self.wakes_at = self.at
            self.schedule(delay)
        else:  # it was to be woken later, and that event is still under way
            Again(self.env, self.handlers, self).schedule(delay)

    @property
    def waiting(self) -> Waiting:
        """Whom the event wakes."""
        return self

    @abstractmethod
    def told(self, message: Message) -> None:
        """A message has been handed to the network."""

    @abstractmethod
    def take(self, now: float) -> Any:
        """What it has waited for, which must be there."""


class Again(Due):
    """A further event for one that waits."""

    def __init__(
        self, clock: simpy.Environment, handlers: list[Callable[[Any], None]], waiting: Waiting
    ) -> None:
        super().__init__(clock, handlers)
        self.waiting = waiting
        self.wakes_at = waiting.at


NOBODY: set[int] = set()
"""Never added to."""


class FromEach(Waiting):
    """One message from each of `senders`."""

    senders: Sequence[int] = ()
    queues: Sequence[tuple[int, deque[Message]]] = ()
    missing: set[int]
    """Those of them who have not sent theirs."""

    def look(self, senders: Sequence[int]) -> float:
        """Find what is there already, and whose message is not even sent; when all have arrived."""
        if senders is not self.senders:
            self.senders = senders
            self.queues = [(sender, self.inbox.queue_of(sender)) for sender in senders]
        latest, complete = -math.inf, True
        for _, queue in self.queues:
            if not queue:
                complete = False
            elif queue[0][0] > latest:
                latest = queue[0][0]
        self.at = latest
        self.missing = NOBODY if complete else {sender for sender, queue in self.queues if not queue}
        return latest if complete else math.inf

    def told(self, message: Message) -> None:
        missing = self.missing
        sender = message[SENDER].number
        if sender in missing:
            missing.remove(sender)
            if message[ARRIVAL] > self.at:
                self.at = message[ARRIVAL]
            if not missing:
                self.plan()

    def take(self, now: float) -> dict[int, Any]:
        read = self.worker.node.read
        return {sender: read(queue.popleft(), now) for sender, queue in self.queues}


class First(Waiting):
    """Whatever comes first."""

    def look(self) -> float:
        """When the first message arrives; infinite while there is none."""
        self.at = self.inbox.ready_from_any()
        return self.at

    def told(self, message: Message) -> None:
        if message[ARRIVAL] < self.at:
            self.at = message[ARRIVAL]
            self.plan()

    def take(self, now: float) -> tuple[int, Any]:
        message = self.inbox.take_first()
        return message[SENDER].number, self.worker.node.read(message, now)
