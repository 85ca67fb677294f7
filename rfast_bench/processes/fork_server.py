"""The server that multiprocessing forks processes from: started, and ended where it does not answer.

Its socket lies in a folder of multiprocessing's own, which a killed process leaves; so that is owned as others are.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import forkserver, parent_process

from rfast_bench.processes.environment import STARTER, own_imports, started_with
from rfast_bench.processes.folders import folder_of_sockets, keep

JANITOR = "rfast_bench.processes.janitor"
"""What it is to import first."""


def start_fork_server(more: dict[str, str] | None = None) -> None:
    """Start it, unless it runs; `more` environment variables for it and for all of its processes. Returns at once:
    what it is to import beforehand it imports beside its caller."""
    if parent_process() is None:  # or it is the parent's folder too
        keep(folder_of_sockets())
    with started_with({**own_imports(), STARTER: str(os.getpid()), **(more or {})}):
        forkserver.ensure_running()


def end_fork_server() -> None:
    """Kill it, stopped or not; the next process that is started starts another."""
    pid = getattr(forkserver, "_forkserver")._forkserver_pid  # noqa: B009 (its type is nobody's to know)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def answering_within(seconds: float) -> Iterator[None]:
    """Whoever starts a process in the block gets an EOFError where the server does not answer, and is not blocked."""
    timer = threading.Timer(seconds, end_fork_server)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
