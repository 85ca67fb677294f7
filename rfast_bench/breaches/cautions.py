"""What the records of a run say of a method that is no error, but hardly what its author wants."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rfast_bench.api import Algorithm
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import Line
from rfast_bench.breaches.waits import Ended, names

ENOUGH = 10
"""Gradients a worker, on average, before which nothing is said of who does nothing."""
STILL = 100
"""The same of a model that has not moved: some step only when many gradients have come together, over slow links."""


@dataclass(frozen=True)
class Facts:
    """Of a run that is over. `gradients`, `asked`: by worker; `shards`: their samples, 0 for who is not to compute."""

    gradients: Sequence[int]
    asked: Sequence[int]
    shards: Sequence[int]
    sent: int
    moved: bool
    """Whether any worker's model is another than it was at the start, or nothing pulled at it there."""
    ended: Sequence[Ended]


def cautions(kind: type[Algorithm], facts: Facts) -> list[dict[str, str]]:
    """Each as a few words for a table (`short`) and as the rule has it (`told`)."""
    return [{"short": short, "told": str(broken)} for short, broken in _found(kind, facts)]


def _found(kind: type[Algorithm], facts: Facts) -> Iterator[tuple[str, Broken]]:
    if facts.ended:
        workers = names([one.worker for one in facts.ended])
        seen = f"an activity of {workers} has ended, while others went on"
        yield f"an activity of {workers} ended", Broken("endings", seen, facts.ended[0].line)
    total, n = sum(facts.gradients), len(facts.gradients)
    if total < ENOUGH * n:
        return
    if not facts.moved and total >= STILL * n:
        seen = f"`model` has not changed in {total} gradients"
        yield f"its model never changed in {total} gradients", Broken("state", seen, _line(kind))
    if n > 1 and not facts.sent:
        seen = f"{n} workers have done {total} gradients, and nobody has sent anything"
        yield "nobody sent anything", Broken("silence", seen, _line(kind))
    idle = [k for k, asked in enumerate(facts.asked) if not asked and facts.shards[k]]
    if idle:
        samples = sum(facts.shards[k] for k in idle)
        seen = f"{names(idle)} never asked for a gradient, so nobody trained on {samples} samples"
        yield f"nobody trained on {samples} samples, of {names(idle)}", Broken("idle-data", seen, _line(kind))


def _line(kind: type[Algorithm]) -> Line | None:
    """Where the class begins."""
    try:
        return Line(inspect.getsourcefile(kind) or "", inspect.getsourcelines(kind)[1])
    except (OSError, TypeError):
        return None
