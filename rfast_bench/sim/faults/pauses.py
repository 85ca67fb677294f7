"""Workers that are stopped for a while: what they do is put off until they go on.

What a worker has handed over still leaves, and what comes to it is there when it goes on; its gradient takes up where
it was.
"""

from __future__ import annotations

from rfast_bench.sim.driver import Driver


class Pauses:
    """Of a driver's workers."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._left: dict[
            int, float
        ] = {}  # work of the gradient that a worker was stopped in, s at full speed

    def begin(self, number: int) -> None:
        """It does nothing more."""
        worker, now = self._driver.workers[number], self._driver.clock.now
        worker.paused = []
        self._left.pop(number, None)
        if worker.computing:
            self._left[number] = worker.slowdown.done(now, worker.until)
            self._driver.cut_short(worker)

    def end(self, number: int) -> None:
        """It goes on."""
        worker = self._driver.workers[number]
        late, worker.paused, worker.away = worker.paused or [], None, False
        if number in self._left:
            self._driver.work(worker, self._left.pop(number))
        for action in late:
            action()
