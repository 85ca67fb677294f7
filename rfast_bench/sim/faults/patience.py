"""A method that waits for somebody who does not come is given up: when nobody has done a gradient for so long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rfast_bench.scenario.faults.kinds import Fault
from rfast_bench.sim.clock import Due
from rfast_bench.sim.driver import Driver


class Patience:
    """Looks at a run from `timeout` seconds after each fault's beginning on, until it is over. `stall` ends the run."""

    def __init__(
        self, faults: Sequence[Fault], timeout: float, driver: Driver, stall: Callable[[str], None]
    ) -> None:
        self._faults, self._timeout, self._driver, self._stall = faults, timeout, driver, stall
        for fault in faults:
            if fault.end > fault.down + timeout:
                self._look_at(fault, fault.down + timeout)

    def _look_at(self, fault: Fault, time: float) -> None:
        clock = self._driver.clock
        clock.plan(Due([lambda _: self._look(fault)]), max(0.0, time - clock.now))

    def _look(self, fault: Fault) -> None:
        now = self._driver.clock.now
        if now >= fault.end:
            return
        last = max(worker.until for worker in self._driver.workers)  # in the future while somebody computes
        if last + self._timeout > now:
            self._look_at(fault, last + self._timeout)
            return
        why = "; ".join(one.told for one in self._faults if one.on(now))
        self._stall(f"nobody has done a gradient since {last:.1f} s: {why}")
