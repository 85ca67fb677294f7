"""What a recorder keeps of each message (`rfast_bench.sim.recorder`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rfast_bench.api import Channel


@dataclass(eq=False, slots=True)
class Letter:
    """One message. Seconds of the run's clock; infinite is never."""

    sender: int
    to: int
    channel: Channel
    bytes: float
    """On the wire."""
    asked: float
    """When the algorithm handed it over."""
    leaves: float = math.inf
    """When the sender's link begins to send it."""
    arrival: float = math.inf
    tries: int = 1
    superseded: float = math.inf
    """When a newer one made it useless: took its place in the queue, overtook it, or came before it was read."""
    dropped: float = math.inf
    """When its receiver died, or was started again, with the message unread."""
    read: float = math.inf
    """For the first time."""
    staleness: int = 0
    """How many gradients old it was then."""

    @property
    def lost(self) -> bool:
        """Whether the network lost it for good."""
        return self.arrival == self.superseded == self.dropped == math.inf


@dataclass(slots=True)
class Stamped:
    """What travels in the place of a payload."""

    letter: Letter
    payload: Any
