"""One rank's part of one run that somebody else's launcher started: a thin parent, and its child, the worker."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import time
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from torch.distributed import DistError

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.processes.environment import machine
from rfast_bench.real.launch import secret
from rfast_bench.real.launch.local import KILLED, forked, obituary
from rfast_bench.real.launch.rank_environment import RankInfo
from rfast_bench.real.transport.store import Store
from rfast_bench.real.worker.activities import Job

LOOK = 0.1
"""Seconds between looks at a worker."""
VISIBLE = 10.0
"""Seconds until a folder made by rank 0 is seen by all: network file systems keep what they listed."""


@dataclass(frozen=True)
class Call:
    """Rank 0 asks for a run, or says that there are no more and how it ends."""

    run: str = ""  # its folder below the output folder, which names it
    hash: str = ""
    token: str = ""
    folder: str = ""  # for the results, below the output folder
    code: int | None = None


class RankRun:
    """This rank's part of one run: a child that is its worker. To be used in a `with` block."""

    def __init__(self, info: RankInfo, store: Store, call: Call, run: Run, number: int, out: Path) -> None:
        self._rank, self._store, self._life, self._told = info.rank, store, 0, False
        self._timeout = run.scenario.real.startup_timeout
        folder = out.resolve() / call.folder
        self._wait_for(folder / secret.FILE)
        address = info.address()
        prefix = f"{prefix_of(info)}/{key_of(number)}"
        known = secret.shared((folder / secret.FILE).read_bytes(), os.environ)
        job = Job(run, bytes.fromhex(call.token), folder, prefix, address, known)
        self._job, self._log = folder / f"job-{info.rank}", folder / f"{info.rank}.log"
        secret.write(self._job, pickle.dumps(job))
        about = [machine(), address, socket.gethostname(), secret.fingerprint(known)]
        store.set(f"parent/{info.rank}", json.dumps(about))
        self._environment = info.environment(address)
        self._child: ForkServerProcess | None = None

    def _wait_for(self, path: Path) -> None:
        until = time.monotonic() + VISIBLE
        while not path.exists():
            if time.monotonic() > until:
                raise UserError(
                    f"{path.parent} of rank 0 is not there on {socket.gethostname()}: --out must be on a file system "
                    "that all machines share"
                )
            time.sleep(LOOK)

    def __enter__(self) -> RankRun:
        self._start()
        return self

    def _start(self) -> None:
        environment = {**self._environment, "INCARNATION": str(self._life)}
        arguments = (self._job, environment, self._log)
        self._began, self._told, self._signalled = time.monotonic(), False, 0
        self._child = forked(f"worker-{self._rank}", self._timeout, arguments)

    def __exit__(self, *_: object) -> None:
        """End the child at once if it still runs."""
        if self._child is not None and self._child.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)  # it leads a session of its own
            self._child.kill()
            self._child.join(KILLED)
        with contextlib.suppress(DistError):
            self._store.set(f"left/{self._rank}", "")

    def look(self) -> bool:
        """Whether this part of the run goes on. Tells the store of a death; kills and starts as it is told to."""
        assert self._child is not None
        code = self._child.exitcode
        if code is None:
            self._pass_on()
            if self._store.check([key_of_life("kill", self._rank, self._life)]):
                self._child.kill()
        elif self._store.check([f"done/{self._rank}"]):
            return False
        elif not self._told:
            self._told = True
            text = obituary(self._rank, code, self._began, self._log)
            self._store.set(key_of_life("dead", self._rank, self._life), json.dumps([code, text]))
        elif self._store.check([key_of_life("start", self._rank, self._life + 1)]):
            self._life += 1
            self._start()
        return not self._store.check(["farewell"]) if code is not None else True

    def _pass_on(self) -> None:
        """Stop the child, or let it go on, as the launcher says."""
        key = key_of_life("signal", self._rank, self._life)
        if self._store.check([key]) and (number := int(self._store.get(key))) != self._signalled:
            self._signalled = number
            assert self._child is not None
            assert self._child.pid is not None
            os.kill(self._child.pid, number)


def prefix_of(info: RankInfo) -> str:
    """Of all keys, in a store that may be a launcher's own."""
    return f"rfast-bench/{info.attempt}"


def key_of(number: int) -> str:
    """The prefix of a run's keys."""
    return f"run-{number}"


def key_of_life(what: str, rank: int, life: int) -> str:
    """What concerns one incarnation of a worker."""
    return f"{what}/{rank}/{life}"
