"""The worker's own optimiser under the simulated clock: filters a gradient and sets the step before it is handed over.

A schedule goes by what is done *before* the gradient that is handed over, as a schedule in a training loop does. What
all workers have done is known here exactly. The workers of a synchronous method change the step in the same round;
those of the others also when a message wakes them, for it may be another's gradient that they step with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rfast_bench.conditions.optimizer import GradientFilter, Number, Rounds, ScheduledStep, base_step
from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.problems import Problem
from rfast_bench.scenario.sections.optimizer import ScheduleSpec, Training
from rfast_bench.sim.driver import Driver
from rfast_bench.sim.worker import Worker

Positions = Callable[[Worker], float]
"""Where the run is for a worker: epochs, or seconds."""


class Optimizer:
    """One worker's: its filter, if it has one, and its scheduled step, if it has one."""

    __slots__ = ("_position", "_step", "filter", "follows")

    def __init__(
        self, filter: GradientFilter | None, step: ScheduledStep | None, position: Positions, follows: bool
    ) -> None:
        """`follows`: the schedule goes on between the worker's own gradients too."""
        self.filter, self._step, self._position, self.follows = filter, step, position, follows

    def wake(self, worker: Worker) -> None:
        """A message is about to be handed to the algorithm."""
        if self._step is not None and self.follows:
            self._step.put(worker.algorithm, self._position(worker))

    def __call__(self, worker: Worker, gradient: Any) -> Any:
        """What the algorithm gets for a gradient that is done."""
        if self._step is not None:
            self._step.put(worker.algorithm, self._position(worker))
        return gradient if self.filter is None else self.filter(gradient, worker.at)

    @property
    def memory(self) -> Any:
        """What a snapshot keeps: the momentum buffer, 0 where there is none."""
        return 0.0 if self.filter is None else self.filter.m

    def restore(self, memory: Any) -> None:
        """Go on with the buffer of a snapshot, or with 0."""
        if self.filter is not None:
            self.filter.m = memory


def equip(driver: Driver, training: Training, problem: Problem, seed: int) -> None:
    """Give every worker what the scenario says.

    Raises UserError for a schedule of an algorithm whose objects have no attribute step_size.
    """
    spec = training.schedule
    number = _number(problem)
    position = _positions(driver, spec, problem, seed)
    for worker in driver.workers:
        filter = None if training.optimizer is None else GradientFilter(training.optimizer, number)
        step = None if spec is None else ScheduledStep(spec, base_step(worker.algorithm), number)
        worker.optimizer = Optimizer(filter, step, position, not worker.algorithm.synchronous)


def _number(problem: Problem) -> Number:
    """As `world.number_of` has it, without keeping every value that a schedule ever had."""
    if not isinstance(problem.start, np.ndarray):
        return float
    return lambda value: np.array(value, problem.dtype)


# --------------------------------------------------------------------------------------------- positions
def _positions(driver: Driver, spec: ScheduleSpec | None, problem: Problem, seed: int) -> Positions:
    if spec is None:
        return lambda worker: 0.0
    moment, workers = driver.workers[0].node.moment, driver.workers
    if workers[0].algorithm.synchronous:
        if spec.by == "time":
            return _first_of_round(lambda: moment.now)
        rounds = _rounds(workers, problem, seed)
        return lambda worker: rounds.samples(worker.node.gradients) / problem.samples
    if spec.by == "time":
        return lambda worker: moment.now
    if spec.by == "own":
        return lambda worker: worker.samples * len(workers) / problem.samples
    return lambda worker: driver.samples / problem.samples


def _first_of_round(now: Callable[[], float]) -> Positions:
    """The time at which the first worker completed the same round."""
    begun: list[float] = []

    def position(worker: Worker) -> float:
        done = worker.node.gradients
        if done == len(begun):
            begun.append(now())
        return begun[done]

    return position


def _rounds(workers: Sequence[Worker], problem: Problem, seed: int) -> Rounds:
    def sizes(number: int) -> Callable[[], int]:
        batches = problem.sampler(number, stream(seed, "batches", number))
        return lambda: problem.size(number, next(batches))

    return Rounds([sizes(worker.number) for worker in workers])
