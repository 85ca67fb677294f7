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
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Watcher
from rfast_bench.real.launch import secret
from rfast_bench.real.launch.computing import Computing
from rfast_bench.real.launch.deaths import Deaths
from rfast_bench.real.launch.local import Launcher
from rfast_bench.real.launch.pauses import Patience, Pauses
from rfast_bench.real.launch.rank_environment import RankInfo
from rfast_bench.real.launch.rank_run import LOOK, Call, RankRun, key_of, key_of_life
from rfast_bench.real.transport.store import PrefixStore, Store
from rfast_bench.real.worker.optimizer import asks_all
from rfast_bench.real.worker.stopping import Stopping

LEAVE = 20.0
"""Seconds that rank 0 waits for the others' parents after a run."""


# ------------------------------------------------------------------------------------------------ rank 0
class Caller:
    """Rank 0's way to have a run done: a `Play` of `world.py`."""

    def __init__(self, info: RankInfo, store: Store, out: Path, say: Callable[[str], Any]) -> None:
        self._info, self._store, self._out, self._say = info, store, out, say
        self._number = 0

    def __call__(self, run: Run, folder: Path, samples: int, watcher: Watcher) -> None:
        self._say(f"{run.algorithm.label}{f' {run.point.slug}' if run.point.slug else ''}, seed {run.seed}")
        number, self._number = self._number, self._number + 1
        store = PrefixStore(key_of(number), self._store)
        secret.write(folder / secret.FILE, secret.make(os.environ))
        call = Call(str(run.folder), run.hash, secrets.token_hex(8), folder.name)
        self._call(number, call)
        with self._others(store), RankRun(self._info, store, call, run, number, self._out) as part:
            watch = RemoteLauncher(run, folder, store, part)
            own = (store, self._info.workers, run.scenario.stop, samples, Patience(run))
            stopping = Stopping(*own, adds_up=asks_all(run))
            watch.watch(stopping, watcher)

    def _call(self, number: int, call: Call) -> None:
        self._store.set(f"call/{number}", json.dumps(asdict(call)))

    def end(self, code: int) -> None:
        """There are no more runs; wait until the others have heard it."""
        self._call(self._number, Call(code=code))
        self._await([f"gone/{k}" for k in range(1, self._info.workers)], self._store)

    @contextlib.contextmanager
    def _others(self, store: Store) -> Iterator[None]:
        """They have left when the block is left, and are told to when it fails."""
        try:
            yield
        except BaseException:
            store.set("given-up", "")
            raise
        finally:
            self._await([f"left/{k}" for k in range(self._info.workers)], store)

    def _await(self, keys: Sequence[str], store: Store) -> None:
        until = time.monotonic() + LEAVE
        while not store.check(list(keys)) and time.monotonic() < until:
            time.sleep(LOOK)


class RemoteLauncher(Launcher):
    """Watches workers that others started, as far as their parents tell of them."""

    def __init__(self, run: Run, folder: Path, store: Store, part: RankRun) -> None:
        self.run, self.folder, self.workers = run, folder, run.scenario.workers
        self.store = store
        self.began = time.monotonic()
        self.processes, self._computing = {}, Computing()
        self.deaths, self.pauses = Deaths(run, self._start_worker), Pauses(run)
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

    def _signal(self, rank: int, number: int) -> None:
        self.store.set(key_of_life("signal", rank, self._lives[rank]), str(int(number)))

    def _is_busy(self, rank: int) -> bool:
        """Of processes elsewhere that is not known."""
        return False

    def _state(self, rank: int) -> str:
        return ""

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
        self._check_secrets([(host, known) for *_, host, known in parents])
        hidden = [(host, at) for _, at, host, _ in parents if at.startswith("127.")]
        if hidden and len({boot for boot, *_ in parents}) > 1:
            host, at = hidden[0]
            raise UserError(
                f"{host} is on the loopback ({at}), where other machines do not reach it: set MASTER_ADDR to an "
                "address or a name that leads to the network on every machine"
            )

    def _check_secrets(self, ranks: Sequence[tuple[str, str]]) -> None:
        """Of each rank its machine, and the fingerprint of what it takes for the run's secret."""
        own = ranks[0][1]
        others = [f"rank {k} on {host}" for k, (host, theirs) in enumerate(ranks) if theirs != own]
        if others:
            raise UserError(
                f"{secret.VARIABLE} is not the same everywhere: it differs from rank 0's for {', '.join(others)}. "
                f"Give all ranks the same word, or none; {secret.OFF} for all of them does without"
            )


# ------------------------------------------------------------------------------------------- other ranks
def attend(info: RankInfo, store: Store, runs: Sequence[Run], out: Path) -> int:
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
            with RankRun(info, own, call, run, number, out) as own_run:
                while own_run.look() and not own.check(["given-up"]):
                    time.sleep(LOOK)
        except UserError as problem:
            refuse(own, info.rank, problem)
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
