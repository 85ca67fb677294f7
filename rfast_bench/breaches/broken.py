"""What is raised, in either world, when a method breaks a rule of the contract."""

from __future__ import annotations

from rfast_bench.breaches.lines import Line
from rfast_bench.breaches.rules import RULES, Rule
from rfast_bench.errors import UserError


class Broken(UserError):
    """A method broke a rule; `str(error)` gives the line, what was seen, the rule, a mend and the page."""

    exit_code = 1

    def __init__(self, rule: str, seen: str, line: Line | None = None) -> None:
        self.rule: Rule = RULES[rule]
        self.seen, self.line = seen, line
        super().__init__(told(self.rule, seen, line))

    @property
    def found(self) -> str:
        """The line and what was seen, without the rule."""
        return placed(self.seen, self.line)

    def __reduce__(self) -> tuple[type[Broken], tuple[str, str, Line | None]]:
        return type(self), (self.rule.name, self.seen, self.line)


def told(rule: Rule, seen: str, line: Line | None) -> str:
    """A break of a rule in a few sentences."""
    return f"{placed(seen, line)}. Rule `{rule.name}`: {rule.says} {rule.mend} ({rule.page})"


def placed(seen: str, line: Line | None) -> str:
    """What was seen, after its line, unless it names it."""
    return seen if line is None or str(line) in seen else f"{line}: {seen}"
