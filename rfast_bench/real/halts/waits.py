"""Coroutines of a real worker that wait for mail: two on one channel; and who waits for whom when nobody can go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rfast_bench.api import Activity, Algorithm, Receive, ReceiveAny
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.endings import of_ended
from rfast_bench.breaches.invariant import scale_of
from rfast_bench.breaches.lines import of_activity
from rfast_bench.breaches.waits import Ended, Wait, from_plain, stalled, to_plain


class Waiting(Protocol):
    """A coroutine that waits: until when, as far as is known, and for what, if that is mail."""

    activity: Activity
    effect: Receive | ReceiveAny | None

    @property
    def ready(self) -> Callable[[], float]: ...


LONG = 1.0
"""Seconds without a gradient of anybody, all of them waiting, after which a run that is over had come to a halt."""


def check_reader(node: Any, algorithm: Algorithm, waiting: Waiting, others: Sequence[Waiting]) -> None:
    """Raises Broken where another activity waits on the same channel."""
    if waiting.effect is None:
        return
    channel = waiting.effect.channel
    for other in others:
        if other.effect is not None and other.effect.channel == channel:
            by = of_activity(other.activity, type(algorithm))
            seen = f"worker {node.id} waits twice at once on channel {channel!r}, the other time at {by}"
            raise Broken("one-reader", seen)


def plain(driver: Any) -> dict[str, Any]:
    """What a worker does as its run ends, by its `Driver`. `halted`: nothing will make it go on of itself."""
    kind, node, log = type(driver.algorithm), driver.node, driver.log
    pending = any(waiting.ready() < math.inf for waiting in driver.waiting)
    computing = len(log.asked) > len(log.done) and math.isnan(log.parked)
    return {
        "waits": [to_plain(_wait(node, one, kind)) for one in driver.waiting if one.effect is not None],
        "ended": [to_plain(Ended(node.id, of_ended(activity))) for activity in log.ended],
        "halted": not (pending or computing) and node.next_turn == math.inf,
        "last": max([0.0, *log.done[-1:]]),
        "scale": scale_of(driver.algorithm),
    }


def _wait(node: Any, one: Waiting, kind: type) -> Wait:
    line = of_activity(one.activity, kind)
    if not isinstance(one.effect, Receive):
        assert one.effect is not None
        return Wait(node.id, f"ReceiveAny({one.effect.channel!r})", line)
    inbox, senders = node.inboxes[one.effect.channel], one.effect.senders
    missing = tuple(sorted(j for j in senders if inbox.ready_from_each([j]) == math.inf))
    whole = missing in (tuple(node.in_W), tuple(node.in_A))
    return Wait(node.id, f"Receive({one.effect.channel!r})", line, missing, whole)


def why(reports: Sequence[dict[str, Any]]) -> Broken | None:
    """The rule that the method broke, by what all workers left; None where no rule is known."""
    found = [from_plain(one) for report in reports for one in (*report["waits"], *report["ended"])]
    waits = [one for one in found if isinstance(one, Wait)]
    return stalled(waits, [one for one in found if isinstance(one, Ended)])


def had_halted(reports: Sequence[dict[str, Any]], end: float) -> bool:
    """Whether nobody could go on any more, well before the run was ended at `end` (s)."""
    return all(report["halted"] and end - report["last"] > LONG for report in reports)
