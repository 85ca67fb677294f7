"""What a worker is given, and what its driver works with: its log, coroutines that wait, and threads that fail."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from rfast_bench.api import Activity, Channel, Gradient, Receive, ReceiveAny, Sent
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.talk import ANY, EACH
from rfast_bench.conditions.giving_up import MOST_AT_ONCE, undrained
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.real.worker.node import RealNode


@dataclass(frozen=True)
class Job:
    """What all workers of a run are given."""

    run: Run
    token: bytes
    """Eight bytes that name this run on the network."""
    folder: Path
    """Where the workers leave their results."""
    prefix: str = ""
    """Of this run's keys, in a store that other runs use too."""
    host: str = ""
    """The address to bind to, when it is not the one the scenario names."""
    secret: bytes = b""
    """What the workers know each other by; without one anybody may send."""


@dataclass
class Work:
    """What a worker works on, given from outside."""

    gradient: Callable[[Any, Any], Any]
    """(point, batch) to the worker's stochastic gradient."""
    batches: Iterator[Any]
    size: Callable[[Any], int]
    mean: Callable[[Any, Sequence[Callable[[], object]]], Any]
    """A vector to its mean over all workers; blocks. In as many pieces as there are waits, if any: each is sent when
    its wait is over."""
    wait_until: Callable[[float], object]
    """A time of the run's clock; sooner over when the run ends."""


class OwnOptimizer(Protocol):
    """What a worker does to its gradients and its step size before its algorithm goes on (`optimizer.py`)."""

    def __call__(self, gradient: Any, at: Any, now: float) -> Any: ...

    def wake(self, now: float) -> None: ...


@dataclass
class Waiting:
    """A coroutine that waits for mail: when it may go on, and with what."""

    activity: Activity
    ready: Callable[[], float]
    take: Callable[[float], Any]
    effect: Receive | ReceiveAny | None = None
    """What it waits for, if that is mail."""


def awaited(node: RealNode, activity: Activity, effect: Any, now: float) -> Waiting | None:
    """What a coroutine waits for that is not a matter of computing; None for what takes the engine."""
    kind = type(effect)
    if kind is Receive:
        return _bounded(_from_each(node, activity, effect), effect.within, now)
    if kind is ReceiveAny:
        return _bounded(_first(node, activity, effect), effect.within, now)
    if kind is Sent:
        free_at = node.faults.free_at
        return Waiting(activity, lambda: free_at, lambda now: None)
    if kind is Gradient and effect.unless is not None:
        return _given_up(node, activity, effect.unless, now)
    return None


def _bounded(waiting: Waiting, within: float | None, now: float) -> Waiting:
    """The same, which is over with None after `within` seconds if its mail is not all there."""
    if within is None:
        return waiting
    ready, take, end = waiting.ready, waiting.take, now + within

    def taken(now: float) -> Any:
        return take(now) if ready() <= now else None

    return Waiting(waiting.activity, lambda: min(ready(), end), taken, waiting.effect)


def _given_up(node: RealNode, activity: Activity, unless: Channel, now: float) -> Waiting | None:
    """A gradient that is answered by None at once, if it is. Raises UserError when what it is given up for stays."""
    node.channels.use(unless, ANY, node.id)
    inbox = node.inboxes[unless]
    if inbox.ready_from_any() > now:
        return None
    inbox.ignored += 1
    if inbox.ignored > MOST_AT_ONCE:
        raise UserError(undrained(unless))
    return Waiting(activity, lambda: -math.inf, lambda now: None)


def _from_each(node: RealNode, activity: Activity, effect: Receive) -> Waiting:
    node.channels.use(effect.channel, EACH, node.id)
    inbox, senders = node.inboxes[effect.channel], effect.senders

    def take(now: float) -> Any:
        return {j: node.read(m, now) for j, m in inbox.take_from_each(senders).items()}

    return Waiting(activity, lambda: inbox.ready_from_each(senders), take, effect)


def _first(node: RealNode, activity: Activity, effect: ReceiveAny) -> Waiting:
    node.channels.use(effect.channel, ANY, node.id)
    inbox = node.inboxes[effect.channel]

    def take(now: float) -> Any:
        message = inbox.take_first()
        return message.sender, node.read(message, now)

    return Waiting(activity, inbox.ready_from_any, take, effect)


class Log:
    """When gradients were asked for and done, in seconds of the run's clock."""

    def __init__(self) -> None:
        self.asked, self.done = array("d"), array("d")
        self.wasted_from, self.wasted_to = array("d"), array("d")  # gradients that were given up
        self.parked = math.nan  # when the budget was used up
        self.samples = 0
        self.ended: list[Activity] = []
        """Activities that are over, which none should be."""

    @property
    def gradients(self) -> dict[str, array[float]]:
        """All of it, by the names that the results have."""
        given_up = {"wasted_from": self.wasted_from, "wasted_to": self.wasted_to}
        return {"asked": self.asked, "done": self.done, **given_up}

    def ask(self, worker: int, now: float) -> None:
        """A gradient is asked for. Raises Broken while another is outstanding."""
        if self.parked != self.parked and len(self.asked) > len(self.done):
            raise Broken("one-gradient", f"worker {worker} asked for a gradient while another is outstanding")
        self.asked.append(now)

    def give_up(self, now: float) -> None:
        """The gradient that was asked for last will not be done."""
        self.wasted_from.append(self.asked.pop())
        self.wasted_to.append(now)


class Reporting:
    """Around the body of a thread: tells what it raises."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed

    def __enter__(self) -> None:
        sys.set_coroutine_origin_tracking_depth(1)  # of this thread; see `breaches.unawaited`

    def __exit__(self, kind: Any, problem: BaseException | None, trace: Any) -> Literal[True]:
        if problem is not None:
            self._failed(problem)
        return True
