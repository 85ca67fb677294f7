"""What faults do to the chunks that go around a ring: the paused hold theirs back, links that are down delay some."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rfast_bench.conditions.faults.links import MOST_TRIES, FaultyLinks
from rfast_bench.scenario.faults.kinds import Fault, Pause
from rfast_bench.scenario.sections.timing import Draws


class RingFaults:
    """Those of the links i -> i+1. `stops`: whether paused workers are to be held back too, which real ones are."""

    def __init__(self, links: FaultyLinks, faults: Sequence[Fault], workers: int, stops: bool) -> None:
        own = {i: links.of(i, (i + 1) % workers) for i in range(workers)}
        self._links = {i: link for i, link in own.items() if link is not None}
        self._pauses = sorted((f.down, f.end, f.worker) for f in faults if stops and isinstance(f, Pause))

    def __bool__(self) -> bool:
        return bool(self._links or self._pauses)

    def hold(self, leaves: Draws) -> None:
        """Let the chunks of paused workers wait, in place. Shape (n,), seconds."""
        for down, up, worker in self._pauses:
            if down <= leaves[worker] < up:
                leaves[worker] = up

    def despite(
        self, sent: Draws, free: Draws, transmission: Draws, latency: Draws, pause: Draws
    ) -> NDArray[np.int64]:
        """How many tries more each link needs; `sent`, when its chunk arrives, and `free`, when it is free again, are
        changed in place. Shapes (n,), seconds. `pause`: from one try of a link to the next."""
        more = np.zeros(len(sent), np.int64)
        for i, link in self._links.items():
            flight = float(transmission[i] + latency[i])
            leaves = float(sent[i]) - flight
            while leaves < math.inf and more[i] < MOST_TRIES and link.loses(leaves, leaves + flight):
                leaves = link.again(leaves, flight, float(pause[i]))
                more[i] += 1
            sent[i] = leaves + flight if more[i] < MOST_TRIES else math.inf
            free[i] += more[i] * transmission[i]
        return more
