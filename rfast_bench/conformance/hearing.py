"""Messages that nobody can hear, and effects that nobody is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rfast_bench.breaches.lines import Line
from rfast_bench.conformance.hand.made import counted
from rfast_bench.conformance.trials import SIZES, Method, noise, rough, rounds

WRITES = {"post", "send", "tell"}


def heard(method: Method) -> None:
    """Over all that was tried so far: what is sent is read somewhere, and what is read is sent."""
    sent, read = dict[Any, Line | None](), dict[Any, Line | None]()
    for channels, timed in method.notes.worlds:
        for channel, ways in ((c, w) for c, w in channels.items() if c not in timed):
            _noted(sent, channel, {how: line for how, line in ways.items() if how in WRITES})
            _noted(read, channel, {how: line for how, line in ways.items() if how not in WRITES})
    deaf = {name: line for name, line in read.items() if name not in sent}
    lost = {name: line for name, line in sent.items() if name not in read}
    for name, line in (
        deaf.items() if lost else []
    ):  # what is read may belong to something that is switched off
        others = f"on {_named(lost)} messages are sent that nobody reads"
        method.notes.add("channels", f"channel {name!r} is read, and nobody sends on it; {others}", line)
    for name, line in lost.items() if not deaf else []:
        method.notes.add(
            "channels", f"what is sent on channel {name!r} is read by nobody", line, caution=True
        )


def _noted(known: dict[Any, Line | None], channel: Any, ways: Mapping[str, Line | None]) -> None:
    for line in ways.values():
        known.setdefault(_name(channel), line)


def _name(channel: Any) -> Any:
    """Of a channel with a number in it, such as ("model", 7), what it is called."""
    if isinstance(channel, tuple):
        return tuple(part for part in channel if isinstance(part, str)) or "a tuple of numbers"
    return channel if isinstance(channel, str) else f"a {type(channel).__name__}"


def _named(found: Mapping[Any, object]) -> str:
    return ", ".join(repr(name) for name in found)


def handed(method: Method) -> None:
    """Every line that makes effects has some of them awaited."""
    chosen = method.graph(SIZES[0])
    if chosen is None or method.notes.has("await"):
        return
    with counted(method.kind) as made:
        method.notes.made = made
        try:
            world = method.world(*chosen, np.zeros(2), noise(9))
            if world is not None:
                rough(world, 31, 200)
                rounds(world, 10)
        finally:
            method.notes.made = None
    for name, line in made.left():
        method.notes.add("await", f"effects {name} are made and never awaited", line)
