"""A watch over code that may never come back: what runs on without an await is ended at its line."""

from __future__ import annotations

import ctypes
import sys
import threading
from types import FrameType
from typing import Any

from rfast_bench.contract.broken import Broken
from rfast_bench.contract.lines import of_call

PATIENCE = 3.0
"""Seconds that a method may run on between two awaits, in trials with vectors of two numbers."""
LOOK = 0.2


class Endless(BaseException):
    """Raised by the watch in the thread that does not come back; no method's own `except Exception` holds it."""


class Watchdog:
    """Looks from a thread of its own whether the world that is `watched` still goes from await to await."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.notes: Any = None
        self.found: Broken | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._over = threading.Event()
        self._ident = threading.get_ident()

    def __enter__(self) -> Watchdog:
        self._ident = threading.get_ident()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        last, since = None, 0.0
        while not self._over.wait(LOOK):
            world = getattr(self.notes, "world", None)
            now = (id(world), getattr(world, "segments", 0))
            running = getattr(world, "current", None) is not None
            since = since + LOOK if running and now == last else 0.0
            last = now
            if since >= PATIENCE:
                self._end()
                since = 0.0

    def _end(self) -> None:
        frame: FrameType | None = sys._current_frames().get(self._ident)
        line = None if frame is None else of_call(self.kind, frame)
        seen = f"it has run for {PATIENCE:g} s without an await"
        self.found = Broken("endless-loop", seen, line)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._ident), ctypes.py_object(Endless))
