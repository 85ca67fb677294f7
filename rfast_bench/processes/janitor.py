"""Imported first by the server that processes are forked from, and by nobody else: when it ends, so has whoever
started it, and what a killed one has left is removed. Processes that were forked from it end without this.
"""

from __future__ import annotations

import atexit
import os
import time

from rfast_bench.processes.folders import sweep_all

PATIENCE = 5.0
"""Seconds in which whoever started it must be gone altogether, its locks with it."""


def clean(starter: int) -> None:
    """Remove the folders whose owners are gone, this server's starter among them."""
    until = time.monotonic() + PATIENCE
    while os.getppid() == starter and time.monotonic() < until:
        time.sleep(0.02)
    sweep_all()


atexit.register(clean, os.getppid())
