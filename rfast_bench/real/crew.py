"""Runs whose workers were started by somebody else: torchrun, srun, or one process a worker by hand.

Every rank is a thin parent that starts one child a run, its worker: a launcher like torchrun ends all its
processes when one of them dies, so what may die is the child, and its parent says so. Rank 0 is the caller too:
it calls the runs one by one through the store, and does what the local launcher does: it watches, evaluates
and writes the records. Results come to it through a folder that all ranks see.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from torch.distributed import DistError

from rfast_bench.errors import UserError
from rfast_bench.plan import Run
from rfast_bench.real.clock import machine
from rfast_bench.real.deaths import Deaths
from rfast_bench.real.launch import FORKS, Launcher, obituary
from rfast_bench.real.referee import Referee
from rfast_bench.real.seat import Seat
from rfast_bench.real.store import PrefixStore, Store
from rfast_bench.real.worker import Job, born

LOOK = 0.1
"""Seconds between looks at a worker."""
VISIBLE = 10.0
"""Seconds until a folder made by rank 0 is seen by all: network file systems keep what they listed."""
LEAVE = 20.0
"""Seconds that rank 0 waits for the others' parents after a run."""


@dataclass(frozen=True)
class Call:
    """Rank 0 asks for a run, or says that there are no more and how it ends."""

    run: str = ""  # its folder below the output folder, which names it
    hash: str = ""
    token: str = ""
    folder: str = ""  # for the results, below the output folder
    code: int | None = None


class Part:
    """This rank's part of one run: a child that is its worker. To be used in a `with` block."""

    def __init__(self, seat: Seat, store: Store, call: Call, run: Run, number: int, out: Path) -> None:
        self._rank, self._store, self._life, self._told = seat.rank, store, 0, False
        folder = out.resolve() / call.folder
        self._wait_for(folder)
        address = seat.address()
        prefix = f"{prefix_of(seat)}/{key_of(number)}"
        job = Job(run, bytes.fromhex(call.token), folder, prefix, address)
        self._job, self._log = folder / f"job-{seat.rank}", folder / f"{seat.rank}.log"
        self._job.write_bytes(pickle.dumps(job))
        store.set(f"parent/{seat.rank}", json.dumps([machine(), address, socket.gethostname()]))
        self._environment = seat.environment(address)
        self._child: ForkServerProcess | None = None

    def _wait_for(self, folder: Path) -> None:
        until = time.monotonic() + VISIBLE
        while not folder.is_dir():
            if time.monotonic() > until:
                raise UserError(
                    f"{folder} of rank 0 is not there on {socket.gethostname()}: --out must be on a file system "
                    "that all machines share"
                )
            time.sleep(LOOK)

    def __enter__(self) -> Part:
        self._start()
        return self

    def _start(self) -> None:
        environment = {**self._environment, "INCARNATION": str(self._life)}
        arguments = (self._job, environment, self._log)
        self._began, self._told = time.monotonic(), False
        self._child = FORKS.Process(target=born, args=arguments, name=f"worker-{self._rank}")
        self._child.start()

    def __exit__(self, *_: object) -> None:
        """End the child at once if it still runs."""
        if self._child is not None and self._child.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)  # it leads a session of its own
            self._child.kill()
            self._child.join()
        with contextlib.suppress(DistError):
            self._store.set(f"left/{self._rank}", "")

    def look(self) -> bool:
        """Whether this part of the run goes on. Tells the store of a death; kills and starts as it is told to."""
        assert self._child is not None
        code = self._child.exitcode
        if code is None:
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


def prefix_of(seat: Seat) -> str:
    """Of all keys, in a store that may be a launcher's own."""
    return f"rfast-bench/{seat.attempt}"


def key_of(number: int) -> str:
    """The prefix of a run's keys."""
    return f"run-{number}"


def key_of_life(what: str, rank: int, life: int) -> str:
    """What concerns one incarnation of a worker."""
    return f"{what}/{rank}/{life}"


# ------------------------------------------------------------------------------------------------ rank 0
class Caller:
    """Rank 0's way to have a run done: a `Play` of `world.py`."""

    def __init__(self, seat: Seat, store: Store, out: Path, say: Callable[[str], Any]) -> None:
        self._seat, self._store, self._out, self._say = seat, store, out, say
        self._number = 0

    def __call__(self, run: Run, folder: Path, samples: int, progress: Callable[[float], Any]) -> None:
        if run.scenario.faults:
            raise UserError(f"{run.point.source}: faults are carried out by local runs only")
        self._say(f"{run.algorithm.label}{f' {run.point.slug}' if run.point.slug else ''}, seed {run.seed}")
        number, self._number = self._number, self._number + 1
        store = PrefixStore(key_of(number), self._store)
        call = Call(str(run.folder), run.hash, secrets.token_hex(8), folder.name)
        self._call(number, call)
        with self._others(store), Part(self._seat, store, call, run, number, self._out) as part:
            watch = Watch(run, folder, store, part)
            stop, stall = run.scenario.stop, run.scenario.real.stall_timeout
            watch.watch(Referee(store, self._seat.workers, stop, samples, stall), progress)

    def _call(self, number: int, call: Call) -> None:
        self._store.set(f"call/{number}", json.dumps(asdict(call)))

    def end(self, code: int) -> None:
        """There are no more runs; wait until the others have heard it."""
        self._call(self._number, Call(code=code))
        self._await([f"gone/{k}" for k in range(1, self._seat.workers)], self._store)

    @contextlib.contextmanager
    def _others(self, store: Store) -> Iterator[None]:
        """They have left when the block is left, and are told to when it fails."""
        try:
            yield
        except BaseException:
            store.set("given-up", "")
            raise
        finally:
            self._await([f"left/{k}" for k in range(self._seat.workers)], store)

    def _await(self, keys: Sequence[str], store: Store) -> None:
        until = time.monotonic() + LEAVE
        while not store.check(list(keys)) and time.monotonic() < until:
            time.sleep(LOOK)


class Watch(Launcher):
    """Watches workers that others started, as far as their parents tell of them."""

    def __init__(self, run: Run, folder: Path, store: Store, part: Part) -> None:
        self.run, self.folder, self.workers = run, folder, run.scenario.workers
        self.store = store
        self.began = time.monotonic()
        self.deaths = Deaths(run, self._start_worker)
        self._lives = dict.fromkeys(range(self.workers), 0)
        self._part = part
        self._placed = False

    def _start_worker(self, rank: int, incarnation: int) -> None:
        self._lives[rank] = incarnation
        self.store.set(key_of_life("start", rank, incarnation), "")

    def _kill(self, rank: int) -> bool:
        if rank in self.deaths.gone:
            return False
        self.store.set(key_of_life("kill", rank, self._lives[rank]), "")
        return True

    def _ends(self) -> list[tuple[int, int]]:
        self._part.look()
        if not self._placed and self.store.check([f"parent/{k}" for k in range(self.workers)]):
            self._placed = True
            self._check_places()
        return [
            (rank, self._told(rank)[0])
            for rank, life in self._lives.items()
            if rank not in self.deaths.gone and self.store.check([key_of_life("dead", rank, life)])
        ]

    def _obituary(self, rank: int, code: int) -> str:
        return self._told(rank)[1]

    def _told(self, rank: int) -> tuple[int, str]:
        code, text = json.loads(self.store.get(key_of_life("dead", rank, self._lives[rank])))
        return int(code), str(text)

    def _check_places(self) -> None:
        """Workers that bind to the loopback of one machine are not to be reached from another."""
        parents = [json.loads(self.store.get(f"parent/{k}")) for k in range(self.workers)]
        hidden = [(host, at) for _, at, host in parents if at.startswith("127.")]
        if hidden and len({boot for boot, *_ in parents}) > 1:
            host, at = hidden[0]
            raise UserError(
                f"{host} is on the loopback ({at}), where other machines do not reach it: set MASTER_ADDR to an "
                "address or a name that leads to the network on every machine"
            )


# ------------------------------------------------------------------------------------------- other ranks
def attend(seat: Seat, store: Store, runs: Sequence[Run], out: Path) -> int:
    """Do this rank's part of every run that rank 0 calls. Returns the exit code that rank 0 gives."""
    planned = {str(run.folder): run for run in runs}
    for number in count():
        call = next_call(store, number)
        if call.code is not None:
            return call.code
        own = PrefixStore(key_of(number), store)
        try:
            run = planned.get(call.run)
            if run is None or run.hash != call.hash:
                raise UserError(
                    f"{socket.gethostname()} plans {call.run} differently than rank 0: every machine needs the "
                    "same scenario file, data files and versions"
                )
            with Part(seat, own, call, run, number, out) as part:
                while part.look() and not own.check(["given-up"]):
                    time.sleep(LOOK)
        except UserError as problem:
            refuse(own, seat.rank, problem)
    raise AssertionError


def refuse(store: Store, rank: int, problem: UserError) -> None:
    """Tell rank 0 that this rank cannot take part in a run."""
    store.set(key_of_life("dead", rank, 0), json.dumps([1, f"rank {rank}: {problem}"]))
    store.set(f"left/{rank}", "")


def next_call(store: Store, number: int) -> Call:
    """Wait, as long as rank 0 evaluates and plans, for its next call."""
    while not store.check([f"call/{number}"]):
        time.sleep(LOOK)
    return Call(**json.loads(store.get(f"call/{number}")))
