"""SimPy's clock with a shorter way from one event to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import simpy
from simpy.core import StopSimulation
from simpy.events import NORMAL

from rfast_bench.sim.network.now import Moment


class Due:
    """Something that is due at a time that is known, and may be again once it has happened: as much of a SimPy event
    as the clock needs. It calls `callbacks`, which such events may share."""

    __slots__ = ("callbacks",)

    def __init__(self, callbacks: Sequence[Callable[[Any], None]]) -> None:
        self.callbacks = callbacks


class Clock(simpy.Environment):
    """Runs until nothing is left to do or somebody raises `StopSimulation`, and is not taken up again after that.

    It does what SimPy's `run()` does with each event, without a call of `step()` for each. Events here never fail,
    and whether one has happened is not asked of it afterwards.
    """

    def __init__(self, moment: Moment | None = None) -> None:
        """`moment` is kept at the time of the event that happens."""
        super().__init__()
        self.moment = moment or Moment()

    def plan(self, event: Due, delay: float) -> None:
        """Let it happen in `delay` seconds."""
        heappush(self._queue, (self._now + delay, NORMAL, next(self._eid), event))  # type: ignore[misc]

    @property
    def pending(self) -> int:
        """How many events are still to happen."""
        return len(self._queue)

    def run(self, until: object = None) -> None:
        """Process event after event. Raises ValueError for an `until`: stop rules are events here."""
        if until is not None:
            raise ValueError(f"this clock has no end of its own, but got until={until!r}")
        queue, moment = self._queue, self.moment
        try:
            while queue:
                now, _, _, event = heappop(queue)
                self._now = moment.now = now
                for callback in event.callbacks:
                    callback(event)
        except StopSimulation:
            return
