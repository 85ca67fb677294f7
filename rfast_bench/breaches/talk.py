"""Whom a worker may send to, and in which one way a channel is used: looked at when the first message goes that way."""

from __future__ import annotations

from collections.abc import Container, Hashable

from rfast_bench.breaches.broken import Broken

Channel = Hashable
POSTED, SENT, TOLD, EACH, ANY, NEWEST = (
    "posted to",
    "sent on",
    "told on",
    "taken with Receive",
    "taken in order of arrival",
    "read with newest",
)
"""What is done with a channel. In order of arrival: with ReceiveAny or drain, or as a gradient's `unless`."""
_CLASH = {
    POSTED: (SENT, TOLD, EACH, ANY),
    SENT: (POSTED, NEWEST),
    TOLD: (POSTED, EACH, NEWEST),
    EACH: (POSTED, TOLD, ANY, NEWEST),
    ANY: (POSTED, EACH, NEWEST),
    NEWEST: (SENT, TOLD, EACH, ANY),
}


EARLY = 100
"""Gradients of a worker until which the arrays that it hands over and has evaluated are made read-only. A mistake of
every round has shown by then; and a call for each message would cost a simulated run some 2 %."""


class Channels:
    """How every channel of a method has been used so far, by whomever: the rule is one of the channel."""

    def __init__(self) -> None:
        self._uses: dict[Channel, dict[str, int]] = {}

    def use(self, channel: Channel, how: str, worker: int) -> None:
        """Note a use. Raises Broken when it does not go with an earlier one."""
        known = self._uses.setdefault(channel, {})
        if how in known:
            return
        for other in _CLASH[how]:
            if other in known:
                seen = (
                    f"worker {worker}: channel {channel!r} is {how}, but was {other} by worker {known[other]}"
                )
                raise Broken("channels", seen)
        known[how] = worker


def check_receiver(worker: int, to: int, n: int, reachable: Container[int] | None) -> None:
    """Raises Broken for a message of `worker` to somebody whom it may not send to. `reachable`: its out-neighbours in
    the method's own graph; None: all others."""
    if to not in range(n):
        raise Broken(
            "neighbours", f"worker {worker} sends to worker {to!r}, and there are workers 0 to {n - 1}"
        )
    if to == worker:
        raise Broken("neighbours", f"worker {worker} sends to itself")
    if reachable is not None and to not in reachable:
        raise Broken("neighbours", f"worker {worker} sends to worker {to}, which is no out-neighbour of it")
