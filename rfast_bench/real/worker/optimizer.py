"""The worker's own optimiser on a real process: filters a gradient and sets the step before it is handed over.

What all workers have done is not known to a worker. The process that looks at their reports adds them up and says so
through the store; a worker reads that at its own reports and goes on by the shared clock and the rate in between.
The workers of a synchronous method need none of that: they count rounds, and change the step in the same one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.conditions.optimizer import GradientFilter, Rounds, ScheduledStep, base_step
from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem
from rfast_bench.real.transport.store import Store
from rfast_bench.real.worker.driver import Driver
from rfast_bench.real.worker.stopping import COMMON

AHEAD = 1.0
"""Seconds that a worker goes on by the rate at most, when nobody says any more what all have done."""


def asks_all(run: Run) -> bool:
    """Whether its workers must be told what all of them have done."""
    schedule = run.training.schedule
    return schedule is not None and schedule.by == "common" and not run.algorithm_class.synchronous


class CommonSamples:
    """What all workers have done by now, as far as this one knows."""

    def __init__(self, store: Store, workers: int, own: Callable[[], int]) -> None:
        """`own`: samples of this worker. Until it is told anything it takes the others to be as fast."""
        self._store, self._workers, self._own = store, workers, own
        self._told: tuple[float, float, float] | None = None
        self._most = 0.0

    def read(self) -> None:
        """See whether there is news; called between gradients, outside of the driver's lock."""
        if self._store.check([COMMON]):
            samples, time, rate = map(float, self._store.get(COMMON).decode().split())
            self._told = (samples, time, rate) if rate > 0 else self._told  # not the reports of the start

    def at(self, now: float) -> float:
        """Samples of all at a time of the run's clock; never fewer than it said before."""
        if self._told is None:
            return float(self._own() * self._workers)
        samples, time, rate = self._told
        self._most = max(self._most, samples + rate * min(max(0.0, now - time), AHEAD))
        return self._most


class Optimizer:
    """One worker's. Used under the driver's lock."""

    def __init__(self, run: Run, problem: Problem, rank: int, store: Store, algorithm: Algorithm) -> None:
        optimizer, schedule = run.training.optimizer, run.training.schedule
        self.filter = None if optimizer is None else GradientFilter(optimizer)
        self.common: CommonSamples | None = None
        self.positions = array("d")
        """Where the run was at each gradient, as this worker saw it: epochs, or seconds."""
        self._step = None if schedule is None else ScheduledStep(schedule, base_step(algorithm))
        self._run, self._problem, self._rank, self._store = run, problem, rank, store
        self._algorithm = algorithm
        self._before = 0

    def join(self, driver: Driver) -> None:
        """Work for this driver from now on."""
        self._driver = driver
        self._position = self._positions()
        driver.optimizer = self

    def come_back(self) -> None:
        """Count on from what earlier lives of this worker have reported."""
        key = f"progress/{self._rank}"
        last = int(self._store.get(key).decode().split()[1]) if self._store.check([key]) else 0
        self._before = self._store.add(f"before/{self._rank}", last)

    def __call__(self, gradient: Any, at: Any, now: float) -> Any:
        """What the algorithm gets for a gradient at the point `at` that is done now."""
        if self._step is not None:
            position = self._position(now)
            self.positions.append(position)
            self._step.put(self._algorithm, position)
        return gradient if self.filter is None else self.filter(gradient, at)

    def wake(self, now: float) -> None:
        """A message is about to be handed to the algorithm, which may step with another's gradient in it."""
        if self._step is not None and not self._run.algorithm_class.synchronous:
            self._step.put(self._algorithm, self._position(now))

    # ------------------------------------------------------------------------------------- positions
    def _own(self) -> int:
        return self._before + self._driver.log.samples

    def _positions(self) -> Callable[[float], float]:
        schedule, problem = self._run.training.schedule, self._problem
        by, n = "" if schedule is None else schedule.by, problem.workers
        if self._run.algorithm_class.synchronous:
            return self._first_of_round if by == "time" else self._rounds()
        if by == "common":
            self.common = common = CommonSamples(self._store, n, self._own)
            return lambda now: common.at(now) / problem.samples
        return (lambda now: now) if by == "time" else lambda now: self._own() * n / problem.samples

    def _first_of_round(self, now: float) -> float:
        """The time at which the first worker completed the same round."""
        key = f"round/{self._driver.node.gradients}"
        return float(self._store.compare_set(key, "", repr(now)))

    def _rounds(self) -> Callable[[float], float]:
        epochs = epochs_by_rounds(self._run, self._problem)
        return lambda now: epochs(self._driver.node.gradients)


def epochs_by_rounds(run: Run, problem: Problem) -> Callable[[int], float]:
    """How many epochs all workers have done together after so many rounds; exact, for all batches are known."""

    def sizes(number: int) -> Callable[[], int]:
        batches = problem.sampler(number, stream(run.seed, "batches", number))
        return lambda: problem.size(number, next(batches))

    rounds = Rounds([sizes(number) for number in range(problem.workers)])
    return lambda done: rounds.samples(done) / problem.samples


def epochs_done(run: Run, problem: Problem, driver: Callable[[], Driver]) -> Callable[[], float]:
    """How many epochs all workers have done together, or, where nobody knows, would have done had they done what this
    one has. The `driver` is there by then."""
    if run.algorithm_class.synchronous:
        rounds = epochs_by_rounds(run, problem)
        return lambda: rounds(driver().node.gradients)
    return lambda: driver().log.samples * problem.workers / problem.samples
