"""A call in a process of its own: one that dies takes no other along, and all its memory goes back.

Processes are forked from a server that has imported everything beforehand, so that a run starts in some hundredths of
a second. On a machine of a cluster a fresh interpreter is started: see `fresh.py`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from rfast_bench.processes.environment import ONE_THREAD
from rfast_bench.processes.fork_server import start_fork_server
from rfast_bench.processes.main_module import without_script

PATIENCE = 5.0
"""Seconds that an interrupted process is given to clean up."""

Living = dict[BaseProcess, bool]
"""Each that was started, and whether it has begun; before that there is nothing to clean up."""
_lock = threading.Lock()  # a process is started, joined and listed by one thread at a time


class Died(Exception):
    """The process ended without an answer; `str(error)` says how."""

    def __init__(self, code: int | None, said: str = "") -> None:
        """`said`: what it wrote to stderr at last."""
        super().__init__(_ending(code) + (f": {said}" if said else ""))


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process ended without an answer, exit code {code}"
    name = signal.Signals(-code).name
    hint = "; out of memory, or somebody killed it" if -code == signal.SIGKILL else ""
    return f"its process was killed by signal {-code} ({name}{hint})"


def forked(living: Living, function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` returns in a process of its own. Raises Died. `living`: of the `tidy` around it."""
    context = get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, function, args))
    with _lock:
        start_fork_server(ONE_THREAD)
        with without_script():
            process.start()
        living[process] = False
    sender.close()
    try:
        receiver.recv()
        living[process] = True
        return receiver.recv()
    except EOFError:
        with _lock:
            process.join()
        raise Died(process.exitcode) from None
    finally:
        receiver.close()
        with _lock:
            process.join()
            living.pop(process, None)


def _child(sender: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Whenever it is interrupted, it says nothing: whoever did knows."""
    try:
        signal.signal(signal.SIGINT, _interrupted)
        parent = parent_process()
        assert parent is not None
        threading.Thread(target=die_after, args=(parent.join,), daemon=True).start()
        sender.send(None)
        sender.send(function(*args))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        os._exit(130)


def _interrupted(*_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # cleaning up is not interrupted once more
    raise KeyboardInterrupt


def die_after(wait: Callable[[], object]) -> None:
    wait()
    os._exit(1)


@contextmanager
def tidy() -> Iterator[Living]:
    """No process that was started for it outlives the block. Others', of another thread, are left alone."""
    living: Living = {}
    try:
        yield living
    finally:
        with _lock:
            left = {process: begun for process, begun in living.items() if process.is_alive()}
        for process, begun in left.items():
            if process.pid is not None:
                os.kill(process.pid, signal.SIGINT if begun else signal.SIGKILL)
        for process in left:
            _end(process)


def _end(process: BaseProcess) -> None:
    with _lock:
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
