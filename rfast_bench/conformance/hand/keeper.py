"""What a hand-driven world does about values and about broken rules: raise at once, or note it and go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import Line, of_call
from rfast_bench.conformance.hand.letter import Letter


class Keeper:
    """Makes every array that passes read-only, and raises `Broken` for what it is told."""

    kind: type[Algorithm]

    def begins(self, world: Any) -> None:
        """A world is being built."""

    def broken(self, rule: str, seen: str, line: Line | None = None) -> None:
        """A rule is broken, by the call that is under way unless a line is given."""
        raise Broken(rule, seen, line or of_call(self.kind))

    def endless(self, seen: str) -> None:
        """A loop awaits nothing; there is no going on."""
        raise Broken("endless-loop", seen, of_call(self.kind))

    def awaited(self, effect: Any) -> None:
        """A world was given an effect."""

    def failed(self, worker: int, activity: int, problem: BaseException) -> None:
        """An activity raised something that is no rule's."""
        raise problem

    def ended(self, worker: int, activity: int, line: Line | None) -> None:
        """An activity has come to its end."""
        raise Broken("endings", f"an activity of worker {worker} has ended", line)

    def payload(self, value: Any) -> None:
        """Is it one?"""
        if wrong := no_payload(value):
            self.broken("payloads", f"the payload is {wrong}")

    def handed(self, value: Any, how: str) -> Any:
        """The same value, which others have from now on."""
        return frozen(value)

    def sealed(self, value: Any) -> Any:
        """What is remembered of a payload that is handed over."""
        return None

    def reading(self, node: Any, how: str, channel: Any, line: Line | None) -> None:
        """A coroutine waits on a channel in some way."""
        node.used(channel, how, line)

    def arrived(self, letter: Letter) -> None:
        """A letter is put into the letter box."""


def frozen(value: Any) -> Any:
    """The same value, its arrays no longer writable."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple):
        for part in value:
            frozen(part)
    return value


PLAIN = (int, float, str, np.number, np.bool_)


def no_payload(value: Any) -> str:
    """What a payload is, in words, if it is none; empty if it is one."""
    if value is None or isinstance(value, PLAIN):
        return ""
    if type(value) is tuple:
        wrong = next(filter(None, map(no_payload, value)), "")
        return wrong and f"a tuple with {wrong}"
    if isinstance(value, np.ndarray):
        return "" if value.dtype.kind in "fiub" else f"an array of {value.dtype}"
    if hasattr(value, "owners") or hasattr(value, "requires_grad"):  # a trial's value, a tensor
        return ""
    return f"{'an' if type(value).__name__[0] in 'aeiou' else 'a'} {type(value).__name__}"


def moved(before: Sequence[Any], now: Sequence[Any]) -> float:
    """The largest difference of two lists of vectors; infinite where one is not finite."""
    off = max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in zip(before, now, strict=True))
    return off if np.isfinite(off) else np.inf
