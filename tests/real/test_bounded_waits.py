"""Whoever waits has a bound of its own: for a store, and for a server of processes, that do not answer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rfast_bench.processes.environment import own_imports
from rfast_bench.real.launch.deaths import Death

pytestmark = [pytest.mark.timeout(120)]
ASKING = """
import os, signal, time
from multiprocessing import Process
from datetime import timedelta

from rfast_bench.processes.tied import tie
from rfast_bench.real.transport.patience import Patience
from rfast_bench.real.transport.store import TCPStore
from rfast_bench.real.worker.stopping import Progress


def host(port):
    tie()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)  # or whoever reads what the other says would wait for this one
    store = TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False)
    time.sleep(90)


if __name__ == "__main__":
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hosting = Process(target=host, args=(port,))
    hosting.start()
    try:
        store = TCPStore("127.0.0.1", port, is_master=False, timeout=timedelta(seconds=30))
        os.kill(hosting.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, hosting.pid, os.WSTOPPED | os.WNOWAIT)
        progress = Progress(store, 0)
        progress._patience = Patience(1.0)
        progress.report(1, 1, False, 0.0)
    finally:
        hosting.kill()
"""
STOPPED = """
import os, signal, threading, time
from multiprocessing import forkserver

from rfast_bench.errors import UserError
from rfast_bench.processes.fork_server import start_fork_server
from rfast_bench.real.launch.local import forked

if __name__ == "__main__":
    start_fork_server()
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGSTOP)
    try:
        forked("worker-2", 1.0, ())
    except UserError as problem:
        print(problem, flush=True)
"""


def done(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(code)
    environment = os.environ | own_imports() | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)


def test_a_worker_whose_store_is_stopped_ends(tmp_path: Path) -> None:
    came = done(tmp_path, ASKING)
    assert came.returncode == 1, came.stderr
    assert "the store did not answer within 1 s: the launcher is stopped, or gone" in came.stderr


def test_a_server_of_processes_that_is_stopped_holds_nobody_up(tmp_path: Path) -> None:
    began = time.monotonic()
    came = done(tmp_path, STOPPED)
    assert came.stdout.startswith(
        "worker-2 was not started within 1 s: the process that workers are forked from is"
    )
    assert came.returncode == 0
    assert time.monotonic() - began < 60


def test_the_last_words_of_a_death_are_told() -> None:
    said = "worker 1 was killed by SIGABRT, 2.0 s after it was started:\n  Assertion failed\n  in fq.cpp:80"
    assert Death(1, 2.04, "SIGABRT", said=said).told() == (
        "worker 1 killed by SIGABRT at 2.0 s, its last words: in fq.cpp:80"
    )
    assert Death(1, 2.04, "SIGKILL", said="worker 1 was killed by SIGKILL").told() == (
        "worker 1 killed by SIGKILL at 2.0 s"
    )
