"""How long a gradient takes on a real process, and how late it was.

Emulated: the time drawn for it, by the streams of the simulated world; the worker computes a real gradient and
sleeps until that time is over. Measured: its true time; a straggler sleeps for what it is slower.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator

from rfast_bench.conditions.compute_times import slowdown_of
from rfast_bench.conditions.faults.pauses import Interrupted
from rfast_bench.conditions.faults.schedule import schedule
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.slowdown import Slowdown

Clock = Callable[[], float]
Sleep = Callable[[float], bool]
"""Sleeps for so many seconds; True when the run ended before they were over."""


class Compute(ABC):
    """One worker's compute times. All times are seconds of the run's clock."""

    def __init__(self, slowdown: Slowdown, clock: Clock, sleep: Sleep) -> None:
        self._slowdown = slowdown
        self._clock = clock
        self._sleep = sleep
        self.lateness = array("d")
        self.planned = array("d")
        self.work = array("d")  # what the gradient itself took
        self.began = 0.0  # when the gradient was asked for

    @abstractmethod
    def begin(self, now: float) -> None:
        """A gradient is asked for."""

    @abstractmethod
    def finish(self) -> None:
        """The gradient is computed: wait until its compute time is over."""

    @abstractmethod
    def ends(self) -> float:
        """When the compute time of a gradient that is there will be over."""

    @abstractmethod
    def until(self, left: float) -> None:
        """Wait until no more than the share `left` of the compute time is left, where that is known beforehand."""

    def _ended_before(self, deadline: float) -> bool:
        """Sleep until a time; True when the run ended before."""
        left = deadline - self._clock()
        return left > 0 and self._sleep(left)


class Emulated(Compute):
    """Real gradients that take drawn times."""

    def __init__(self, slowdown: Slowdown, clock: Clock, sleep: Sleep, work: Iterator[float]) -> None:
        super().__init__(slowdown, clock, sleep)
        self._work = work
        self._deadline = 0.0

    def begin(self, now: float) -> None:
        self.began = now
        self._deadline = self._slowdown.finish(now, next(self._work))

    def ends(self) -> float:
        return self._deadline

    def until(self, left: float) -> None:
        self._ended_before(self._deadline - left * (self._deadline - self.began))

    def finish(self) -> None:
        self.work.append(self._clock() - self.began)
        if self._ended_before(self._deadline):
            return
        self.lateness.append(self._clock() - self._deadline)
        self.planned.append(self._deadline - self.began)


class Measured(Compute):
    """True times; they are never late."""

    _slept = 0.0

    def begin(self, now: float) -> None:
        self.began, self._slept = now, 0.0

    def ends(self) -> float:
        return self._slowdown.finish(self.began, self._clock() - self.began - self._slept)

    def until(self, left: float) -> None:
        """Nothing is left: all of the gradient is there when it is asked for its first piece."""

    def keep_pace(self) -> float:
        """In the middle of a gradient: sleep for what this worker is slower. Gives the seconds it computed so far."""
        now = self._clock()
        worked = now - self.began - self._slept
        self._ended_before(self._slowdown.finish(self.began, worked))
        self._slept += self._clock() - now
        return worked

    def finish(self) -> None:
        self.work.append(self.keep_pace())


def compute_for(
    scenario: Scenario, worker: int, seed: int, clock: Clock, sleep: Sleep, work: Iterator[float]
) -> Compute:
    """The compute times of one worker of a scenario; `work`: seconds of each gradient at full speed, as drawn."""
    slowdown = slowdown_of(scenario, worker, seed)
    if scenario.real.compute == "measured":
        return Measured(slowdown, clock, sleep)
    if scenario.faults:
        slowdown = Interrupted(slowdown, schedule(scenario, seed), worker)
    return Emulated(slowdown, clock, sleep, work)
