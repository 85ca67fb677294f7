"""What has come in for one worker: mailboxes where the newest wins, and queues in the order of sending.

A message that is *due* later is held back until then: that is how latency is injected. Callers hold the
driver's lock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from rfast_bench.real.transport.message import Message


class Mailbox:
    """One edge and channel of posts: the newest by (incarnation, sequence), whatever was lost or late."""

    __slots__ = ("current", "held", "last", "superseded")

    def __init__(self) -> None:
        self.current: Message | None = None
        self.held: list[Message] = []
        self.last = (-1, -1)  # newest stamp seen at all
        self.superseded = 0

    def put(self, message: Message) -> None:
        """A message has come in; one that is older than what is already readable is dropped."""
        if self.current is not None and message.stamp <= self.current.stamp:
            self.superseded += 1
            return
        incarnation, sequence = message.stamp
        if incarnation == self.last[0] and sequence > self.last[1]:
            self.superseded += sequence - self.last[1] - 1  # conflated on the way
        self.last = max(self.last, message.stamp)
        self.held.append(message)

    def newest(self, now: float) -> Message | None:
        """The newest message that is due."""
        ripe = [m for m in self.held if m.due <= now]
        if ripe:
            self.current = newest = max(ripe, key=lambda m: m.stamp)
            left = [m for m in self.held if m.stamp > newest.stamp]
            self.superseded += len(self.held) - len(left) - 1
            self.held = left
        return self.current


class Inbox:
    """What has been sent to one worker on one channel, taken by sender or in order of coming in."""

    __slots__ = ("_by_sender", "_last", "ignored", "refused")

    def __init__(self) -> None:
        self._by_sender: dict[int, deque[Message]] = {}
        self._last: dict[int, tuple[int, int]] = {}
        self.refused = 0
        self.ignored = 0
        """How often a gradient was given up for what lies here, and it was left here."""

    def put(self, message: Message) -> None:
        """A message has come in; one that came before is refused."""
        if message.stamp <= self._last.get(message.sender, (-1, -1)):
            self.refused += 1
            return
        self._last[message.sender] = message.stamp
        self._by_sender.setdefault(message.sender, deque()).append(message)

    def ready_from_each(self, senders: Iterable[int]) -> float:
        """When the next message of each of `senders` is due; infinite while one has not come."""
        return max((self._due(sender) for sender in senders), default=-math.inf)

    def take_from_each(self, senders: Iterable[int]) -> dict[int, Message]:
        """The next message of each of `senders`, which must be there."""
        return {sender: self._by_sender[sender].popleft() for sender in senders}

    def ready_from_any(self) -> float:
        """When the first message is due; infinite while there is none."""
        return min(map(self._due, self._by_sender), default=math.inf)

    def take_first(self) -> Message:
        """The message that is due first, which must be there."""
        self.ignored = 0
        return self._by_sender[min(self._by_sender, key=self._due)].popleft()

    def _due(self, sender: int) -> float:
        messages = self._by_sender.get(sender)
        return messages[0].due if messages else math.inf
