"""A process that ends when the one ends that it was forked for, whatever it is doing by then.

Linux's kernel sees to it, so that a process ends too that is stopped, or deep in a library and will not come back to
Python. Elsewhere a thread waits.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import sys
import threading
from multiprocessing import parent_process

from rfast_bench.processes.isolated import die_after

PR_SET_PDEATHSIG = 1


def tie() -> None:
    """End this process when the one dies that it was forked for, or the server that forked it."""
    parent = parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        kill_at_end_of(parent.sentinel)
    threading.Thread(target=die_after, args=(parent.join,), daemon=True).start()


def kill_at_end_of(pipe: int) -> None:
    """Have this process killed when the other end of a pipe is closed, through which nothing comes any more."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, int(signal.SIGKILL))
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    closed = select.poll()
    closed.register(pipe, select.POLLIN)
    if closed.poll(0):  # it was closed before the kernel was told to look
        os._exit(1)
