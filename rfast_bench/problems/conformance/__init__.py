"""Whether a problem keeps the rules of `base.py`: each is tried, and what breaks one is told with a mend.

Every built-in problem passes. `check` is for a user's own; it costs some fifty gradients of whole shards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rfast_bench.problems.base import Problem
from rfast_bench.problems.conformance import batches, gradients
from rfast_bench.problems.conformance.trial import Finding
from rfast_bench.problems.plug_in import incomplete, raised
from rfast_bench.scenario.user_files.modules import MISTAKES

__all__ = ["Finding", "check"]

Rule = Callable[[Problem], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    *(gradients.start, gradients.shape, gradients.reading, gradients.derivative, gradients.order),
    *(gradients.together, batches.counted, gradients.pooled, batches.sampler, batches.covering),
    *(gradients.in_parts, gradients.forms, gradients.convexity, gradients.optimum),
)


def check(problem: Problem, again: Callable[[], Problem] | None = None) -> list[Finding]:
    """Every rule that `problem` breaks, in the order in which they are best mended; none when it keeps all.

    `again` builds the same problem once more, from the same arguments.
    """
    if seen := incomplete(problem):
        return [Finding("start", seen, "Set workers, dim, samples and start in __init__.")]
    found: list[Finding] = []
    for rule in RULES:
        found += _tried(rule.__name__, lambda rule=rule: rule(problem))  # type: ignore[misc]
        if found and rule is gradients.shape:
            break  # nothing else can be compared
    if again is not None and not found:
        found += _tried("same", lambda: gradients.same(problem, again()))
    return found


def _tried(name: str, rule: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(rule())
    except MISTAKES as wrong:
        if "read-only" in str(wrong):
            return [
                Finding("read-only", raised(wrong), "Arrays that come in are only read: write `x = x + g`.")
            ]
        return [Finding(name, f"it raised {raised(wrong)}", "See base.py for what the method is given.")]
