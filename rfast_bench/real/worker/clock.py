"""One clock for all workers of a run: seconds since its start.

Every process reads its machine's monotonic clock. Workers on one machine share it; those on others measure
their offset to worker 0's by exchanging its readings through the store, as NTP does.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from rfast_bench.processes.environment import machine
from rfast_bench.real.transport.store import Store

EXCHANGES = 5
LEAD = 0.1
"""Seconds between agreeing on the start and the start."""


class RunClock:
    """Seconds since the start of the run; negative before it."""

    def __init__(self) -> None:
        self.zero = 0.0  # of this machine's monotonic clock
        self.offset = 0.0  # this machine's clock less worker 0's, as measured
        self.uncertainty = 0.0  # half the round trip of the best exchange

    def __call__(self) -> float:
        return time.monotonic() - self.zero

    def agree(self, store: Store, rank: int, workers: int, timeout: float) -> None:
        """Meet all workers, measure offsets, set the start and sleep until then."""
        store.set_timeout(timedelta(seconds=timeout))
        store.set(f"machine/{rank}", machine())
        store.wait([f"machine/{k}" for k in range(workers)])
        if rank == 0:
            _answer(store, workers)
            store.set("start", repr(time.monotonic() + LEAD))
        else:
            self._measure(store, rank)
        same = store.get("machine/0") == machine().encode()
        self.zero = float(store.get("start")) + (0.0 if same else self.offset)
        time.sleep(max(0.0, -self()))

    def join(self, store: Store) -> None:
        """Take over the start of a run that is under way, on worker 0's machine."""
        self.zero = float(store.get("start"))

    def _measure(self, store: Store, rank: int) -> None:
        best: tuple[float, float] | None = None
        for k in range(EXCHANGES):
            before = time.monotonic()
            store.set(f"ask/{rank}/{k}", "")
            theirs = float(store.get(f"answer/{rank}/{k}"))
            after = time.monotonic()
            found = ((after - before) / 2, (before + after) / 2 - theirs)
            best = found if best is None or found < best else best
        assert best is not None
        self.uncertainty, self.offset = best

    def described(self) -> dict[str, Any]:
        """For the manifest."""
        return {"offset": self.offset, "uncertainty": self.uncertainty}


def _answer(store: Store, workers: int) -> None:
    for rank in range(1, workers):
        for k in range(EXCHANGES):
            store.wait([f"ask/{rank}/{k}"])
            store.set(f"answer/{rank}/{k}", repr(time.monotonic()))
