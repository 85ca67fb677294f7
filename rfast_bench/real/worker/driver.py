"""Runs one worker's coroutines on a real process.

One lock is held while algorithm code runs. Two threads run it: the *engine* computes gradients and takes part in
collectives, both outside of the lock, and the *receiver* puts mail into its place and carries on with a coroutine
that waits for it, also while a gradient is being computed. What takes the engine is queued as a job.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from rfast_bench.api import Activity, Algorithm, AllReduceMean, Channel, Gradient, MeanGradient
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.telling import begun
from rfast_bench.conditions.liveness import Liveness
from rfast_bench.conditions.payload import size_of
from rfast_bench.real.halts.waits import check_reader
from rfast_bench.real.samples.sampler import Sampler
from rfast_bench.real.transport.message import Message
from rfast_bench.real.worker.activities import Log, OwnOptimizer, Reporting, Waiting, Work, awaited
from rfast_bench.real.worker.compute import Clock, Compute
from rfast_bench.real.worker.hops import Hops
from rfast_bench.real.worker.node import RealNode
from rfast_bench.real.worker.overlap import AtOnce, Overlap

Job = Callable[[], Callable[[float], None]]
"""Run by the engine outside of the lock; gives what to do under the lock, at the time it is told."""


class Driver:
    """One worker. `budget`: iterations after which it parks (synchronous methods); None is no budget."""

    def __init__(
        self,
        node: RealNode,
        algorithm: Algorithm,
        work: Work,
        compute: Compute,
        sampler: Sampler,
        clock: Clock,
        lock: threading.RLock,  # type: ignore[valid-type,unused-ignore]
        budget: int | None = None,
    ) -> None:
        self.node, self.algorithm, self.log = node, algorithm, Log()
        self.failure: BaseException | None = None
        self._work, self._compute, self._sampler, self._clock = work, compute, sampler, clock
        self._budget = math.inf if budget is None else budget
        self._lock = lock
        self._news = threading.Condition(lock)
        self._jobs: deque[Job] = deque()
        self.waiting: list[Waiting] = []
        self._closed = False
        self._alert = False  # the engine waits for mail too
        self.on_failure: Callable[[], None] = lambda: None
        self.liveness: Liveness | None = None
        self.hops: Hops
        """What the scenario's network makes of all-reduces; of a collective algorithm alone."""
        self.overlap: Overlap = AtOnce(work, compute, node.faults.scale, self._own_now)
        """How a gradient is summed while it is computed; of a collective algorithm alone."""
        self.optimizer: OwnOptimizer | None = None
        """(gradient, its point, now) to what the algorithm gets (`optimizer.py`)."""

    # ------------------------------------------------------------------------------------------- threads
    def start(self) -> None:
        """Run every activity up to the first thing that takes time."""
        with self._lock:
            self._sampler.before(self._clock())
            with begun(self.algorithm, self.node) as activities:
                for activity in activities:
                    self._advance(activity, None)

    def engine(self) -> None:
        """Gradients and collectives, until the end. The body of a thread."""
        np.seterr(all="ignore")  # a diverging run overflows on its way; it is recorded as diverged
        with Reporting(self.failed):
            while (job := self._next_job()) is not None:
                afterwards = job()
                with self._lock:
                    if not self._closed:
                        afterwards(self._clock())

    def receiver(self) -> None:
        """Mail, until the end. The body of a thread."""
        np.seterr(all="ignore")
        with Reporting(self.failed):
            while not self._closed:
                self.node.mail.receive(self._next_due())

    def deliver(self, message: Message) -> None:
        """Mail has come in; carries on with whoever waits for it."""
        with self._lock:
            if not self._closed:
                self.node.put(message)
                self._serve()

    def freeze(self, end: float) -> None:
        """No algorithm code runs after this; the model of `end` is kept as the last sample."""
        with self._lock:
            self._sampler.before(end)
            if not self._sampler.times or self._sampler.times[-1] < end:
                self._sampler.take(end)
            self._closed = True
            self._news.notify_all()
        self.node.mail.ring()

    def failed(self, problem: BaseException) -> None:
        """Have it raised by the process's own thread."""
        if not self._closed:  # errors after the end do not count
            self.failure = problem
            self.on_failure()

    def _next_job(self) -> Job | None:
        with self._lock:
            while not self._jobs and not self._closed:
                self._serve()
                if not self._jobs:
                    due = self._first_due()
                    self._news.wait(None if due == math.inf else max(0.0, due - self._clock()))
            return None if self._closed else self._jobs.popleft()

    def _next_due(self) -> float | None:
        """Seconds until a coroutine that waits may go on with mail that is held back; None: no such mail."""
        with self._lock:
            self._serve()
            due = self._first_due()
        return None if due == math.inf else due - self._clock()

    def _first_due(self) -> float:
        if not self.waiting:
            return math.inf
        return min(self.node.next_turn, *(waiting.ready() for waiting in self.waiting))

    # ---------------------------------------------------------------------------------- under the lock
    def _serve(self) -> None:
        """Carry on with every coroutine whose mail is there."""
        again = True
        while again:
            again = False
            now = self._clock()
            self.node.let_in(now)
            for waiting in self.waiting:
                if waiting.ready() <= now:
                    self.waiting.remove(waiting)
                    self._sampler.before(now)
                    if self.optimizer is not None:
                        self.optimizer.wake(now)
                    self._advance(waiting.activity, waiting.take(now))
                    again = True
                    break
        if self._alert:
            self._news.notify_all()

    def _advance(self, activity: Activity, answer: Any) -> None:
        """Hand `answer` to a coroutine and carry on until it awaits something that takes time."""
        try:
            effect: Any = activity.send(answer)
            while (waiting := self._awaited(activity, effect)) is not None:
                now = self._clock()
                if waiting.ready() > now:
                    return self._wait(waiting)
                self._sampler.before(now)
                effect = activity.send(waiting.take(now))
        except StopIteration:
            return self.log.ended.append(activity)
        if type(effect) is Gradient:
            self._ask(effect.at, partial(self._gradient, activity, effect.unless))
        elif type(effect) is MeanGradient:
            self._ask(effect.at, partial(self._mean_gradient, activity, effect))
        elif type(effect) is AllReduceMean:
            self._queue(partial(self._reduce, activity, effect.value, self._clock()))
        else:
            raise Broken("contract", f"{effect!r} is awaited, which is not an effect")
        return None

    def _awaited(self, activity: Activity, effect: Any) -> Waiting | None:
        now = self._clock()
        self.node.let_in(now)
        return awaited(self.node, activity, effect, now)

    def _wait(self, waiting: Waiting) -> None:
        check_reader(self.node, self.algorithm, waiting, self.waiting)
        self.waiting.append(waiting)
        if min(waiting.ready(), self.node.next_turn) < math.inf:
            self.node.mail.ring()  # the receiver must know until when

    def _queue(self, job: Job) -> None:
        self._jobs.append(job)
        self._news.notify()

    # ----------------------------------------------------------------------------------------- gradients
    def _ask(self, at: Any, work: Callable[[Any, Any], Callable[[float], None]]) -> None:
        """Begin a gradient: `work(at, batch)` is what the engine does for it."""
        now = self._clock()
        log = self.log
        log.ask(self.node.id, now)
        iterations = len(log.asked) - 1
        if iterations:
            self._sampler.iteration(now, iterations)
        if iterations >= self._budget:
            log.parked = now
            return
        batch = next(self._work.batches)
        self._compute.begin(now)
        self._queue(partial(work, at, batch))

    def _gradient(
        self, activity: Activity, unless: Channel | None, at: Any, batch: Any
    ) -> Callable[[float], None]:
        gradient = self._work.gradient(at, batch)
        if unless is not None and self._overtaken(unless):
            return partial(self._give_up, activity)
        self._compute.finish()

        def hand_over(now: float) -> None:
            self._sampler.before(now)
            answer = self._own(gradient, at, now)
            self._count(batch, now)
            self._advance(activity, answer)

        return hand_over

    def _overtaken(self, unless: Channel) -> bool:
        """Wait until a gradient's compute time is over; True, and at once, when anything comes on a channel."""
        end, inbox = self._compute.ends(), self.node.inboxes[unless]
        with self._lock:
            self._alert = True
            while not self._closed:
                now = self._clock()
                self.node.let_in(now)
                first = inbox.ready_from_any()
                if first <= now or now >= end:
                    break
                self._news.wait(min(first, end, self.node.next_turn) - now)
            self._alert = False
            return not self._closed and first <= min(now, end)

    def _give_up(self, activity: Activity, now: float) -> None:
        self._sampler.before(now)
        self.log.give_up(now)
        self._advance(activity, None)

    def _own(self, gradient: Any, at: Any, now: float) -> Any:
        """What the worker's own optimizer makes of a gradient."""
        return gradient if self.optimizer is None else self.optimizer(gradient, at, now)

    def _count(self, batch: Any, now: float) -> None:
        """A gradient is done."""
        self.log.done.append(now)
        self.log.samples += self._work.size(batch)
        self.node.gradients += 1
        if self.liveness is not None:
            self.liveness.look(now)

    def _own_now(self, gradient: Any, at: Any) -> Any:
        with self._lock:
            return self._own(gradient, at, self._clock())

    def _mean_gradient(
        self, activity: Activity, effect: MeanGradient, at: Any, batch: Any
    ) -> Callable[[float], None]:
        """A gradient whose pieces are summed over all workers at the moments at which a backward pass has them."""

        def done() -> float:
            with self._lock:
                now = self._clock()
                if not self._closed:
                    self._sampler.before(now)
                    self._count(batch, now)
                return now

        found = self.overlap(effect, at, batch, done)
        return self._brought(activity, found.mean, found.size, found.ready, found.weights)

    def _reduce(self, activity: Activity, value: Any, ready: float) -> Callable[[float], None]:
        mean = self._work.mean(value, ())
        return self._brought(activity, mean, size_of(value), [ready], [1])

    def _brought(
        self, activity: Activity, mean: Any, size: int, ready: Sequence[float], weights: Sequence[int]
    ) -> Callable[[float], None]:
        """Wait until the scenario's links have brought a mean; see `Hops.pass_around`."""
        self._work.wait_until(self.hops.pass_around(size, ready, weights))

        def hand_over(now: float) -> None:
            self._sampler.before(now)
            self._advance(activity, mean)

        return hand_over
