"""The ways between simulated workers, with their draws: opened when first used, seeded together where they can be."""

from __future__ import annotations

from collections.abc import Collection

from rfast_bench.conditions.faults.links import FaultyLinks
from rfast_bench.conditions.links import expect_draws, link_draws
from rfast_bench.conditions.outgoing import Link
from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.scenario.sections.network import NetworkSpec

MOST_EXPECTED = 2**18
"""Links that are seeded before the first message: where there are more, many may never be used."""
MOST_DISTANCES = 16
"""Distances at which all workers are expected to send once one of them does; a one-peer exponential graph of
65 536 workers has as many."""


class Links:
    """All that are open, by sender and receiver."""

    def __init__(self, spec: NetworkSpec, streams: Streams) -> None:
        self._spec = spec
        self._streams = streams
        self._common = spec.common
        self.faults = FaultyLinks((), 0)
        self._open: dict[tuple[int, int], Link] = {}
        self._workers = 0  # of a run whose topology does not say who sends to whom
        self._distances: set[int] = set()

    def expect(self, workers: int, links: Collection[tuple[int, int]]) -> None:
        """Messages will go over these links. Where there are none, the algorithm chooses the peers by itself: mostly
        all workers at the same distances."""
        if not links:
            self._workers = workers
        elif self._common is not None and len(links) <= MOST_EXPECTED:
            expect_draws(self._common, self._streams, sorted(links))

    def between(self, sender: int, receiver: int) -> Link:
        """The way from one worker to another; its draws is common to all channels and algorithms."""
        found = self._open.get((sender, receiver))
        if found is None:
            if self._workers:
                self._expect_distance(receiver - sender)
            link = self._common or self._spec.link(sender, receiver)
            draws = link_draws(self._spec, link, self._streams, sender, receiver)
            faults = self.faults.of(sender, receiver)
            found = Link(draws, link.bandwidth, self._spec.retransmit_timeout, faults)
            self._open[sender, receiver] = found
        return found

    def _expect_distance(self, distance: int) -> None:
        n, seen = self._workers, self._distances
        if self._common is not None and distance % n not in seen and len(seen) < MOST_DISTANCES:
            seen.add(distance % n)
            expect_draws(self._common, self._streams, [(i, (i + distance) % n) for i in range(n)])
