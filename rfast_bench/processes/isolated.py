"""A call in a process of its own: one that dies takes no other along, and all its memory goes back.

On this machine processes are forked from a server that has imported everything beforehand, so that a run
starts in some hundredths of a second; on a machine of a cluster a fresh interpreter is started.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from rfast_bench.processes.environment import ONE_THREAD, own_imports, start_fork_server

PATIENCE = 5.0
"""Seconds that an interrupted process is given to clean up."""

_living: set[BaseProcess] = set()
_lock = threading.Lock()  # a process is started, joined and listed by one thread at a time


class Died(Exception):
    """The process ended without an answer; `str(error)` says how."""

    def __init__(self, code: int | None) -> None:
        super().__init__(_ending(code))


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process ended without an answer, exit code {code}"
    name = signal.Signals(-code).name
    hint = "; out of memory, or somebody killed it" if -code == signal.SIGKILL else ""
    return f"its process was killed by signal {-code} ({name}{hint})"


# -------------------------------------------------------------------------------------- on this machine
def forked(function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` returns in a process of its own. Raises Died. To be called within `tidy`."""
    context = get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, function, args))
    with _lock:
        start_fork_server(ONE_THREAD)
        process.start()
        _living.add(process)
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        with _lock:
            process.join()
        raise Died(process.exitcode) from None
    finally:
        receiver.close()
        with _lock:
            process.join()
            _living.discard(process)


def _child(sender: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, _interrupted)
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=_die_after, args=(parent.join,), daemon=True).start()
    try:
        sender.send(function(*args))
    except KeyboardInterrupt:
        os._exit(130)


def _interrupted(*_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # cleaning up is not interrupted once more
    raise KeyboardInterrupt


def _die_after(wait: Callable[[], object]) -> None:
    wait()
    os._exit(1)


@contextmanager
def tidy() -> Iterator[None]:
    """No process that was started within outlives the block."""
    try:
        yield
    finally:
        with _lock:
            left = [process for process in _living if process.is_alive()]
        for process in left:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGINT)
        for process in left:
            _end(process)


def _end(process: BaseProcess) -> None:
    with _lock:
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()


# --------------------------------------------------------------------------------- on a cluster's machine
def spawned(function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` returns in a fresh interpreter, which dies with its caller. Raises Died."""
    command = [sys.executable, "-m", "rfast_bench.processes.isolated"]
    environment = {**os.environ, **own_imports(), **ONE_THREAD}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            pickle.dump((function, args), child.stdin)
            child.stdin.flush()
            answer = child.stdout.read()
        except BrokenPipeError:
            answer = b""
        except BaseException:
            child.kill()
            raise
        code = child.poll() if answer else child.wait()
    if not answer:
        raise Died(code)
    return pickle.loads(answer)


def _serve() -> None:
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # what an algorithm prints must not mix with the answer
        function, args = pickle.load(sys.stdin.buffer)
        threading.Thread(target=_die_after, args=(sys.stdin.buffer.read,), daemon=True).start()
        pickle.dump(function(*args), out)
        out.flush()
    os._exit(0)  # the thread still reads


if __name__ == "__main__":
    _serve()
