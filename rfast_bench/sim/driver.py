"""Drives the algorithms' coroutines under a SimPy clock: what each effect costs, and who is woken when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import simpy
from simpy.core import StopSimulation

from rfast_bench.api import Activity, Algorithm, AllReduceMean, Gradient, Receive, ReceiveAny
from rfast_bench.errors import UserError
from rfast_bench.liveness import Liveness
from rfast_bench.payload import size_of
from rfast_bench.problems import Problem
from rfast_bench.sim.gradients import LazyGradients, Request
from rfast_bench.sim.node import SimNode
from rfast_bench.sim.ring import Ring
from rfast_bench.timing import Pace


class Worker:
    """A node with its algorithm, its shard's mini-batches and its pace of work."""

    __slots__ = (
        "algorithm",
        "asked",
        "batches",
        "busy",
        "computing",
        "down",
        "intervals",
        "life",
        "liveness",
        "node",
        "pace",
        "samples",
        "until",
        "work",
    )

    def __init__(
        self, node: SimNode, algorithm: Algorithm, batches: Iterator[Any], work: Iterator[float], pace: Pace
    ) -> None:
        self.node = node
        self.algorithm = algorithm
        self.batches = batches
        self.work = work  # seconds of each gradient at full speed
        self.pace = pace
        self.asked = 0  # gradients asked for; one fewer is the number of completed iterations
        self.computing = False
        self.down = False
        self.life = 0  # how often it has died
        self.liveness: Liveness | None = None
        self.samples = 0
        self.busy = 0.0  # seconds of computing, up to `until`
        self.until = 0.0  # when the gradient being computed is done
        self.intervals: list[tuple[float, float]] = []


class Computing:
    """A coroutine that waits for its gradient; the value that a SimPy event carries."""

    __slots__ = ("activity", "life", "request", "worker")

    def __init__(self, activity: Activity, worker: Worker, request: Request) -> None:
        self.activity = activity
        self.worker = worker
        self.life = worker.life
        self.request = request


class Driver:
    """Runs all workers. `on_iteration` is called after each completed iteration of any worker.

    `budget` is the number of iterations per worker after which synchronous methods park; None is no budget.
    """

    def __init__(
        self,
        clock: simpy.Environment,
        problem: Problem,
        workers: Sequence[Worker],
        gradients: LazyGradients,
        on_iteration: Callable[[], None] | None = None,
        budget: int | None = None,
        timeline: float = 0.0,
    ) -> None:
        self.clock = clock
        self.workers = workers
        self.gradients_done = 0
        self.samples = 0
        self.iterations = 0  # completed, over all workers
        self.active = 0  # planned events: gradients under way, coroutines to wake
        self._problem = problem
        self._lazy = gradients
        self._on_iteration = on_iteration
        self._budget = math.inf if budget is None else budget
        self._timeline = timeline
        self._gathered: list[tuple[Activity, Worker, Any, float]] = []
        self._ring: Ring | None = None

    def start(self) -> None:
        """Start every activity of every worker at the present time, in the workers' order."""
        for worker in self.workers:
            self._start(worker)

    def _start(self, worker: Worker) -> None:
        for activity in worker.algorithm.activities(worker.node):
            self._advance(activity, worker, None)

    def kill(self, number: int) -> None:
        """A worker dies: its coroutines never go on, and what is on its way to it is lost."""
        worker = self.workers[number]
        if worker.computing:
            worker.busy -= worker.until - self.clock.now
            worker.until = self.clock.now
        worker.down, worker.computing = True, False
        worker.life += 1
        worker.node.forget()

    def revive(self, number: int, algorithm: Algorithm, liveness: Liveness | None) -> None:
        """It is started again with a state of its own choice, and knows nothing of the others."""
        worker = self.workers[number]
        worker.node.forget()
        worker.algorithm, worker.liveness, worker.down = algorithm, liveness, False
        self._start(worker)

    def stop(self) -> None:
        """End `clock.run()`; to be called from a SimPy callback or from `on_iteration`."""
        raise StopSimulation(None)

    def _advance(self, activity: Activity, worker: Worker, answer: Any) -> None:
        """Hand `answer` to a coroutine and carry on until it awaits something that takes time."""
        try:
            effect: Any = activity.send(answer)
            while True:
                kind = type(effect)
                if kind is Gradient:
                    return self._compute(activity, worker, effect)
                taken: Any
                if kind is Receive:
                    taken = self._receive(activity, worker, effect)
                elif kind is ReceiveAny:
                    taken = self._receive_any(activity, worker, effect)
                elif kind is AllReduceMean:
                    return self._gather(activity, worker, effect.value)
                else:
                    raise TypeError(f"{worker.algorithm} awaited {effect!r}, which is not an effect")
                if taken is None:
                    return None
                effect = activity.send(taken)
        except StopIteration:
            return None

    # ----------------------------------------------------------------------------------------- gradients
    def _compute(self, activity: Activity, worker: Worker, effect: Gradient) -> None:
        worker.asked += 1
        if worker.asked > 1:
            self.iterations += 1
            if self._on_iteration is not None:
                self._on_iteration()
            if worker.asked > self._budget:
                return
        if worker.computing:
            raise UserError(
                f"{type(worker.algorithm).__name__} asked for a gradient while another is outstanding"
            )
        worker.computing = True
        self.active += 1
        clock = self.clock
        request = Request(worker.node.id, effect.at, next(worker.batches))
        self._lazy.ask(request)
        now = clock.now
        worker.until = until = worker.pace.finish(now, next(worker.work))
        worker.busy += until - now
        if now < self._timeline:
            worker.intervals.append((now, until))
        done = clock.timeout(until - now, Computing(activity, worker, request))
        done.callbacks.append(self._computed)

    def _computed(self, event: simpy.Event) -> None:
        computing: Any = event.value  # a Computing
        worker, request = computing.worker, computing.request
        self.active -= 1
        if computing.life != worker.life:
            return  # it died meanwhile
        worker.computing = False
        gradient = self._lazy.value(request)
        samples = self._problem.size(request.worker, request.batch)
        worker.samples += samples
        worker.node.gradients += 1
        self.samples += samples
        self.gradients_done += 1
        if worker.liveness is not None:
            worker.liveness.look(self.clock.now)
        self._advance(computing.activity, worker, gradient)

    # ------------------------------------------------------------------------------------------ messages
    def _receive(self, activity: Activity, worker: Worker, effect: Receive) -> dict[int, Any] | None:
        inbox = worker.node.inboxes[effect.channel]
        senders = effect.senders

        def take() -> dict[int, Any]:
            messages = inbox.take_from_each(senders)
            now = self.clock.now
            return {sender: worker.node.read(message, now) for sender, message in messages.items()}

        if inbox.ready_from_each(senders) <= self.clock.now:
            return take()
        self._wait(activity, worker, effect.channel, lambda: inbox.ready_from_each(senders), take)
        return None

    def _receive_any(self, activity: Activity, worker: Worker, effect: ReceiveAny) -> tuple[int, Any] | None:
        inbox = worker.node.inboxes[effect.channel]

        def take() -> tuple[int, Any]:
            message = inbox.take_first()
            return message.sender.number, worker.node.read(message, self.clock.now)

        if inbox.ready_from_any() <= self.clock.now:
            return take()
        self._wait(activity, worker, effect.channel, inbox.ready_from_any, take)
        return None

    def _wait(
        self,
        activity: Activity,
        worker: Worker,
        channel: Any,
        ready: Callable[[], float],
        take: Callable[[], Any],
    ) -> None:
        """Wake the coroutine at `ready()`, which a later message may move forward."""
        inbox = worker.node.inboxes[channel]
        if inbox.on_put is not None:
            raise UserError(f"{type(worker.algorithm).__name__} waits twice at once on channel {channel!r}")
        planned = math.inf

        def plan() -> None:
            nonlocal planned
            at = ready()
            if at < planned:
                planned = at
                self._at(at, lambda: wake(at))

        def wake(at: float) -> None:
            if at != planned or inbox.on_put is not plan:
                return
            inbox.on_put = None
            self._advance(activity, worker, take())

        inbox.on_put = plan
        plan()

    def _at(self, time: float, action: Callable[[], None]) -> None:
        def act(_: simpy.Event) -> None:
            self.active -= 1
            action()

        self.active += 1
        self.clock.timeout(max(0.0, time - self.clock.now)).callbacks.append(act)

    # ---------------------------------------------------------------------------------------- all-reduce
    def _gather(self, activity: Activity, worker: Worker, value: Any) -> None:
        self._gathered.append((activity, worker, value, self.clock.now))
        if len(self._gathered) < len(self.workers):
            return
        gathered, self._gathered = sorted(self._gathered, key=lambda g: g[1].node.id), []
        mean = sum(value for _, _, value, _ in gathered[1:])
        mean = (gathered[0][2] + mean) / len(gathered)
        network = worker.node.network
        self._ring = self._ring or Ring(network)
        size = size_of(value)
        ready = np.array([time for _, _, _, time in gathered])
        finish = self._ring.finish(ready, size * network.scale, size / network.model_size)
        for (waiting, reducer, _, _), time in zip(gathered, finish.tolist(), strict=True):
            if time < math.inf:  # else over a link that is down
                self._at(time, partial(self._resume, waiting, reducer, reducer.life, mean))

    def _resume(self, activity: Activity, worker: Worker, life: int, answer: Any) -> None:
        if worker.life == life:
            self._advance(activity, worker, answer)
