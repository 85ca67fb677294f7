"""Links and letter boxes under the simulated clock.

A worker has one outgoing link: its messages leave one after another, each for bytes / bandwidth, then travel
for the latency drawn for them. Since a message's size and place in that queue are known when it is handed
over, so is its arrival: a `post` needs no event, the mailbox looks at the clock when it is read. A `send`
needs one only for a receiver that waits.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import Any

from rfast_bench.weather import Weather

MOST_TRIES = 1000
"""A reliable message lost so often is given up, and its receiver waits for ever: the link is down."""


class Message:
    """One payload on its way. Times in seconds of the simulated clock."""

    __slots__ = ("arrival", "asked", "count", "payload", "sender")

    def __init__(self, arrival: float, payload: Any, sender: Sender, asked: float) -> None:
        self.arrival = arrival
        self.payload = payload
        self.sender = sender
        self.asked = asked  # when the algorithm handed it over
        self.count = sender.gradients  # how many gradients the sender had done by then


class Sender:
    """A worker's sending side: its outgoing link and its counters (the driver's node is one)."""

    __slots__ = ("bytes_sent", "free_at", "gradients", "lost", "number", "sent", "superseded")

    def __init__(self, number: int) -> None:
        self.number = number
        self.gradients = 0
        self.free_at = 0.0  # when the outgoing link has sent all that is queued on it
        self.sent = self.lost = self.superseded = 0
        self.bytes_sent = 0.0


class Link:
    """The road from one worker to another."""

    __slots__ = ("bandwidth", "retransmit", "weather")

    def __init__(self, weather: Weather, bandwidth: float, retransmit: float | None) -> None:
        self.weather = weather
        self.bandwidth = bandwidth  # bytes per second, may be infinite
        self.retransmit = retransmit  # seconds; None is the kindest, a round trip and the transmission


class Mailbox:
    """One edge and channel of posts: the newest wins, whatever is lost, late or overtaken."""

    __slots__ = ("current", "flying", "link", "sender", "start", "waiting")

    def __init__(self, sender: Sender, link: Link) -> None:
        self.sender = sender
        self.link = link
        self.flying: deque[Message] = deque()  # ascending in arrival and in age
        self.current: Message | None = None
        self.start = -math.inf  # when the last post leaves the sender's queue
        self.waiting: Message | None = None  # the last post, unless it is lost

    def post(self, payload: Any, size: float, models: float, now: float) -> None:
        """Hand over a payload of `size` bytes, `models` times the model's size."""
        if self.start > now:
            self._replace(payload, now)
            return
        sender, link = self.sender, self.link
        self.start = start = now if sender.free_at < now else sender.free_at
        sender.free_at = done = start + size / link.bandwidth
        sender.sent += 1
        sender.bytes_sent += size
        latency, endurance = next(link.weather)
        if models > endurance:
            sender.lost += 1
            self.waiting = None
            return
        self.waiting = message = Message(done + latency, payload, sender, now)
        self._fly(message)

    def _replace(self, payload: Any, now: float) -> None:
        """The last post still waits for the sender's link: the newer one takes its place in the queue."""
        self.sender.superseded += 1
        if self.waiting is not None:
            self.waiting.payload = payload
            self.waiting.asked = now
            self.waiting.count = self.sender.gradients

    def _fly(self, message: Message) -> None:
        flying = self.flying
        while flying and flying[-1].arrival >= message.arrival:
            flying.pop()  # it would come after a newer one, and be dropped
            self.sender.superseded += 1
        flying.append(message)

    def newest(self, now: float) -> Message | None:
        """The newest message that has arrived by `now`."""
        flying = self.flying
        if flying and flying[0].arrival <= now:
            self.current = flying.popleft()
            while flying and flying[0].arrival <= now:
                self.current = flying.popleft()
                self.sender.superseded += 1
        return self.current


class Queue:
    """One edge and channel of sends: in order, by retransmission when reliable."""

    __slots__ = ("inbox", "last_arrival", "link", "sender")

    def __init__(self, sender: Sender, link: Link, inbox: Inbox) -> None:
        self.sender = sender
        self.link = link
        self.inbox = inbox
        self.last_arrival = -math.inf

    def send(self, payload: Any, size: float, models: float, now: float, reliable: bool) -> None:
        """Hand over a payload; a lost one is sent again (`reliable`) or gone."""
        sender, link = self.sender, self.link
        transmission = size / link.bandwidth
        leaves = now if sender.free_at < now else sender.free_at
        latency, tries = self._tries(models, reliable)
        sender.sent += tries
        sender.bytes_sent += tries * size
        sender.free_at = leaves + tries * transmission
        if latency is None:
            return
        pause = link.retransmit
        again = 2 * latency + transmission if pause is None else max(pause, transmission)
        arrival = leaves + (tries - 1) * again + transmission + latency
        self.last_arrival = arrival = max(arrival, self.last_arrival)
        self.inbox.put(Message(arrival, payload, sender, now))

    def _tries(self, models: float, reliable: bool) -> tuple[float | None, int]:
        """The latency of the try that gets through (None when none will), and how many were made."""
        weather = self.link.weather
        latency, endurance = next(weather)
        tries = 1
        while models > endurance:
            self.sender.lost += 1
            if not reliable or tries == MOST_TRIES:
                return None, tries
            latency, endurance = next(weather)
            tries += 1
        return latency, tries


class Inbox:
    """What has been sent to one worker on one channel, taken either by sender or in order of arrival."""

    __slots__ = ("_by_sender", "_heap", "_order", "on_put")

    def __init__(self) -> None:
        self._by_sender: dict[int, deque[Message]] = {}
        self._heap: list[tuple[float, int, Message]] | None = None  # once used in order of arrival
        self._order = 0
        self.on_put: Callable[[], None] | None = None  # called after each put while somebody waits

    def clear(self) -> None:
        """Lose everything, and whoever waits for it."""
        self._by_sender.clear()
        self._heap = None
        self.on_put = None

    def put(self, message: Message) -> None:
        """A message has been handed to the network; its arrival is known."""
        if self._heap is None:
            self._by_sender.setdefault(message.sender.number, deque()).append(message)
        else:
            self._push(message)
        if self.on_put is not None:
            self.on_put()

    def _push(self, message: Message) -> None:
        assert self._heap is not None
        self._order += 1
        heappush(self._heap, (message.arrival, self._order, message))

    def ready_from_each(self, senders: Iterable[int]) -> float:
        """When the next message of each of `senders` has arrived; infinite while one is not even sent."""
        latest = -math.inf
        for sender in senders:
            messages = self._by_sender.get(sender)
            if not messages:
                return math.inf
            latest = max(latest, messages[0].arrival)
        return latest

    def take_from_each(self, senders: Iterable[int]) -> dict[int, Message]:
        """The next message of each of `senders`, which must be there."""
        return {sender: self._by_sender[sender].popleft() for sender in senders}

    def ready_from_any(self) -> float:
        """When the first message arrives; infinite while there is none."""
        heap = self._in_order()
        return heap[0][0] if heap else math.inf

    def take_first(self) -> Message:
        """The message that arrives first, which must be there."""
        return heappop(self._in_order())[2]

    def _in_order(self) -> list[tuple[float, int, Message]]:
        if self._heap is None:
            messages = [m for queue in self._by_sender.values() for m in queue]
            self._heap = [(m.arrival, k, m) for k, m in enumerate(sorted(messages, key=_handed_over))]
            self._order = len(self._heap)
            heapify(self._heap)
            self._by_sender.clear()
        return self._heap


def _handed_over(message: Message) -> tuple[float, int]:
    return message.asked, message.sender.number
