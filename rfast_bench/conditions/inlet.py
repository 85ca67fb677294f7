"""A worker's inlet, shared by everybody who sends to it, in either world (`network.receive_bandwidth`).

Cut-through: a message's bytes pass the inlet while they still come in. Messages take their turns in the order in
which their *first* bytes come. Each claims bytes / receive bandwidth from when the inlet is free and its first byte is
there, and is there itself when that is over and its last byte has come. So a message that has the inlet to itself takes
the longer of both transmissions, never their sum. What is lost on the way never comes to it. Times are seconds of the
run's clock, sizes bytes on the wire.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Coming(NamedTuple, Generic[T]):
    """A message before the inlet."""

    first: float
    """When its first byte comes."""
    order: int
    """Of those that come together, who was announced first goes first."""
    last: float
    """When its last byte comes, seconds."""
    size: float
    what: T


class Inlet(Generic[T]):
    """One worker's. Nobody who is announced later comes before `first` of those that were let through."""

    __slots__ = ("_bandwidth", "_coming", "_count", "free_at")

    def __init__(self, bandwidth: float) -> None:
        """`bandwidth`: bytes per second, above 0."""
        self._bandwidth = bandwidth
        self._coming: list[Coming[T]] = []
        self._count = count()
        self.free_at = -math.inf  # when all that has had its turn has passed

    @property
    def next(self) -> float:
        """When the next first byte comes; infinite when nothing is on its way."""
        return self._coming[0].first if self._coming else math.inf

    def announce(self, first: float, last: float, size: float, what: T) -> None:
        """A message of `size` bytes is on its way."""
        heappush(self._coming, Coming(first, next(self._count), last, size, what))

    def turns(self, now: float) -> Iterator[Coming[T]]:
        """Whose first byte has come by `now`, in order. Whoever takes them lets each `through`, or finds it a place."""
        while self._coming and self._coming[0].first <= now:
            yield heappop(self._coming)

    def through(self, one: Coming[Any]) -> tuple[float, float]:
        """When a message begins to pass, and when all of it is there."""
        begins = max(self.free_at, one.first)
        self.free_at = begins + one.size / self._bandwidth
        return begins, max(one.last, self.free_at)

    def replace(self, waiting: T, by: T) -> bool:
        """Let another take the place of one that has not had its turn; whether it was there."""
        for k, one in enumerate(self._coming):
            if one.what is waiting:
                self._coming[k] = one._replace(what=by)
                return True
        return False

    def clear(self) -> None:
        """Lose all that is on its way, as a process that dies."""
        self._coming.clear()
        self.free_at = -math.inf


class PostPlace:
    """One edge and channel of posts before an inlet: at most one of them waits there. A newer one takes its place, as
    before the sender's link: so flow control would hold the sender up, who would then send the newest."""

    __slots__ = ("begins", "done", "newest", "what")

    def __init__(self) -> None:
        self.begins = self.done = -math.inf  # of the newest that has come
        self.newest: Any = None  # its stamp; newer ones have larger ones
        self.what: Any = None

    def enter(self, inlet: Inlet[Any], one: Coming[Any], stamp: Any) -> tuple[float, bool]:
        """When the post with this stamp is there, and whether it took the place of the one before it.

        One that comes after a newer one passes too, to no purpose.
        """
        if self.newest is not None and stamp < self.newest:
            return inlet.through(one)[1], False
        took = self.begins > one.first
        if took:
            self.done = max(self.done, one.last)
        else:
            self.begins, self.done = inlet.through(one)
        self.newest, self.what = stamp, one.what
        return self.done, took


class SendPlace:
    """One edge and channel of sends before an inlet: they are there in the order in which they were sent."""

    __slots__ = ("done", "first")

    def __init__(self) -> None:
        self.first = self.done = -math.inf  # of the last

    def follow(self, first: float) -> float:
        """When the first byte of the next message has its turn, that comes at `first`: not before an earlier one's."""
        self.first = max(self.first, first)
        return self.first

    def enter(self, inlet: Inlet[Any], one: Coming[Any]) -> float:
        """When it is there."""
        self.done = max(self.done, inlet.through(one)[1])
        return self.done
