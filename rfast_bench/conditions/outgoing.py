"""What a worker's outgoing link makes of its messages, in either world: when each arrives, and what is lost.

A worker has one outgoing link: its messages leave one after another, each for bytes / bandwidth, then travel for
the latency drawn for them. A message's size and place in that queue are known when it is handed over, and so is
its arrival. Times are seconds of the run's clock.
"""

from __future__ import annotations

import math
from functools import lru_cache

from rfast_bench.conditions.faults.links import MOST_TRIES as MOST_TRIES
from rfast_bench.conditions.faults.links import LinkFaults
from rfast_bench.conditions.links import LinkDraws
from rfast_bench.conditions.payload import Size


class Outgoing:
    """One worker's outgoing link, with its counters. `scale`: bytes on the wire for each byte of an array."""

    __slots__ = ("bytes_sent", "down", "free_at", "lost", "model_size", "scale", "sent", "superseded")

    def __init__(self, model_size: float, scale: float = 1.0) -> None:
        self.model_size = model_size  # bytes of a model as the algorithms hold it
        self.scale = scale
        self.free_at = 0.0  # when all that is queued has been sent
        self.sent = self.lost = self.superseded = 0
        self.bytes_sent = 0.0
        self.down = False  # a reliable message was given up


class Link:
    """The way from one worker to another, common to all its channels."""

    __slots__ = ("bandwidth", "draws", "faults", "retransmit")

    def __init__(
        self,
        draws: LinkDraws,
        bandwidth: float,
        retransmit: float | None,
        faults: LinkFaults | None = None,
    ) -> None:
        self.draws = draws
        self.faults = faults
        self.bandwidth = bandwidth  # bytes per second, may be infinite
        self.retransmit = retransmit  # seconds; None is the kindest, a round trip and the transmission


class Lane:
    """One edge and channel. Successive payloads are mostly of one size, so what follows from it is kept."""

    __slots__ = ("bytes", "draws", "link", "models", "outgoing", "size", "transmission")

    def __init__(self, outgoing: Outgoing, link: Link) -> None:
        self.outgoing = outgoing
        self.link = link
        self.draws = link.draws
        self.size = -1  # of the last payload, in bytes

    def weigh(self, size: int) -> None:
        """Payloads are of `size` bytes from now on."""
        self.size = size
        beside = size.beside if type(size) is Size else 0
        outgoing = self.outgoing
        weights = weighed(size - beside, beside, outgoing.scale, outgoing.model_size, self.link.bandwidth)
        self.bytes, self.models, self.transmission = weights


@lru_cache(maxsize=1024)
def weighed(
    arrays: int, beside: int, scale: float, model_size: float, bandwidth: float
) -> tuple[float, float, float]:
    """Bytes on the wire, model sizes, and seconds of transmission. Thousands of lanes share these three objects,
    which therefore stay in the processor's cache."""
    size = arrays * scale + beside
    return size, (arrays + beside / scale) / model_size, size / bandwidth


class PostLane(Lane):
    """Best effort, newest wins: a lost post is gone, one that still waits for the link is replaced in place."""

    __slots__ = ("arrival", "start")

    def __init__(self, outgoing: Outgoing, link: Link) -> None:
        super().__init__(outgoing, link)
        self.start = (
            -math.inf
        )  # when the last post leaves the sender's queue: a newer one waits for it until then
        self.arrival = math.inf  # of the last post; infinite when it is lost

    def depart(self, size: int, now: float) -> float:
        """When a post of `size` bytes arrives, which is infinite when it is lost. Not while `start > now`."""
        if size != self.size:
            self.weigh(size)
        outgoing = self.outgoing
        free_at = outgoing.free_at
        self.start = start = now if free_at < now else free_at
        outgoing.free_at = done = start + self.transmission
        outgoing.sent += 1
        outgoing.bytes_sent += self.bytes
        latency, endurance = next(self.draws)
        faults = self.link.faults
        if self.models > endurance or (faults is not None and faults.loses(start, done + latency)):
            outgoing.lost += 1
            self.arrival = math.inf
        else:
            self.arrival = done + latency
        return self.arrival


class SendLane(Lane):
    """Queued, in order: a lost message is sent again when it is reliable, else gone."""

    __slots__ = ("last_arrival",)

    def __init__(self, outgoing: Outgoing, link: Link) -> None:
        super().__init__(outgoing, link)
        self.last_arrival = -math.inf

    def depart(self, size: int, now: float, reliable: bool) -> float:
        """When a message of `size` bytes arrives, never before an earlier one; infinite when it never does."""
        if size != self.size:
            self.weigh(size)
        outgoing = self.outgoing
        latency, endurance = next(self.draws)
        tries = 1
        if self.models > endurance:
            latency, tries = self._again(reliable)
        free_at, transmission = outgoing.free_at, self.transmission
        leaves = now if free_at < now else free_at
        outgoing.sent += tries
        outgoing.bytes_sent += tries * self.bytes
        outgoing.free_at = leaves + tries * transmission
        if tries > 1:
            leaves += (tries - 1) * self._pause(latency)
        arrival = leaves + transmission + latency
        faults = self.link.faults
        if faults is not None and arrival < math.inf:
            arrival = self._despite(faults, leaves, latency, reliable)
        if arrival < self.last_arrival:
            return self.last_arrival
        if arrival < math.inf:
            self.last_arrival = arrival
        return arrival

    def _despite(self, faults: LinkFaults, leaves: float, latency: float, reliable: bool) -> float:
        """When a message arrives that is first under way at `leaves`; it is sent again when it is reliable."""
        outgoing, flight, pause = self.outgoing, self.transmission + latency, self._pause(latency)
        for _ in range(MOST_TRIES):
            if not faults.loses(leaves, leaves + flight):
                return leaves + flight
            outgoing.lost += 1
            leaves = faults.again(leaves, flight, pause)
            if not reliable or leaves == math.inf:
                break
            outgoing.sent += 1
            outgoing.bytes_sent += self.bytes
            outgoing.free_at += self.transmission
        outgoing.down = outgoing.down or reliable
        return math.inf

    def _pause(self, latency: float) -> float:
        """Seconds from one try to the next."""
        least, pause = self.transmission, self.link.retransmit
        return 2 * latency + least if pause is None else max(pause, least)

    def _again(self, reliable: bool) -> tuple[float, int]:
        """The latency of the try that gets through, and how many were made; the first one is lost."""
        outgoing, draws, tries = self.outgoing, self.draws, 1
        outgoing.lost += 1
        while reliable and tries < MOST_TRIES:
            latency, endurance = next(draws)
            tries += 1
            if self.models <= endurance:
                return latency, tries
            outgoing.lost += 1
        outgoing.down = outgoing.down or reliable
        return math.inf, tries
