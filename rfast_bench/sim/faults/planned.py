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
from rfast_bench.sim.faults.patience import Patience
from rfast_bench.sim.faults.pauses import Pauses
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
