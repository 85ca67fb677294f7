"""What a trial of a method finds: every break of a rule once, at its line, with what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.breaches.broken import Broken, told
from rfast_bench.breaches.endings import around
from rfast_bench.breaches.inherited import inherited
from rfast_bench.breaches.lines import Line, of_call, of_error
from rfast_bench.breaches.rules import RULES, Rule
from rfast_bench.breaches.telling import Where, explained, where
from rfast_bench.conformance.hand.keeper import Keeper, frozen, no_payload
from rfast_bench.conformance.hand.letter import Letter
from rfast_bench.conformance.hand.made import Made
from rfast_bench.conformance.hand.values import Value, owned

FATAL = {
    "finite",
    "endless-loop",
    "exceptions",
    "contract",
    "deadlock",
    "endings",
    "any-graph",
    "await",
    "one-reader",
}
"""After one of these a method cannot be tried any further."""


ASIDE = {"neighbours", "deadlock", "mass"}
"""What counts on a method's own graph alone: on another one it is a caution, for the method may not be meant for it."""


Used = tuple[Mapping[Any, Mapping[str, Line | None]], set[Any]]
"""How each channel of a world was used, and on which somebody waited for a while only."""


@dataclass(frozen=True)
class Finding:
    """A rule that a method breaks."""

    rule: Rule
    seen: str
    line: Line | None
    caution: bool = False
    """Not wrong in itself: it is told, and the check passes."""

    def __str__(self) -> str:
        return told(self.rule, self.seen, self.line)

    @property
    def plain(self) -> dict[str, Any]:
        """For programs."""
        where = (
            {"file": self.line.file, "line": self.line.number} if self.line else {"file": None, "line": None}
        )
        rule = {
            "rule": self.rule.name,
            "says": self.rule.says,
            "mend": self.rule.mend,
            "page": self.rule.page,
        }
        return {**where, **rule, "seen": self.seen, "caution": self.caution}


class Notes(Keeper):
    """Collects findings over many trials of one method. `setting` says where: `4 workers on ring`."""

    def __init__(self, kind: type[Algorithm]) -> None:
        self.kind = kind
        self.setting = ""
        self.findings: dict[tuple[str, Line | None], Finding] = {}
        self.world: Any = None
        self.usual = True  # on the graph that the class names, so that everything counts
        self.worlds: list[Used] = []  # how channels were used in each
        self.made: Made | None = None

    def __bool__(self) -> bool:
        """Whether anything is wrong; cautions are not."""
        return any(not f.caution for f in self.findings.values())

    @property
    def fatal(self) -> bool:
        wrong = [f for f in self.findings.values() if not f.caution]
        return any(f.rule.name in FATAL or "sleep" in f.seen for f in wrong)

    def has(self, *rules: str) -> bool:
        return any(rule in rules for rule, _ in self.findings)

    def add(self, rule: str, seen: str, line: Line | None = None, caution: bool = False) -> None:
        """Note it, once for each rule and line."""
        aside = caution or (rule in ASIDE and not self.usual)
        self.findings.setdefault((rule, line), Finding(RULES[rule], seen, line, aside))

    def note(self, rule: str, seen: str) -> None:
        """By a value, at the line that is at work."""
        self.add(rule, seen, of_call(self.kind))

    # ------------------------------------------------------------------------------- what a world reports
    def begins(self, world: Any) -> None:
        self.world = world
        self.worlds.append((world.channels, world.timed))

    def awaited(self, effect: Any) -> None:
        if self.made is not None:
            self.made.awaited(effect)

    def broken(self, rule: str, seen: str, line: Line | None = None) -> None:
        self.add(rule, seen, line or of_call(self.kind))

    def endless(self, seen: str) -> None:
        line = of_call(self.kind)
        raise Broken("endless-loop", seen, None if line is None else around(line))

    def failed(self, worker: int, activity: int, problem: BaseException) -> None:
        at = where(self.world.nodes[worker], self.kind.needs) if self.world.nodes[worker:] else Where(worker)
        told = explained(problem, self.kind, at)
        line, setting = of_error(problem, self.kind), f"with {self.setting}"
        if isinstance(told, Broken):
            if told.rule.name != "await" or not self.has(
                "await"
            ):  # else it is told already, where it was made
                self.add(told.rule.name, f"{told.seen}, {setting}", told.line)
        elif "Value" in str(problem):
            self.add("arithmetic", f"{type(problem).__name__}: {problem}, {setting}", line)
        else:
            line, hint = (line, "") if line is None else inherited(line, self.kind)
            line = line or (self.world.last if self.world is not None else None)
            self.add("exceptions", f"{type(problem).__name__}: {problem}, on {at}, {setting}{hint}", line)

    def unusable(self, problem: BaseException) -> None:
        """What a method gave could not be worked with; its own code has not failed."""
        line = of_error(problem, self.kind) or (self.world.last if self.world is not None else None)
        seen = f"a value of the method's cannot be used: {type(problem).__name__}: {problem}"
        self.add("exceptions", f"{seen}, with {self.setting}" if self.setting else seen, line)

    def ended(self, worker: int, activity: int, line: Line | None) -> None:
        self.add("endings", f"an activity of worker {worker} came to its end", line)

    def payload(self, value: Any) -> None:
        if wrong := no_payload(value):
            self.broken("payloads", f"the payload is {wrong}")

    def handed(self, value: Any, how: str) -> Any:
        return owned(frozen(value), how)

    def sealed(self, value: Any) -> Any:
        return _copied(value)

    def arrived(self, letter: Letter) -> None:
        if not _same(letter.seal, letter.payload):
            seen = f"what worker {letter.sender} handed over on channel {letter.channel!r} was another when it arrived"
            self.add("in-place", seen)


def _copied(value: Any) -> Any:
    if isinstance(value, Value):
        return value.array.copy()
    if isinstance(value, np.ndarray):
        return value.copy()
    return tuple(map(_copied, value)) if isinstance(value, tuple) else None


def _same(seal: Any, value: Any) -> bool:
    if seal is None:
        return True
    if isinstance(value, Value):
        return np.array_equal(seal, value.array, equal_nan=True)
    if isinstance(value, np.ndarray):
        return np.array_equal(seal, value, equal_nan=value.dtype.kind == "f")
    return all(map(_same, seal, value)) if isinstance(value, tuple) else True
