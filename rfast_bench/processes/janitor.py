"""Imported first by the server that processes are forked from, and by nobody else: when it ends, so has whoever
started it, and what a killed one has left is removed. Processes that were forked from it end without this.

While the server still imports, for seconds, it hears of no end; so it looks for itself.
"""

from __future__ import annotations

import atexit
import os
import signal
import time

from rfast_bench.processes.environment import STARTER as VARIABLE
from rfast_bench.processes.folders import sweep_all

PATIENCE = 5.0
"""Seconds in which whoever started it must be gone altogether, its locks with it."""
LOOK = 0.5
"""Seconds between looks while it imports."""
STARTER = int(os.environ[VARIABLE])
"""Told, for it may be gone before this is imported."""


def clean() -> None:
    """Remove the folders whose owners are gone, this server's starter among them."""
    until = time.monotonic() + PATIENCE
    while os.getppid() == STARTER and time.monotonic() < until:
        time.sleep(0.02)
    sweep_all()


def look(*_: object) -> None:
    """End with the starter, until the server listens: then it has a handler for the ends of its processes."""
    if signal.getsignal(signal.SIGCHLD) is not signal.SIG_DFL:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    elif os.getppid() != STARTER:
        clean()
        os._exit(1)


atexit.register(clean)
signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is forked from it heeds it once it has begun
signal.signal(signal.SIGALRM, look)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, LOOK, LOOK)
