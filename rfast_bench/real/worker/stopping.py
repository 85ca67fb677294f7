"""Ends a run that stops by counts: workers report their progress through the store, one process decides."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from rfast_bench.real.transport.patience import Patience
from rfast_bench.real.transport.store import ANSWER, Store
from rfast_bench.scenario.schema import StopRule

LEAD = 0.25
"""Seconds between the decision and the end, so that every worker hears of it in time and all end together."""
LOOK = 0.1
"""Seconds between a worker's reports."""
COMMON = "common"
"""The key under which it stands what all workers have done: samples, when, samples a second."""
RECENT = 1.0
"""Seconds by which the rate is measured."""


class Progress:
    """A worker's reports."""

    def __init__(self, store: Store, rank: int) -> None:
        self._store = store
        self._key = f"progress/{rank}"
        self._patience = Patience(ANSWER)

    def report(self, iterations: int, samples: int, parked: bool, now: float) -> tuple[str, float] | None:
        """Say how far this worker is; gives the reason and time of the run's end once they are decided."""
        with self._patience:
            self._store.set(self._key, f"{iterations} {samples} {int(parked)} {now!r}")
            if not self._store.check(["end"]):
                return None
            reason, end = self._store.get("end").decode().split()
            return reason, float(end)


End = tuple[str, float]
"""The reason and time of a run's end."""


class Reporter:
    """Reports in a thread of its own, so that whoever keeps the run's clock waits for no store: it may be flooded, or
    its host may be stopped."""

    def __init__(
        self, once: Callable[[], End | None], around: AbstractContextManager[Any], wake: threading.Event
    ) -> None:
        """`once` reports, and gives the run's end when it is decided; `wake` is set then. `around` has its errors."""
        self.told: End | None = None
        self._once, self._around, self._wake = once, around, wake
        self._over = threading.Event()
        threading.Thread(target=self._report, daemon=True).start()

    def _report(self) -> None:
        with self._around:
            while not self._over.is_set():
                told = self._once()
                if told != self.told:
                    self.told = told
                    self._wake.set()
                self._over.wait(LOOK)

    def close(self) -> None:
        """The run is over."""
        self._over.set()


class Stopping:
    """Looks at the reports of all workers. `samples` is those of an epoch."""

    def __init__(
        self,
        store: Store,
        workers: int,
        stop: StopRule,
        samples: int,
        patience: Callable[[float], float],
        adds_up: bool = False,
    ) -> None:
        """`patience`: after how many seconds without a gradient the run is stalled, at a time of its clock. `adds_up`:
        tell the workers what all of them have done."""
        self._store, self._stop, self._samples = store, stop, samples
        self._keys = [f"progress/{k}" for k in range(workers)]
        self._patience = patience
        self._moved = (-1, time.monotonic())  # samples of all, and since when they are so many
        self._ended = False
        self._sum = Sum(workers) if adds_up else None
        self.seen: dict[str, float] = {}
        """What the newest reports said of time (s) and epoch; nothing before every worker has reported."""

    def look(self) -> float:
        """Decide whether the run is over. Gives the share of it that is done."""
        if not self._store.check(self._keys):
            return 0.0
        reports = [report.decode().split() for report in self._store.multi_get(self._keys)]
        iterations = sum(int(r[0]) for r in reports) / len(reports)
        samples = sum(int(r[1]) for r in reports)
        if self._sum is not None:
            done = self._sum.add([(int(r[1]), float(r[3])) for r in reports])
            self._store.set(COMMON, " ".join(map(repr, done)))
        parked = all(r[2] == "1" for r in reports)
        now = max(float(r[3]) for r in reports)
        self.seen = {"time": now, "epoch": samples / self._samples, "iterations_mean": iterations}
        reason = self._reason(iterations, samples, parked, now)
        if reason and not self._ended:
            self._ended = True
            self._store.set("end", f"{reason} {now + LEAD!r}")
        return self._share(now, iterations, samples)

    def _reason(self, iterations: float, samples: int, parked: bool, now: float) -> str:
        stop = self._stop
        if samples != self._moved[0]:
            self._moved = (samples, time.monotonic())
        if parked or (stop.iterations is not None and iterations >= stop.iterations):
            return "iterations"
        if stop.epochs is not None and samples >= stop.epochs * self._samples:
            return "epochs"
        return "stalled" if time.monotonic() - self._moved[1] > self._patience(now) else ""

    def _share(self, now: float, iterations: float, samples: int) -> float:
        stop = self._stop
        limits = ((now, stop.time), (iterations, stop.iterations), (samples / self._samples, stop.epochs))
        return min(1.0, max((done / limit for done, limit in limits if limit), default=0.0))


class Sum:
    """What all workers have done, from reports of different moments."""

    def __init__(self, workers: int) -> None:
        self._before, self._last = [0] * workers, [0] * workers
        self._recent: deque[tuple[float, float]] = deque([(0.0, 0.0)])

    def add(self, reports: Sequence[tuple[int, float]]) -> tuple[float, float, float]:
        """Of every worker's samples and when it said so: samples of all, at what time, and samples a second.

        What a worker did between its report and the newest one is taken to be what it does on average.
        """
        now, total = max(time for _, time in reports), 0.0
        for k, (samples, said) in enumerate(reports):
            if samples < self._last[k]:  # it was started again and counts from 0
                self._before[k] += self._last[k]
            self._last[k] = samples
            silence = min(now - said, RECENT)
            total += self._before[k] + samples * (1 + (silence / said if said > 0 else 0.0))
        self._recent.append((now, total))
        while len(self._recent) > 2 and self._recent[1][0] <= now - RECENT:
            self._recent.popleft()
        begin, then = self._recent[0]
        return total, now, (total - then) / (now - begin) if now > begin else 0.0
