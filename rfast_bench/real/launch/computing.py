"""Which processes compute, by the processor's time that they use: on a busy machine one that would may just wait."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import psutil

WINDOW = 2.0
"""Seconds over which it is seen."""
SHARE = 0.05
"""Of a core, at least: many may share it."""


class Computing:
    """Looked at again and again."""

    def __init__(self) -> None:
        self._spent: dict[int, tuple[float, float]] = {}
        self._found: dict[int, bool] = {}

    def look(self, pids: Iterable[int | None]) -> None:
        """At processes, of which some may be gone."""
        now = time.monotonic()
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                self._look(psutil.Process(pid), now)

    def _look(self, process: psutil.Process, now: float) -> None:
        times = process.cpu_times()
        spent = times.user + times.system
        since, before = self._spent.setdefault(process.pid, (now, spent))
        if now - since >= WINDOW:
            self._found[process.pid] = spent - before > SHARE * (now - since)
            self._spent[process.pid] = now, spent

    def seen(self, pid: int | None) -> bool:
        """Whether it computed when it was last looked at."""
        return pid is not None and self._found.get(pid, False)
