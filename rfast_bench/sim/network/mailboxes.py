"""Letter boxes under the simulated clock.

A message's arrival is known when it is handed over (`rfast_bench.conditions.outgoing`). So a `post` needs no event: the
mailbox looks at the clock when it is read. A `send` needs one only for a receiver that waits.
"""

from __future__ import annotations

import math
from collections import deque
from heapq import heapify, heappush
from itertools import count
from typing import Any, Final, Protocol

from rfast_bench.conditions.faults.links import LinkFaults
from rfast_bench.conditions.outgoing import Link, Outgoing, PostLane, SendLane


class Sender(Outgoing):
    """Whoever a message is from: the number of a worker, and how many gradients it has done."""

    __slots__ = ("gradients", "number")

    number: int
    gradients: int


Message = tuple[float, int, Sender, Any, float, int]
"""A payload on its way: a bare tuple, for there are two of them in every iteration. Its arrival, its order among
messages that arrive together, its sender, the payload, when the algorithm handed it over, and how many gradients
the sender had done by then."""
ARRIVAL: Final = 0
SENDER: Final = 2
PAYLOAD: Final = 3
COUNT: Final = 5


ORDER: Final = count()
"""Of all that is sent: of two messages that arrive together, the one handed over first comes first."""


class Waiter(Protocol):
    """Somebody who waits for what is sent on a channel."""

    planned: int
    """How many events are under way that may wake it."""

    def told(self, message: Message) -> None:
        """A message has been handed to the network."""


class Mailbox(PostLane):
    """One edge and channel of posts: the newest wins, whatever is lost, late or overtaken."""

    __slots__ = ("copied", "current", "flying", "repeating", "sender")

    def __init__(self, sender: Sender, link: Link) -> None:
        super().__init__(sender, link)
        self.sender = sender
        self.flying: list[Message] = []  # few; ascending in arrival and in age
        self.repeating = link.faults is not None and link.faults.repeating
        self.copied = False  # the last post comes twice
        self.current: Message | None = None

    def post(self, payload: Any, size: int, now: float) -> None:
        """Hand over a payload of `size` bytes."""
        flying, sender = self.flying, self.sender
        if self.start > now:  # the last one still waits for the sender's link: this one takes its place
            sender.superseded += 1
            if self.arrival < math.inf:
                again = flying.pop()[ARRIVAL] if self.copied else math.inf
                flying[-1] = (self.arrival, 0, sender, payload, now, sender.gradients)
                if self.copied:
                    flying.append((again, *flying[-1][1:]))
            return
        arrival = self.depart(size, now)
        if arrival < math.inf:
            while flying and flying[-1][0] >= arrival:
                flying.pop()  # it would come after a newer one, and be dropped
                sender.superseded += 1
            flying.append((arrival, 0, sender, payload, now, sender.gradients))
        if self.repeating:
            self._copy()

    def _copy(self) -> None:
        """Perhaps the last post comes once more, later; whoever has read it or a newer one by then takes no notice."""
        later = self.link.faults.repeats(self.start) if self.link.faults is not None else -1.0
        self.copied = later >= 0 and self.arrival < math.inf
        if self.copied:
            self.flying.append((self.arrival + later, *self.flying[-1][1:]))

    def newest(self, now: float) -> Message | None:
        """The newest message that has arrived by `now`."""
        flying = self.flying
        if flying and flying[0][0] <= now:
            self.current = flying.pop(0)
            while flying and flying[0][0] <= now:
                self.current = flying.pop(0)
                self.sender.superseded += 1
        return self.current

    def clear(self) -> None:
        """Lose what has come and what is under way."""
        self.current = None
        self.flying.clear()
        self.arrival, self.copied = math.inf, False


class Queue(SendLane):
    """One edge and channel of sends: in order, by retransmission when reliable."""

    __slots__ = ("inbox", "line", "sender")

    def __init__(self, sender: Sender, link: Link, inbox: Inbox) -> None:
        super().__init__(sender, link)
        self.sender = sender
        self.inbox = inbox
        self.line: deque[Message] | None = None  # of the inbox, if ever one is taken by sender

    def send(self, payload: Any, size: int, now: float, reliable: bool) -> None:
        """Hand over a payload; a lost one is sent again (`reliable`) or gone."""
        arrival = self.depart(size, now, reliable)
        if arrival < math.inf:
            self._put((arrival, next(ORDER), self.sender, payload, now, self.sender.gradients))
            if not reliable and self.link.faults is not None:
                self._copy(self.link.faults, payload, now)

    def _put(self, message: Message) -> None:
        inbox = self.inbox
        if inbox.heap is not None:
            heappush(inbox.heap, message)
        elif self.line is not None:
            self.line.append(message)
        else:
            self.line = inbox.queue_of(self.sender.number)
            self.line.append(message)
        if inbox.waiter is not None:
            inbox.waiter.told(message)

    def _copy(self, faults: LinkFaults, payload: Any, now: float) -> None:
        """A datagram may come twice, and is taken for two; of a reliable message the transport drops the second."""
        later = faults.repeats(now)
        if later >= 0:
            self.last_arrival = self.last_arrival + later
            self._put((self.last_arrival, next(ORDER), self.sender, payload, now, self.sender.gradients))


class Inbox:
    """What has been sent to one worker on one channel, taken either by sender or in order of arrival."""

    __slots__ = ("_by_sender", "breaker", "each", "first", "heap", "waiter")

    def __init__(self) -> None:
        self.each: Any = (
            None  # what waits here for a message of each (`waiting.FromEach`), if ever something did
        )
        self.first: Any = None  # for whatever comes first (`waiting.First`)
        self.breaker: Any = None  # a gradient, for anything to be given up for (`waiting.Breaker`)
        self._by_sender: dict[int, deque[Message]] = {}
        self.heap: list[Message] | None = None
        """What is there and under way, once it is taken in order of arrival."""
        self.waiter: Waiter | None = None

    def clear(self) -> None:
        """Lose everything, and whoever waits for it."""
        for queue in self._by_sender.values():
            queue.clear()
        self.heap = None
        self.waiter = self.each = self.first = self.breaker = None

    def tell(self, message: Message) -> None:
        """Take a message of the worker itself."""
        heappush(self.in_order(), message)
        if self.waiter is not None:
            self.waiter.told(message)

    def queue_of(self, sender: int) -> deque[Message]:
        """What one worker has sent, in order; always the same object."""
        found = self._by_sender.get(sender)
        if found is None:
            found = self._by_sender[sender] = deque()
        return found

    def in_order(self) -> list[Message]:
        """All of it as a heap, by arrival; from now on `heap` is that very list."""
        heap = self.heap
        if heap is None:
            heap = self.heap = [message for queue in self._by_sender.values() for message in queue]
            heapify(heap)
            for queue in self._by_sender.values():
                queue.clear()
        return heap
