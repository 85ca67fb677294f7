"""SimPy's clock with a shorter way from one event to the next."""

from __future__ import annotations

from heapq import heappop

import simpy
from simpy.core import StopSimulation


class Clock(simpy.Environment):
    """Runs until nothing is left to do or somebody raises `StopSimulation`, and is not taken up again after that.

    It does what SimPy's `run()` does with each event, without a call of `step()` for each: events here never fail.
    """

    def run(self, until: object = None) -> None:
        """Process event after event. Raises ValueError for an `until`: stop rules are events here."""
        if until is not None:
            raise ValueError(f"this clock has no end of its own, but got until={until!r}")
        queue = self._queue
        try:
            while queue:
                self._now, _, _, event = heappop(queue)
                callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
                for callback in callbacks:
                    callback(event)
        except StopSimulation:
            return
