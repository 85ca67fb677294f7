"""Ends a call into a method's code that never comes back: a loop that awaits nothing.

A thread looks twice a second at what the others are doing. It costs nothing between looks, and a look some ten
microseconds.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.endings import around
from rfast_bench.breaches.lines import Line, of_call
from rfast_bench.breaches.telling import own_frame

LOOK = 0.5
"""Seconds between looks."""
PATIENCE = 5.0
"""Seconds of processor time that a call may take."""
PER_BYTE = 1e-7
"""Seconds more for each byte of a model."""
ASLEEP = 12
"""Times as many seconds in which it looks, for a call that uses no processor time: a loop that sleeps."""


class Endless(BaseException):
    """Raised in a thread whose call into a method's code does not come back."""


@dataclass
class _Call:
    """A call under way in a thread: its outermost frame, how far the world was, and since when."""

    frame: FrameType
    progress: Any
    cpu: float
    looks: int = 0


class Watchdog:
    """To be used in a `with` block around a run of `kind`. `progress` differs whenever the world has gone on."""

    def __init__(
        self,
        kind: type,
        progress: Callable[[], Any],
        model_bytes: int = 0,
        thread: int | None = None,
    ) -> None:
        """`thread`: the one to look at; None: all there are."""
        self._kind, self._progress, self._only = kind, progress, thread
        self.patience = PATIENCE + PER_BYTE * model_bytes
        self.line: Line | None = None
        self._calls: dict[int, _Call] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._calls.clear()

    def broken(self, worker: int) -> Broken:
        """What is said of an `Endless`."""
        seen = f"worker {worker} has computed for {self.patience:.3g} s there and awaited nothing"
        return Broken("endless-loop", seen, self.line)

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            frames = sys._current_frames()
            for thread, frame in frames.items():
                if thread != threading.get_ident() and self._only in (None, thread):
                    self._look(thread, frame)
            del frames

    def _look(self, thread: int, frame: FrameType) -> None:
        own = own_frame(frame, self._kind)
        if own is None:
            return
        now, cpu = self._progress(), _cpu(thread)
        call = self._calls.get(thread)
        if call is None or call.frame is not own or call.progress != now:
            self._calls[thread] = _Call(own, now, cpu)
            return
        call.looks += 1
        if cpu - call.cpu > self.patience or call.looks * LOOK > ASLEEP * self.patience:
            line = of_call(self._kind, frame)
            self.line = None if line is None else around(line)
            _raise_in(thread)


def _cpu(thread: int) -> float:
    """Seconds of processor time of a thread, or of the process where the system does not tell them apart."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time()
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    except OSError:  # it has just ended
        return 0.0


def _raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Endless))
