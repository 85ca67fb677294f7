"""What a trial of a method finds: every break of a rule once, at its line, with what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rfast_bench.conformance.hand.keeper import Keeper, frozen, no_payload
from rfast_bench.conformance.hand.letter import Letter
from rfast_bench.conformance.hand.values import Value, owned
from rfast_bench.conformance.source import EFFECTS, Source
from rfast_bench.contract.broken import Broken, told
from rfast_bench.contract.lines import Line, of_call, of_error
from rfast_bench.contract.rules import RULES, Rule

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

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.setting = ""
        self.findings: dict[tuple[str, Line | None], Finding] = {}
        self.world: Any = None
        self.usual = True  # on the graph that the class names, so that everything counts

    def __bool__(self) -> bool:
        """Whether anything is wrong; cautions are not."""
        return any(not f.caution for f in self.findings.values())

    @property
    def fatal(self) -> bool:
        return any(f.rule.name in FATAL and not f.caution for f in self.findings.values())

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

    def broken(self, rule: str, seen: str, line: Line | None = None) -> None:
        self.add(rule, seen, line or of_call(self.kind))

    def endless(self, seen: str) -> None:
        raise Broken("endless-loop", seen, self.headed(of_call(self.kind)))

    def headed(self, line: Line | None) -> Line | None:
        """The head of the loop that goes round without an await."""
        if line is None:
            return None
        return Line(line.file, Source.of_file(line.file).innermost_loop_without_await(line.number))

    def failed(self, worker: int, activity: int, problem: Exception) -> None:
        if isinstance(problem, Broken):
            self.add(problem.rule.name, problem.seen, problem.line)
            return
        line, said = of_error(problem, self.kind), f"{type(problem).__name__}: {problem}"
        where = f"on worker {worker} of {self.setting}"
        lonely = self._lonely(worker)
        if any(f"'{name}'" in str(problem) for name in EFFECTS) or "coroutine" in str(problem):
            double = "already" in str(problem)
            if double or not self.has("await"):  # else it is told already, where the effect was made
                self.add("one-reader" if double else "await", f"{said} {where}", line)
        elif "read-only" in str(problem):
            self.add("in-place", f"{said} {where}", line)
        elif lonely and isinstance(problem, LookupError | ArithmeticError | ValueError):
            self.add("any-graph", f"fails {where}, {lonely}: {said}", line)
        elif "Value" in str(problem):
            self.add("arithmetic", f"{said} {where}", line)
        else:
            self.add("exceptions", f"{said} {where}", line)

    def _lonely(self, worker: int) -> str:
        """Of a worker without somebody: which neighbours it lacks."""
        node = self.world.nodes[worker]
        if node.n == 1:
            return "which is alone"
        sides = {"in-neighbours in W": node.in_W, "out-neighbours in W": node.out_W}
        sides |= {"in-neighbours in A": node.in_A, "out-neighbours in A": node.out_A}
        lacking = [words for words, found in sides.items() if not found]
        return f"which has no {' and no '.join(lacking)}" if lacking else ""

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
