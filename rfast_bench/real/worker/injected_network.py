"""Injected faults: which messages of a worker are lost and how long the others take, by the link draws and the
rules for the sender's own link that the simulated world has too (`rfast_bench.conditions.outgoing`).

The sender decides. A lost `post` never leaves; a delayed message carries the time until which its receiver
holds it back; a lost reliable message is late by its retransmissions.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

from rfast_bench.conditions.faults.links import FaultyLinks
from rfast_bench.conditions.links import link_draws
from rfast_bench.conditions.outgoing import Link, Outgoing, PostLane, SendLane
from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.scenario.sections.network import NetworkSpec

AT_ONCE = 0.0


class Faults(Outgoing):
    """What happens to the messages that one worker sends. Times are seconds of the run's clock."""

    __slots__ = ("_faulty", "_links", "_network", "_posts", "_sends", "_spoilt", "_streams", "_worker")

    def __init__(
        self,
        network: NetworkSpec,
        seed: int,
        worker: int,
        model_size: int,
        faulty: FaultyLinks | None = None,
    ) -> None:
        super().__init__(model_size, (network.message_bytes or model_size) / model_size)
        self._network = network
        self._streams = Streams(seed)
        self._worker = worker
        self._faulty = faulty or FaultyLinks((), 0)
        self._spoilt: dict[int, int] = {}
        self._links: dict[int, Link] = {}
        self._posts: dict[tuple[int, Hashable], PostLane] = {}
        self._sends: dict[tuple[int, Hashable], SendLane] = {}

    def post(self, to: int, channel: Hashable, size: int, now: float) -> float | None:
        """When a post of `size` bytes is due at its receiver; None when it is lost."""
        lane = self._posts.get((to, channel))
        if lane is None:
            lane = self._posts[to, channel] = PostLane(self, self._link(to))
        if lane.start > now:  # the last one still waits for the sender's link: this one takes its place
            self.superseded += 1
        else:
            lane.depart(size, now)
        return _due(lane.arrival, now)

    def send(self, to: int, channel: Hashable, size: int, now: float, reliable: bool) -> float | None:
        """When a sent message is due; None when it is lost for good."""
        lane = self._sends.get((to, channel))
        if lane is None:
            lane = self._sends[to, channel] = SendLane(self, self._link(to))
        return _due(lane.depart(size, now, reliable), now)

    def cut(self, to: int, now: float) -> bool:
        """Whether the link to a worker is down."""
        faults = self._link(to).faults
        return faults is not None and faults.down_until(now, now) > 0

    def spoilt(self, to: int) -> int:
        """How many messages to a worker were spoilt on the way since this was asked last."""
        faults = self._links[to].faults
        if faults is None:
            return 0
        before, self._spoilt[to] = self._spoilt.get(to, 0), faults.spoilt
        return faults.spoilt - before

    def again(self, to: int, now: float) -> float:
        """How much later a message to a worker comes once more, seconds; negative: it does not."""
        faults = self._links[to].faults
        return -1.0 if faults is None else faults.repeats(now)

    def _link(self, to: int) -> Link:
        found = self._links.get(to)
        if found is None:
            link = self._network.link(self._worker, to)
            draws = link_draws(self._network, link, self._streams, self._worker, to)
            found = self._links[to] = Link(
                draws,
                link.bandwidth,
                self._network.retransmit_timeout,
                self._faulty.of(self._worker, to),
            )
        return found


def _due(arrival: float, now: float) -> float | None:
    if arrival == math.inf:
        return None
    return arrival if arrival > now else AT_ONCE
