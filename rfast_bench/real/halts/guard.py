"""Around a worker's run: whatever comes out of the method's code, in any thread, is told with the line of its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rfast_bench.breaches import telling
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import is_own
from rfast_bench.breaches.unawaited import Dropped, check_effects
from rfast_bench.breaches.watchdog import Endless, Watchdog
from rfast_bench.scenario.user_files.modules import MISTAKES


@contextmanager
def guarded(driver: Any) -> Iterator[None]:
    """Raises `Broken` or `Mistake` for what is the method's, a loop that awaits nothing too; anything else as it is.

    `driver`: the worker's `Driver`.
    """
    kind, node = type(driver.algorithm), driver.node
    if driver.algorithm.needs != "nothing":
        node.reachable = frozenset({*node.out_W, *node.out_A})

    def progress() -> tuple[int, int, int]:
        return len(driver.log.asked), len(driver.log.done), len(driver.node.reads.time)

    watchdog = Watchdog(kind, progress, round(node.faults.model_size))
    at = telling.where(node, driver.algorithm.needs)
    try:
        if is_own(kind):
            check_effects(kind)
        with watchdog, Dropped(kind, driver.failed).listening():
            yield
    except (Endless, *MISTAKES) as problem:
        said = _said(problem, watchdog, kind, at)
        if said is problem:
            raise
        raise said from problem
    if watchdog.line is not None:  # the run was over before the thread that was stopped had told it
        raise watchdog.broken(node.id)


def _said(problem: BaseException, watchdog: Watchdog, kind: type, at: telling.Where) -> BaseException:
    if isinstance(problem, Endless):
        broken: Broken = watchdog.broken(at.worker)
        return broken
    return telling.explained(problem, kind, at)
