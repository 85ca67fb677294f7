"""Around a simulated run: whatever comes out of a method's code is told with the line of its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rfast_bench.contract import telling
from rfast_bench.sim.driver import Driver
from rfast_bench.sim.worker import Worker


@contextmanager
def guarded(driver: Driver) -> Iterator[None]:
    """Raises `Broken` or `Mistake` for what is the method's; anything else as it is."""
    try:
        yield
    except Exception as problem:
        worker, activity = _served(problem)
        worker = worker or driver.workers[0]
        algorithm = worker.algorithm
        at = telling.where(worker.node, algorithm.needs)
        said = telling.explained(problem, type(algorithm), at, activity)
        if said is problem:
            raise
        raise said from problem


def _served(problem: BaseException) -> tuple[Worker | None, Any]:
    """The worker that was being served when it happened, and its coroutine, as the innermost frames of ours have it."""
    worker: Worker | None = None
    activity: Any = None
    trace = problem.__traceback__
    while trace is not None:
        held = trace.tb_frame.f_locals
        if isinstance(held.get("worker"), Worker):
            worker = held["worker"]
        if hasattr(held.get("activity"), "cr_frame"):
            activity = held["activity"]
        trace = trace.tb_next
    return worker, activity
