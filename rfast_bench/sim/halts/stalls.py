"""Nobody can go on under the simulated clock: who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.endings import of_ended
from rfast_bench.breaches.lines import of_activity
from rfast_bench.breaches.waits import Ended, Wait, stalled
from rfast_bench.sim.halts.seen import Seen, SeenDriver


def why(driver: SeenDriver) -> Broken | None:
    """The rule that the method broke; None where a worker is dead or paused, or a link is down, by the scenario; or
    where no rule is known."""
    if any(worker.life or worker.node.down or worker.paused is not None for worker in driver.workers):
        return None
    ended = [Ended(worker.number, of_ended(activity)) for worker, activity in driver.ended]
    return stalled([*_receiving(driver), *_meeting(driver)], ended)


def _receiving(driver: SeenDriver) -> Iterator[Wait]:
    for worker in driver.workers:
        for channel, inbox in worker.node.inboxes.items():
            waiter = inbox.waiter
            if waiter is not None and waiter is not worker.breaker:
                yield _wait(worker, channel, waiter)


def _wait(worker: Seen, channel: object, waiter: Any) -> Wait:
    line = of_activity(waiter.activity, type(worker.algorithm))
    if not hasattr(waiter, "queues"):
        return Wait(worker.number, f"ReceiveAny({channel!r})", line)
    missing = tuple(sorted(sender for sender, queue in waiter.queues if not queue))
    whole = missing in (tuple(worker.node.in_W), tuple(worker.node.in_A))
    return Wait(worker.number, f"Receive({channel!r})", line, missing, whole)


def _meeting(driver: SeenDriver) -> Iterator[Wait]:
    """Those whose part of a mean is there, while somebody's is not."""
    there = driver.all_reduce.parts
    absent = tuple(sorted({w.number for w in driver.workers} - {part.worker.number for part in there}))
    for part in there:
        effect = "AllReduceMean" if part.backward is None else "MeanGradient"
        line = of_activity(part.activity, type(part.worker.algorithm))
        yield Wait(part.worker.number, effect, line, absent)
