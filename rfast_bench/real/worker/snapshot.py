"""A worker's state on disk, for one that comes back: what its algorithm held at a moment that the scenario names."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.conditions.optimizer import GradientFilter
from rfast_bench.scenario.faults.kinds import Crash, Fault


class Snapshots:
    """The snapshots of one worker: one file, the newest."""

    def __init__(
        self,
        faults: Sequence[Fault],
        worker: int,
        folder: Path,
        algorithm: Algorithm,
        lock: AbstractContextManager[Any],
        filter: GradientFilter | None = None,
    ) -> None:
        """`filter`: the one of the worker's optimizer, whose momentum buffer is part of its state."""
        self._due = sorted(
            f.down - f.snapshot_age
            for f in faults
            if isinstance(f, Crash) and f.worker == worker and f.state == "snapshot"
        )
        self._path = folder / f"{worker}.snapshot"
        self._algorithm = algorithm
        self._lock = lock
        self._filter = filter

    def take(self, now: float) -> None:
        """Write one if it is time. A file appears whole or not at all."""
        if not self._due or now < self._due[0]:
            return
        self._due = [time for time in self._due if time > now]
        with self._lock:
            memory = None if self._filter is None else self._filter.m
            state = pickle.dumps((vars(self._algorithm), memory))
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(state)
        partial.replace(self._path)

    def restore(self) -> None:
        """Take over what an earlier life of this worker wrote; nothing where it wrote nothing."""
        if self._path.exists():
            state, memory = pickle.loads(self._path.read_bytes())
            vars(self._algorithm).update(state)
            if self._filter is not None:
                self._filter.m = memory
