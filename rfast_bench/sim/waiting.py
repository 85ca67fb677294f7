"""Coroutines that wait under the simulated clock: what wakes them, and what they are given then."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from heapq import heappop
from typing import Any

from rfast_bench.api import Activity, Channel
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import of_activity
from rfast_bench.breaches.talk import ANY, EACH
from rfast_bench.conditions.giving_up import MOST_AT_ONCE, undrained
from rfast_bench.errors import UserError
from rfast_bench.sim.clock import Clock, Due
from rfast_bench.sim.halts.refusals import one_reader
from rfast_bench.sim.network.mailboxes import ARRIVAL, PAYLOAD, SENDER, Inbox, Message
from rfast_bench.sim.worker import Worker


class Waiting(Due):
    """A coroutine that waits for messages on a channel, and the event that wakes it; an inbox keeps one of each kind
    for all its waits. `at`: when it may go on, as far as is known."""

    __slots__ = ("activity", "at", "clock", "inbox", "planned", "wakes_at", "worker")

    def __init__(
        self, clock: Clock, callbacks: Sequence[Callable[[Any], None]], worker: Worker, inbox: Inbox
    ) -> None:
        super().__init__(callbacks)
        self.clock = clock
        self.worker = worker
        self.inbox = inbox
        self.activity: Any = None  # the coroutine
        self.at = math.inf
        self.wakes_at = math.inf  # of the event that it is
        self.planned = 0
        """How many events are under way for it."""

    def plan(self) -> None:
        """Wake it at `at`, whatever was planned before."""
        delay = self.at - self.clock.moment.now
        if delay < 0.0:
            delay = 0.0
        self.planned += 1
        if self.planned == 1:
            self.wakes_at = self.at
            self.clock.plan(self, delay)
        else:  # it was to be woken later, and that event is still under way
            self.clock.plan(Again(self), delay)

    @abstractmethod
    def told(self, message: Message) -> None:
        """A message has been handed to the network."""

    @abstractmethod
    def take(self, now: float) -> Any:
        """What it has waited for, which must be there."""


class Again(Due):
    """A further event for one that waits."""

    __slots__ = ("waiting", "wakes_at")

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.callbacks)
        self.waiting = waiting
        self.wakes_at = waiting.at


MOST_IN_VAIN = 10_000
"""Bounded waits of all workers together that end for nothing while nobody computes."""
NOBODY: set[int] = set()
"""Never added to."""


class FromEach(Waiting):
    """One message from each of `senders`. `missing`: those of them who have not sent theirs."""

    __slots__ = ("missing", "queues", "senders")

    def __init__(
        self, clock: Clock, callbacks: Sequence[Callable[[Any], None]], worker: Worker, inbox: Inbox
    ) -> None:
        super().__init__(clock, callbacks, worker, inbox)
        self.senders: Sequence[int] = ()
        self.queues: Sequence[tuple[int, deque[Message]]] = ()
        self.missing = NOBODY

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

    __slots__ = ()

    def look(self) -> float:
        """When the first message arrives; infinite while there is none."""
        heap = self.inbox.in_order()
        self.at = at = heap[0][0] if heap else math.inf
        return at

    def told(self, message: Message) -> None:
        if message[ARRIVAL] < self.at:
            self.at = message[ARRIVAL]
            self.plan()

    def take(self, now: float) -> tuple[int, Any]:
        message = heappop(self.inbox.in_order())
        sender, node = message[SENDER], self.worker.node
        return sender.number, message[PAYLOAD] if sender is node else node.read(message, now)


class Breaker(First):
    """Waits on a channel for what a worker gives its gradient up for. `began`: when the gradient was asked for."""

    __slots__ = ("at_once", "began")

    def __init__(
        self, clock: Clock, callbacks: Sequence[Callable[[Any], None]], worker: Worker, inbox: Inbox
    ) -> None:
        super().__init__(clock, callbacks, worker, inbox)
        self.began = 0.0
        self.at_once = 0  # how often in a row it was given up before it began


class Waits:
    """What first waits on a channel: an inbox keeps it for all later waits of its kind. Raises Broken where the channel
    is used in another way."""

    def __init__(
        self,
        clock: Clock,
        callbacks: Sequence[Callable[[Any], None]],
        go_on: Callable[[Activity, Worker, Any], None],
    ) -> None:
        """`go_on(activity, worker, None)` is called for a wait that has been for nothing."""
        self._clock, self._callbacks, self._go_on = clock, callbacks, go_on
        self._in_vain, self._gradients = 0, -1

    def bounded(self, waiting: Waiting, within: float) -> Waiting:
        """One of its own for a wait that ends after `within` seconds: its end counts among the events under way."""
        own = copy(waiting)
        own.planned, own.wakes_at = 1, math.nan
        self._clock.plan(Due([partial(self._over, own)]), within)
        return own

    def _over(self, waiting: Waiting, _: Any) -> None:
        if waiting.worker.paused is not None:
            waiting.worker.paused.append(partial(self._over, waiting, _))
            return
        waiting.planned -= 1
        if waiting.inbox.waiter is waiting:
            waiting.inbox.waiter = None
            self._in_vain += 1
            if self._in_vain % MOST_IN_VAIN == 0:
                self._check(waiting)
            self._go_on(waiting.activity, waiting.worker, None)

    def _check(self, waiting: Waiting) -> None:
        done = sum(node.gradients for node in waiting.worker.node.network.nodes)
        if done == self._gradients:
            seen = (
                f"{MOST_IN_VAIN} waits in a row ended without a message, and no gradient was done meanwhile"
            )
            raise Broken("deadlock", seen, of_activity(waiting.activity, type(waiting.worker.algorithm)))
        self._gradients = done

    def first(self, worker: Worker, channel: Channel) -> First:
        """For whatever comes first."""
        inbox = worker.node.inboxes[channel]
        worker.node.network.channels.use(channel, ANY, worker.number)
        inbox.first = first = First(self._clock, self._callbacks, worker, inbox)
        return first

    def each(self, worker: Worker, channel: Channel) -> FromEach:
        """For a message of each."""
        inbox = worker.node.inboxes[channel]
        worker.node.network.channels.use(channel, EACH, worker.number)
        inbox.each = each = FromEach(self._clock, self._callbacks, worker, inbox)
        return each


class Breaks:
    """All breakers of a run; `give_up(worker, began)` is called when a gradient is to be given up."""

    def __init__(self, clock: Clock, give_up: Callable[[Worker, float], None]) -> None:
        self._clock, self._give_up = clock, give_up
        self._when_told: list[Callable[[Any], None]] = [self._told]

    def prepare(self, worker: Worker, channel: Channel) -> Breaker | None:
        """Of a gradient that is about to be asked for; None when it is given up at once."""
        inbox = worker.node.inboxes[channel]
        if inbox.waiter is not None:
            raise one_reader(worker, channel)
        if inbox.breaker is None:
            worker.node.network.channels.use(channel, ANY, worker.number)
            inbox.breaker = Breaker(self._clock, self._when_told, worker, inbox)
        breaker: Breaker = inbox.breaker
        now = self._clock.moment.now
        if breaker.look() > now:
            breaker.began, breaker.at_once = now, 0
            return breaker
        breaker.at_once += 1
        if breaker.at_once > MOST_AT_ONCE:
            raise UserError(undrained(channel))
        return None

    def arm(self, breaker: Breaker) -> None:
        """The gradient is being computed now."""
        breaker.worker.breaker = breaker.inbox.waiter = breaker
        if breaker.at < math.inf:
            breaker.plan()

    def disarm(self, worker: Worker) -> None:
        """Its gradient is done, or nobody waits for it any more."""
        breaker = worker.breaker
        worker.breaker = breaker.inbox.waiter = None

    def _told(self, event: Breaker | Again) -> None:
        breaker: Any = event.waiting if isinstance(event, Again) else event
        if breaker.worker.paused is not None:
            breaker.worker.paused.append(partial(self._told, event))
            return
        breaker.planned -= 1
        inbox = breaker.inbox
        if inbox.waiter is breaker and event.wakes_at == breaker.at:
            self.disarm(breaker.worker)
            self._give_up(breaker.worker, breaker.began)
