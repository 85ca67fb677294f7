"""A bound on what has none of its own: torch's store, asked, waits for an answer without end, and a launcher that is
stopped gives none.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time

LOOK = 0.5
"""Seconds between looks."""
GIVEN_UP = 1
"""The exit code."""


class Patience:
    """Ends this process where what is done in a `with` block takes longer; used again and again, by one thread.

    The thread that waits cannot be woken up, so nothing but the process's end helps.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._since = seconds, math.inf
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while time.monotonic() - self._since <= self._seconds:
            time.sleep(LOOK)
        said = f"the store did not answer within {self._seconds:g} s: the launcher is stopped, or gone"
        print(said, file=sys.stderr, flush=True)
        os._exit(GIVEN_UP)

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._since = math.inf
