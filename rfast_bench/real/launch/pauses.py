"""What the launcher does of a scenario's pauses, and how long it waits for a run that a fault holds up."""

from __future__ import annotations

import signal
from collections.abc import Callable

from rfast_bench.conditions.faults.schedule import schedule
from rfast_bench.plan.runs import Run
from rfast_bench.scenario.faults.kinds import LinkDown, Partition, Pause

Send = Callable[[int, int], object]
"""Sends a worker's process a signal, where there is one."""


class Pauses:
    """Workers are stopped by SIGSTOP, and go on by SIGCONT; at the run's end all do."""

    def __init__(self, run: Run) -> None:
        self._todo = [f for f in schedule(run.scenario, run.seed) if isinstance(f, Pause)]
        self._stopped: list[Pause] = []

    def carry_out(self, now: float, over: bool, send: Send) -> None:
        """Stop and let go on whose time it is, `now` seconds after the start."""
        for fault in [f for f in self._stopped if over or now >= f.end]:
            self._stopped.remove(fault)
            send(fault.worker, signal.SIGCONT)
        for fault in [f for f in self._todo if now >= f.down]:
            self._todo.remove(fault)
            if not over and now < fault.end:
                self._stopped.append(fault)
                send(fault.worker, signal.SIGSTOP)


class Patience:
    """After how many seconds without a gradient a run is stalled, at a time of its clock: `real.stall_timeout`, and
    `network.silence_timeout` while a fault that a method cannot answer has lasted for longer than that."""

    def __init__(self, run: Run) -> None:
        scenario = run.scenario
        self._long, self._short = scenario.real.stall_timeout, scenario.network.silence_timeout
        found = () if run.algorithm_class.elastic else schedule(scenario, run.seed)
        self._faults = [f for f in found if isinstance(f, Pause | LinkDown | Partition)]

    def __call__(self, now: float) -> float:
        if self._short is None or not any(f.on(now) and f.on(now - self._short) for f in self._faults):
            return self._long
        return min(self._long, self._short)
