"""Around a simulated run: whatever comes out of a method's code is told with the line of its file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rfast_bench.breaches import telling
from rfast_bench.breaches.lines import is_own
from rfast_bench.breaches.unawaited import Dropped, check_effects
from rfast_bench.breaches.watchdog import Endless, Watchdog
from rfast_bench.scenario.user_files.modules import MISTAKES
from rfast_bench.sim.halts.seen import Seen, SeenDriver


@contextmanager
def guarded(driver: SeenDriver, checks: list[Callable[[], None]]) -> Iterator[None]:
    """Raises `Broken` or `Mistake` for what is the method's, a loop that awaits nothing too; anything else as it is.

    `checks`: who looks at the run calls them each time; they tell of coroutines that nobody awaited.
    """
    first = driver.workers[0]
    kind, size = type(first.algorithm), first.node.model_size

    def progress() -> tuple[float, int, int]:
        return driver.clock.moment.now, driver.iterations, driver.samples

    watchdog = Watchdog(kind, progress, round(size), threading.get_ident())
    try:
        if is_own(kind):
            check_effects(kind)
        dropped = Dropped(kind)
        checks.append(dropped.check)
        with watchdog, dropped.listening():
            yield
            dropped.check()
    except Endless as problem:
        raise watchdog.broken((_served(problem) or first).number) from problem
    except MISTAKES as problem:
        worker = _served(problem) or first
        at = telling.where(worker.node, worker.algorithm.needs)
        said = telling.explained(problem, type(worker.algorithm), at)
        if said is problem:
            raise
        raise said from problem


def _served(problem: BaseException) -> Seen | None:
    """The worker that was being served when it happened, as the innermost of the driver's frames has it."""
    found, trace = None, problem.__traceback__
    while trace is not None:
        held = trace.tb_frame.f_locals.get("worker")
        found = held if hasattr(held, "algorithm") else found
        trace = trace.tb_next
    return found
