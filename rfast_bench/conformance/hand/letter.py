"""A message in the hand-driven world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from rfast_bench.api import Channel


@dataclass(eq=False)
class Letter:
    """One message on its way; `stamp` is its place among all that were ever handed over."""

    sender: int
    to: int
    channel: Channel
    payload: Any
    stamp: int
    kind: Literal["post", "reliable", "datagram"]
    seal: Any = None
    """What the keeper remembers of the payload, to see whether it is still the same when it arrives."""

    @property
    def link(self) -> tuple[Any, ...]:
        return self.sender, self.to, self.channel
