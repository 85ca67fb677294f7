"""Starts a run's workers on this machine, watches them, and leaves no process behind."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pickle
import secrets
import signal
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psutil
from torch.distributed import DistError

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Watcher
from rfast_bench.processes.fork_server import JANITOR, answering_within, end_fork_server, start_fork_server
from rfast_bench.processes.main_module import without_script
from rfast_bench.real.halts import ending
from rfast_bench.real.launch import secret
from rfast_bench.real.launch.birth import born
from rfast_bench.real.launch.computing import Computing
from rfast_bench.real.launch.deaths import Deaths
from rfast_bench.real.launch.pauses import Patience, Pauses
from rfast_bench.real.launch.silence import Silence
from rfast_bench.real.transport.store import PrefixStore, Store, TCPStore, hosted
from rfast_bench.real.worker.activities import Job
from rfast_bench.real.worker.optimizer import asks_all
from rfast_bench.real.worker.stopping import Stopping

LOOK = 0.05
"""Seconds between looks at the workers."""
STORE = 30.0
"""Seconds until the store must have opened."""
LAST_WORDS = 12
"""Lines of what a worker said before it died."""
ORPHAN = 255
"""What multiprocessing says of a process whose end it cannot know, for what it was forked from is gone."""
KILLED = 10.0
"""Seconds until a killed process must be gone."""
STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
FORKS = multiprocessing.get_context("forkserver")
"""Forks workers from one process that has imported everything: imports cost seconds, and cores are few."""
FORKS.set_forkserver_preload(
    [
        JANITOR,
        *(
            "click",
            "rfast_bench.real.worker.process",
            "rfast_bench.problems.mlp",
            "rfast_bench.problems.network",
        ),
        *("sklearn.datasets", "sklearn.model_selection"),
    ]
)


class WorkerDied(UserError):
    """A worker's process ended before its run did."""


def obituary(rank: int, code: int, began: float, log: Path) -> str:
    """How a worker's process ended that was started at `began`, with its last words."""
    after = f"{time.monotonic() - began:.1f} s after it was started"
    said = log.read_text(errors="replace").strip() if log.exists() else ""
    if code == ending.TOLD:
        return ending.of_log(said)
    last = "\n  ".join(said.splitlines()[-LAST_WORDS:])
    how = f"failed with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
    if code == ORPHAN:
        how = "is lost: the process that workers are forked from was killed"
    return f"worker {rank} {how}, {after}" + (f":\n  {last}" if last else "")


def forked(name: str, timeout: float, arguments: tuple[Any, ...]) -> ForkServerProcess:
    """A worker's process. Raises UserError where it is not there in time."""
    process = FORKS.Process(target=born, args=arguments, name=name)
    start_fork_server()
    try:
        with answering_within(timeout), without_script():
            process.start()
    except (EOFError, OSError) as problem:
        raise UserError(
            f"{name} was not started within {timeout:g} s: the process that workers are forked from is stopped, or gone"
        ) from problem
    return process


class Launcher:
    """The processes of one run, each in a session of its own, and the store they meet at."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.run, self.folder = run, folder
        self.workers = run.scenario.workers
        self.began = time.monotonic()
        self.processes: dict[int, ForkServerProcess] = {}
        self.deaths, self.pauses, self._computing = Deaths(run, self._start_worker), Pauses(run), Computing()
        store = self._open_store()
        self._prefix = secrets.token_hex(16)
        self.store: Store = PrefixStore(self._prefix, store)
        self._port = store.port

    def _open_store(self) -> TCPStore:
        host = self.run.scenario.real.host
        try:
            return hosted(host, 0, STORE)
        except (OSError, DistError) as problem:
            where = f"{self.run.point.source}: real.host: {host}"
            raise UserError(f"{where} is no address of this machine: {problem}") from problem

    def start(self) -> None:
        """Start every worker."""
        own = secret.make(os.environ)
        job = Job(self.run, secrets.token_bytes(8), self.folder, self._prefix, secret=own)
        secret.write(self.folder / "job", pickle.dumps(job))
        for rank in range(self.workers):
            self._start_worker(rank, 0)

    def _start_worker(self, rank: int, incarnation: int) -> None:
        environment = {**self._environment(rank), "INCARNATION": str(incarnation)}
        arguments = (self.folder / "job", environment, self.folder / f"{rank}.log")
        self.processes[rank] = forked(f"worker-{rank}", self.run.scenario.real.startup_timeout, arguments)

    def _environment(self, rank: int) -> dict[str, str]:
        host = self.run.scenario.real.host
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(self.workers)}
        own |= {"MASTER_ADDR": host, "MASTER_PORT": str(self._port)}
        return own | ({"GLOO_SOCKET_IFNAME": "lo"} if host.startswith("127.") else {})

    def watch(self, stopping: Stopping, watcher: Watcher) -> None:
        """Until every worker has left its results. Raises WorkerDied, and UserError for what takes too long."""
        silence: Silence | None = None
        while not self._all_done():
            if silence is None and self.store.check(["start"]):
                self.deaths.start = float(self.store.get("start"))
                silence = Silence(self.run, self.store, self.deaths)
            self._check_processes()
            self.deaths.carry_out(self._kill)
            if silence is not None:
                self.pauses.carry_out(self.deaths.now, silence.over, self._signal)
            if silence is None:
                self._check_start()
            else:
                self._end_silent(silence)
            watcher.look(stopping.look(), stopping.seen)
            time.sleep(LOOK)
        self.deaths.save(self.folder)
        self.store.set("farewell", "")

    def _all_done(self) -> bool:
        """Whether all have left results who still may. Raises WorkerDied when there is none."""
        left = [f"done/{k}" for k in range(self.workers) if k not in self.deaths.gone]
        if not left and not self.deaths.pending:
            raise WorkerDied("\n".join([f"{self._name}: no worker is left", *self.deaths.said]))
        return bool(left) and self.store.check(left)

    def _kill(self, rank: int) -> bool:
        if rank in self.deaths.gone:
            return False
        self.processes[rank].kill()
        return True

    def _signal(self, rank: int, number: int) -> None:
        if rank not in self.deaths.gone and (pid := self.processes[rank].pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _ends(self) -> list[tuple[int, int]]:
        """Who ended though not done, and by which exit code."""
        codes = [(rank, process.exitcode) for rank, process in self.processes.items()]
        return [
            (rank, code)
            for rank, code in codes
            if code is not None and rank not in self.deaths.gone and not self.store.check([f"done/{rank}"])
        ]

    def _obituary(self, rank: int, code: int) -> str:
        return obituary(rank, code, self.began, self.folder / f"{rank}.log")

    def _check_processes(self) -> None:
        for rank, code in self._ends():
            said = self._obituary(rank, code)
            if code == ending.TOLD:
                raise ending.error(said)
            if code > 0 or self.deaths.start == math.inf:
                raise WorkerDied(f"{self._name}: {said}")
            end = self.deaths.died(rank, -code, said)
            if end is not None and not self.store.check(["end"]):
                self.store.set("end", f"stalled {end!r}")

    @property
    def _name(self) -> str:
        return f"{self.run.algorithm.label}, seed {self.run.seed}"

    def _check_start(self) -> None:
        limit = self.run.scenario.real.startup_timeout
        if time.monotonic() - self.began > limit:
            missing = [k for k in range(self.workers) if not self.store.check([f"machine/{k}"])]
            found = "".join(f"; worker {k} {how}" for k in range(self.workers) if (how := self._state(k)))
            raise UserError(f"{self._name}: no start within {limit:g} s; missing {missing}{found}")

    def _end_silent(self, silence: Silence) -> None:
        """Kill those whom nobody hears of after the run's end, so that the others need not wait for them."""
        silence.look()
        if silence.over:
            self._computing.look(one.pid for one in self.processes.values())
        for rank in silence.overdue(self._is_busy):
            if rank not in self.deaths.silent:
                self.deaths.silent[rank] = ", ".join(filter(None, [silence.told(rank), self._state(rank)]))
                self._kill(rank)

    def _is_busy(self, rank: int) -> bool:
        return self._computing.seen(self.processes[rank].pid) and not self._state(rank)

    def _state(self, rank: int) -> str:
        """What is to be said of a worker's process that is not heard of."""
        with contextlib.suppress(psutil.Error):
            if psutil.Process(self.processes[rank].pid).status() in STOPPED:
                return "stopped"
        return ""

    def close(self) -> None:
        """End whatever still runs, at once."""
        for process in self.processes.values():
            process.kill()
        until = time.monotonic() + KILLED
        for process in self.processes.values():
            process.join(max(0.0, until - time.monotonic()))
        if any(process.exitcode is None for process in self.processes.values()):
            end_fork_server()  # it tells of no end: it is stopped
        for process in self.processes.values():
            process.join(KILLED)
            if process.exitcode is not None:
                process.close()
        del self.store  # its port is free with it


@contextlib.contextmanager
def launched(run: Run, folder: Path) -> Iterator[Launcher]:
    """The workers of a run; they are gone when the block is left, however that comes."""
    launcher = Launcher(run, folder)
    try:
        launcher.start()
        yield launcher
    finally:
        launcher.close()


def local(run: Run, folder: Path, samples: int, watcher: Watcher) -> None:
    """Do a run on this machine; the workers' results are in `folder` afterwards."""
    with launched(run, folder) as launcher:
        scenario = run.scenario
        stopping = Stopping(
            *(launcher.store, launcher.workers, scenario.stop, samples, Patience(run)), adds_up=asks_all(run)
        )
        launcher.watch(stopping, watcher)
