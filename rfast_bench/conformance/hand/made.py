"""Effects that a method makes and hands to nobody, wherever they went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rfast_bench.api import AllReduceMean, Gradient, MeanGradient, Receive, ReceiveAny
from rfast_bench.breaches.lines import Line, of_call

KINDS: tuple[Any, ...] = (Gradient, MeanGradient, Receive, ReceiveAny, AllReduceMean)
OFTEN = 3
"""Times that an effect must have been made at a line: one may be kept for later."""


class Made:
    """Counts effects by the line that makes them."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._open: dict[int, tuple[Any, Line | None]] = {}
        self._made: Counter[tuple[str, Line | None]] = Counter()
        self._awaited: set[Line | None] = set()

    def note(self, effect: Any) -> None:
        """One has been made by the call that is under way."""
        line = of_call(self._kind)
        self._open[id(effect)] = effect, line
        self._made[type(effect).__name__, line] += 1

    def awaited(self, effect: Any) -> None:
        """A world has been given it."""
        _, line = self._open.get(id(effect), (None, None))
        self._awaited.add(line)

    def left(self) -> Iterator[tuple[str, Line]]:
        """Those of lines none of whose effects was ever awaited: (name, line)."""
        for (name, line), count in self._made.items():
            if line is not None and count >= OFTEN and line not in self._awaited:
                yield name, line


@contextmanager
def counted(kind: type) -> Iterator[Made]:
    """Everything that is made of the contract's effects within the block."""
    made, first = Made(kind), {one: one.__init__ for one in KINDS}

    def noting(given: Any) -> Any:
        def init(self: Any, *args: Any, **named: Any) -> None:
            given(self, *args, **named)
            made.note(self)

        return init

    for one in KINDS:
        one.__init__ = noting(first[one])
    try:
        yield made
    finally:
        for one in KINDS:
            one.__init__ = first[one]
