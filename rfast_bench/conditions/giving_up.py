"""Gradients that are given up before they begin, again and again: nobody takes what they are given up for."""

from __future__ import annotations

from rfast_bench.api import Channel

MOST_AT_ONCE = 1000
"""So often in a row, no time passing in between."""


def undrained(channel: Channel) -> str:
    """What is said of an algorithm that does so."""
    return (
        f"a gradient was given up {MOST_AT_ONCE} times in a row, and no time passed: what lies on channel {channel!r} "
        f"is never taken. Drain the channel before the next Gradient(..., unless={channel!r})"
    )
