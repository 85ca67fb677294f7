"""Workers that are there and say nothing: stopped, or stuck. They are heard of by their reports in the store, ten a
second; one that is silent is waited for as long as the run can go on without it, and is killed after the run's end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.real.launch.deaths import Deaths
from rfast_bench.real.transport.store import Store

SILENT = 5.0
"""Seconds without a report after which a worker is silent, at least: a machine may be busy."""
LEAVE = 10.0
"""Seconds after the run's end in which every worker must have noticed it."""
BUSY = 40.0
"""The same for one that is seen to compute."""
GRACE = 60.0
"""Seconds that workers have after the end to write what they sampled."""
LOOK = 0.5
"""Seconds between looks."""


class Silence:
    """Who was last heard when. Times are seconds of the run's clock, which runs when this is made."""

    def __init__(self, run: Run, store: Store, deaths: Deaths) -> None:
        self._run, self._store, self._deaths = run, store, deaths
        self._reports: dict[int, bytes] = {}
        self._heard = dict.fromkeys(range(run.scenario.workers), 0.0)
        self._lives = {worker: deaths.lives(worker) for worker in self._heard}
        self._next = -math.inf
        self._looked, self._woke = time.monotonic(), -math.inf

    def look(self) -> None:
        """Hear whoever has reported, and end a run that cannot go on without one that is silent."""
        now = self._deaths.now
        self._notice(now)
        if now < self._next:
            return
        self._next = now + LOOK
        for worker in self._heard:
            self._hear(worker, now)
        if now < self._end and any(self._is_missed(worker, now) for worker in self._there):
            self._store.set("end", f"stalled {now!r}")

    @property
    def over(self) -> bool:
        """Whether the run has come to its end, and its workers leave."""
        return self._deaths.now >= self._end

    def _notice(self, now: float) -> None:
        """Whoever was stopped itself could hear nobody meanwhile, and begins to wait anew."""
        before, self._looked = self._looked, time.monotonic()
        if self._looked - before > SILENT:
            self._woke = now
            self._heard = dict.fromkeys(self._heard, now)

    def overdue(self, busy: Callable[[int], bool] = lambda worker: False) -> list[int]:
        """Whom nobody waits for any longer, now that the run is over; for those that are `busy`, as in a loop of their
        method's that they will end and tell by themselves, a while longer. Raises UserError where killing did not
        help."""
        over = self._deaths.now - max(self._end, self._woke)
        if over > GRACE + LEAVE:
            late = [worker for worker in self._there if not self._store.check([f"done/{worker}"])]
            name = f"{self._run.algorithm.label}, seed {self._run.seed}"
            raise UserError(f"{name}: workers {late} did not end within {GRACE + LEAVE:g} s of the run's end")
        if over <= LEAVE:
            return []
        self._deaths.over = True
        sign = "done" if over > GRACE else "leaving"
        late = [worker for worker in self._there if not self._store.check([f"{sign}/{worker}"])]
        return late if over > BUSY else [worker for worker in late if not busy(worker)]

    def told(self, worker: int) -> str:
        """Since when nobody has heard of a worker, or that it came to no end."""
        if self._store.check([f"leaving/{worker}"]):
            return f"it had not written its results {GRACE:g} s after the end"
        return f"silent since {self._heard[worker]:.1f} s"

    @property
    def _there(self) -> Collection[int]:
        return [worker for worker in self._heard if worker not in self._deaths.gone]

    @property
    def _end(self) -> float:
        told = self._store.get("end").decode().split()[1] if self._store.check(["end"]) else "inf"
        return min(float(told), self._run.scenario.stop.time or math.inf)

    def _hear(self, worker: int, now: float) -> None:
        key, lives = f"progress/{worker}", self._deaths.lives(worker)
        if lives != self._lives[worker]:  # it has been started again
            self._lives[worker], self._heard[worker] = lives, now
        if self._store.check([key]) and (report := self._store.get(key)) != self._reports.get(worker):
            self._reports[worker], self._heard[worker] = report, now

    def _is_missed(self, worker: int, now: float) -> bool:
        """Whether a worker has been silent for so long that its run cannot go on."""
        scenario, silent = self._run.scenario, now - self._heard[worker]
        if worker not in self._reports:  # a run that stops by counts needs one report of each
            return silent > scenario.real.stall_timeout
        patience = scenario.network.silence_timeout
        return not self._deaths.survivable and patience is not None and silent > max(SILENT, patience)
