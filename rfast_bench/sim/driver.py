"""Drives the algorithms' coroutines under a SimPy clock: what each effect costs, and who is woken when."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from numpy import ndarray
from simpy.core import StopSimulation

from rfast_bench.api import (
    Activity,
    Algorithm,
    AllReduceMean,
    Gradient,
    MeanGradient,
    Receive,
    ReceiveAny,
    Sent,
)
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.talk import EARLY
from rfast_bench.breaches.telling import begun
from rfast_bench.conditions.liveness import Liveness
from rfast_bench.problems import Problem
from rfast_bench.sim.all_reduce import AllReduce, Backward, Part
from rfast_bench.sim.clock import Clock, Due
from rfast_bench.sim.gradients import LazyGradients
from rfast_bench.sim.halts.refusals import one_gradient, one_reader
from rfast_bench.sim.waiting import Again, Breaks, Waiting, Waits
from rfast_bench.sim.worker import Done, Worker


class Driver:
    """Runs all workers. `on_iteration` is called after a completed iteration of any worker once one of the
    `alarm_` counts is reached: the caller sets them.

    `budget` is the number of iterations per worker after which synchronous methods park; None is no budget.
    """

    def __init__(
        self,
        clock: Clock,
        problem: Problem,
        workers: Sequence[Worker],
        gradients: LazyGradients,
        on_iteration: Callable[[], None] = lambda: None,
        budget: int | None = None,
        timeline: float = 0.0,
    ) -> None:
        self.clock = clock
        self.workers = workers
        self.samples = 0
        self.iterations = 0  # completed, over all workers
        self.alarm_iterations = self.alarm_samples = math.inf
        self.ended: list[tuple[Worker, Activity]] = []
        """Activities that are over, which none should be."""
        self._moment = clock.moment
        self._problem = problem
        self._lazy = gradients
        self._pending: dict[Any, None] = gradients.pending
        self._on_iteration = on_iteration
        self._budget = math.inf if budget is None else budget
        self._timeline = timeline
        self.all_reduce = AllReduce()
        self._breaks = Breaks(clock, self._give_up)
        self._when_done: list[Callable[[Any], None]] = [self._computed]
        self._waits = Waits(clock, [self._woken], self._advance)
        for worker in workers:
            worker.shard = problem.size(worker.number, None)
            worker.done = Done(self._when_done, worker)

    def start(self) -> None:
        """Start every activity of every worker now, in the workers' order."""
        for worker in self.workers:
            self._start(worker)

    def _start(self, worker: Worker) -> None:
        with begun(worker.algorithm, worker.node) as activities:
            for activity in activities:
                self._advance(activity, worker, None)

    def kill(self, number: int) -> None:
        """A worker dies: its coroutines end, and what is on its way to it is lost."""
        worker = self.workers[number]
        if worker.computing:
            self.cut_short(worker)
        worker.breaker, worker.down, worker.paused = None, True, None
        worker.life += 1
        worker.node.forget(self.clock.now)

    def revive(self, number: int, algorithm: Algorithm, liveness: Liveness | None, memory: Any = 0.0) -> None:
        """It is started again with a state of its own choice and its optimizer's `memory`, and knows of no others."""
        worker = self.workers[number]
        if worker.optimizer is not None:
            worker.optimizer.restore(memory)
        worker.node.forget(self.clock.now)
        worker.algorithm, worker.liveness, worker.down = algorithm, liveness, False
        self._start(worker)

    def stop(self) -> None:
        """End `clock.run()`; to be called from a SimPy callback or from `on_iteration`."""
        raise StopSimulation(None)

    def _advance(self, activity: Activity, worker: Worker, answer: Any) -> None:
        """Hand `answer` to a coroutine and carry on until it awaits something that takes time."""
        try:
            effect = activity.send(answer)
        except StopIteration:
            self.ended.append((worker, activity))
            return
        self._carry_out(activity, worker, effect)

    def _carry_out(self, activity: Activity, worker: Worker, effect: Any) -> None:
        """Begin what a coroutine awaits; hand over at once what is there already, and carry on."""
        try:
            while True:
                kind = type(effect)
                now = self._moment.now
                if kind is Gradient:
                    if self._begin(activity, worker, effect):
                        return None
                    effect = activity.send(None)
                    continue
                waiting: Waiting
                if kind is ReceiveAny:
                    inbox = worker.node.inboxes[effect.channel]
                    waiting = first = inbox.first or self._waits.first(worker, effect.channel)
                    ready = first.look()
                elif kind is Receive:
                    inbox = worker.node.inboxes[effect.channel]
                    waiting = each = inbox.each or self._waits.each(worker, effect.channel)
                    ready = each.look(effect.senders)
                elif kind is AllReduceMean:
                    return self._gather(activity, worker, effect.value)
                elif kind is MeanGradient:
                    backward: Any = Backward(activity, effect, now)
                    return self._compute(backward, worker, effect.at)
                elif kind is Backward:
                    return self._gather(effect.activity, worker, effect.value, effect)
                elif kind is Sent:
                    if (free_at := worker.node.free_at) > now:
                        return self._at(free_at, partial(self._resume, activity, worker, worker.life, None))
                    effect = activity.send(None)
                    continue
                else:
                    raise Broken("contract", f"{effect!r} is awaited, which is not an effect")
                if ready > now:
                    return self._wait(activity, waiting, effect, ready)
                effect = activity.send(waiting.take(now))
        except StopIteration:
            return self.ended.append((worker, activity))

    # ----------------------------------------------------------------------------------------- gradients
    def _compute(self, activity: Activity, worker: Worker, at: Any) -> None:
        worker.asked = asked = worker.asked + 1
        if asked > 1:
            self.iterations += 1
            if self.iterations >= self.alarm_iterations or self.samples >= self.alarm_samples:
                self._on_iteration()
            if asked > self._budget:
                return
        if worker.computing:
            raise one_gradient(worker)
        worker.activity, worker.at, worker.batch, worker.value = activity, at, next(worker.batches), None
        if asked < EARLY and type(at) is ndarray:
            at.setflags(write=False)
        self.work(worker, next(worker.work))

    def work(self, worker: Worker, work: float) -> None:
        """It computes its gradient, which takes so many seconds at full speed, from now on."""
        worker.computing = True
        self._pending[worker] = None
        now, slowdown = self._moment.now, worker.slowdown
        worker.until = until = now + work * slowdown.factor if slowdown.steady else slowdown.finish(now, work)
        delay = until - now
        worker.busy += delay
        if now < self._timeline:
            worker.intervals.append((now, until))
        self.clock.plan(worker.done, delay)

    def _computed(self, event: Done) -> None:
        worker = event.worker
        if event is not worker.done:
            return  # it died meanwhile, or was paused
        worker.computing = False
        if worker.breaker is not None:
            self._breaks.disarm(worker)
        gradient = worker.value
        if gradient is None:
            gradient = self._lazy.evaluate(worker)
        if worker.optimizer is not None:
            gradient = worker.optimizer(worker, gradient)
        samples = worker.shard if worker.batch is None else self._problem.size(worker.number, worker.batch)
        worker.samples += samples
        worker.node.gradients += 1
        self.samples += samples
        if worker.liveness is not None:
            worker.liveness.look(self._moment.now)
        activity = worker.activity
        try:
            effect = activity.send(gradient)
        except StopIteration:
            self.ended.append((worker, activity))
            return
        if type(effect) is Gradient and effect.unless is None:
            self._compute(activity, worker, effect.at)
        else:
            self._carry_out(activity, worker, effect)

    def _begin(self, activity: Activity, worker: Worker, effect: Gradient) -> bool:
        """Begin a gradient; False when it is given up at once."""
        if effect.unless is None:
            self._compute(activity, worker, effect.at)
            return True
        breaker = self._breaks.prepare(worker, effect.unless)
        if breaker is None:
            return False
        self._compute(activity, worker, effect.at)
        if worker.computing:  # else it has used up its budget
            self._breaks.arm(breaker)
        return True

    def _give_up(self, worker: Worker, began: float) -> None:
        self.cut_short(worker)
        worker.wasted += self._moment.now - began
        worker.asked -= 1
        self.iterations -= worker.asked > 0  # the one before it counts when the next gradient is asked for
        self._advance(worker.activity, worker, None)

    def cut_short(self, worker: Worker) -> None:
        """Stop what it computes."""
        worker.busy -= worker.until - self.clock.now
        worker.until = self.clock.now
        if worker.intervals and worker.intervals[-1][1] > worker.until:
            worker.intervals[-1] = worker.intervals[-1][0], worker.until
        worker.computing = False
        worker.done = Done(self._when_done, worker)  # the old one is still under way
        self._pending.pop(worker, None)

    # ------------------------------------------------------------------------------------------ messages
    def _wait(self, activity: Activity, waiting: Waiting, effect: Any, ready: float) -> None:
        inbox = waiting.inbox
        if inbox.waiter is not None:
            raise one_reader(waiting.worker, effect.channel)
        if effect.within is not None:
            waiting = self._waits.bounded(waiting, effect.within)
        inbox.waiter = waiting
        waiting.activity = activity
        if ready < math.inf:
            waiting.plan()

    def _woken(self, event: Waiting | Again) -> None:
        waiting = event.waiting if isinstance(event, Again) else event
        if waiting.worker.paused is not None:
            waiting.worker.paused.append(partial(self._woken, event))
            return
        waiting.planned -= 1
        now = self._moment.now
        inbox = waiting.inbox
        if inbox.waiter is not waiting or event.wakes_at != waiting.at:
            return
        inbox.waiter = None
        activity, worker = waiting.activity, waiting.worker
        if worker.optimizer is not None:
            worker.optimizer.wake(worker)
        try:
            effect = activity.send(waiting.take(now))
        except StopIteration:
            self.ended.append((worker, activity))
            return
        self._carry_out(activity, worker, effect)

    # ---------------------------------------------------------------------------------------- all-reduce
    def _gather(self, activity: Activity, worker: Worker, value: Any, backward: Any = None) -> None:
        if not worker.algorithm.collective:
            raise Broken("collective", f"{type(worker.algorithm).__name__} asks for a mean over all workers")
        part = Part(activity, worker, value, self._moment.now, backward)
        done = self.all_reduce.add(part, len(self.workers))
        if done is None:
            return
        parts, mean, finish = done
        for one, time in zip(parts, finish.tolist(), strict=True):
            if time < math.inf:  # else over a link that is down
                reducer = one.worker
                self._at(time, partial(self._resume, one.activity, reducer, reducer.life, mean))

    def _at(self, time: float, action: Callable[[], None]) -> None:
        self.clock.plan(Due([lambda _: action()]), max(0.0, time - self.clock.now))

    def _resume(self, activity: Activity, worker: Worker, life: int, answer: Any) -> None:
        if worker.paused is not None:
            worker.paused.append(partial(self._resume, activity, worker, life, answer))
        elif worker.life == life:
            self._advance(activity, worker, answer)
