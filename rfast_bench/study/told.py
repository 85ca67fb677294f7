"""What a command ends with when its runs are there, and a method of them broke a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rfast_bench.errors import UserError
from rfast_bench.records.reading import Run


class RulesBroken(UserError):
    """Methods broke rules of the contract, so that their numbers are none; the records are there."""

    exit_code = 1

    def __init__(self, runs: Sequence[Run], asked: int) -> None:
        said: dict[tuple[str, str], int] = {}
        for run in runs:
            said[run.label, run.broken] = said.get((run.label, run.broken), 0) + 1
        lines = "\n".join(
            f"  {label}{f' ({count} runs)' if count > 1 else ''}: {words}"
            for (label, words), count in said.items()
        )
        super().__init__(f"a rule of the contract is broken in {len(runs)} of {asked} runs.\n{lines}")


def caution(found: Sequence[Run], say: Callable[[str], object]) -> None:
    """Say each caution about a method once."""
    for label, told in dict.fromkeys((run.label, one["told"]) for run in found for one in run.cautions):
        say(f"Caution: {label}: {told}")


def check(found: Sequence[Run]) -> None:
    """Raises RulesBroken where a method broke a rule."""
    broken = [run for run in found if run.broken]
    if broken:
        raise RulesBroken(broken, len(found))
