"""Faults under the simulated clock: kills and pauses workers, takes snapshots, starts workers again; and has all keep
watch on each other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.conditions.liveness import Liveness
from rfast_bench.scenario.faults.kinds import Crash, Fault, LinkDown, Partition, Pause
from rfast_bench.sim.clock import Due
from rfast_bench.sim.driver import Driver
from rfast_bench.topology.membership import Membership


class Faults:
    """All faults of a run. `make` builds a new algorithm object; `stall` ends the run with a reason."""

    def __init__(
        self,
        faults: Sequence[Fault],
        membership: Membership,
        timeout: float,
        driver: Driver,
        make: Callable[[], Algorithm],
        stall: Callable[[str], None],
    ) -> None:
        self._driver = driver
        self._membership = membership
        self._timeout = timeout
        for worker in driver.workers:
            if worker.algorithm.elastic:  # the others have no use for a neighbourhood that changes
                worker.liveness = Liveness(membership, worker.node, timeout)
        self._make = make
        self._stall = stall
        self._pauses = Pauses(driver)
        for fault in faults:
            if isinstance(fault, Crash):
                self._plan(fault)
            elif isinstance(fault, Pause):
                self._plan_pause(fault)
        if not driver.workers[0].algorithm.elastic:
            waited = [fault for fault in faults if isinstance(fault, Pause | LinkDown | Partition)]
            Patience(waited, timeout, driver, stall)

    def _plan_pause(self, fault: Pause) -> None:
        worker = self._driver.workers[fault.worker]
        self._at(fault.down, lambda: self._pauses.begin(fault.worker))
        if fault.end > fault.down + self._timeout:
            self._at(fault.down + self._timeout, lambda: setattr(worker, "away", worker.paused is not None))
        if fault.up is not None:
            self._at(fault.up, lambda: self._pauses.end(fault.worker))

    def _plan(self, fault: Crash) -> None:
        elastic = self._driver.workers[fault.worker].algorithm.elastic
        snapshot: dict[str, Any] = {}
        if fault.state == "snapshot":
            self._at(fault.down - fault.snapshot_age, lambda: snapshot.update(self._snapshot(fault.worker)))
        self._at(fault.down, lambda: self._driver.kill(fault.worker))
        if not elastic:
            reason = fault.told
            self._at(fault.down + self._timeout, lambda: self._stall(reason))
        elif fault.up is not None:
            self._at(fault.up, lambda: self._revive(fault.worker, snapshot))

    def _at(self, time: float, action: Callable[[], None]) -> None:
        self._driver.clock.plan(Due([lambda _: action()]), time)

    def _revive(self, worker: int, snapshot: dict[str, Any]) -> None:
        node, now = self._driver.workers[worker].node, self._driver.clock.now
        node.see(self._membership.view(worker))
        liveness = Liveness(self._membership, node, self._timeout, now)
        memory = snapshot.get("optimizer", 0.0)
        self._driver.revive(worker, self._restored(snapshot.get("algorithm", {})), liveness, memory)

    def _snapshot(self, worker: int) -> dict[str, Any]:
        """What a checkpoint on disk would hold: arrays are never changed in place, so references do."""
        held = self._driver.workers[worker]
        algorithm = {name: copy.copy(value) for name, value in vars(held.algorithm).items()}
        return {"algorithm": algorithm, "optimizer": held.optimizer.memory if held.optimizer else 0.0}

    def _restored(self, state: dict[str, Any]) -> Algorithm:
        algorithm = self._make()
        vars(algorithm).update(state)
        return algorithm


class Pauses:
    """Workers that are stopped for a while: what they do is put off until they go on.

    What a worker has handed over still leaves, and what comes to it is there when it goes on; its gradient takes up
    where it was.
    """

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


class Patience:
    """A method that waits for somebody who does not come is given up, when nobody has done a gradient for so long.

    Looks at a run from `timeout` seconds after each fault's beginning on, until it is over. `stall` ends the run."""

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
