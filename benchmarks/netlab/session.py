"""A scenario's ranks on the hosts of a laboratory: started, watched, and ended with all that they started."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from benchmarks.netlab.hosts import address_of, inside
from rfast_bench.errors import UserError

PORT = 29500
LOOK = 0.2
"""Seconds between looks at the ranks."""
GRACE = 30.0
"""Seconds that ranks have to end by themselves: after the first has failed, and when told to."""


def play(scenario: str, workers: int, hosts: int, out: Path, options: Sequence[str]) -> None:
    """Run a scenario across hosts; its records are in `out` afterwards. Raises UserError when a rank fails."""
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        logs = [stack.enter_context((out / f"rank-{rank}.log").open("w+")) for rank in range(workers)]
        places = [(rank, rank * hosts // workers) for rank in range(workers)]
        first = [next(rank for rank, host in places if host == own) for own in range(hosts)]
        ranks: list[subprocess.Popen[bytes]] = stack.enter_context(_ended())
        for rank, host in places:
            join = [sys.executable, "-m", "rfast_bench.cli.join", scenario, "--out", str(out), *options]
            ranks.append(
                subprocess.Popen(
                    inside(host, *join),
                    env=os.environ | _environment(rank, rank - first[host], workers),
                    stdin=subprocess.DEVNULL,
                    stdout=logs[rank],
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a terminal's Ctrl-C is for us, who end them
                )
            )
        _watch(ranks, logs)


def _environment(rank: int, local: int, workers: int) -> dict[str, str]:
    """As torchrun would say it; rank 0 hosts the store."""
    own = {"RANK": str(rank), "LOCAL_RANK": str(local), "WORLD_SIZE": str(workers)}
    return own | {"MASTER_ADDR": address_of(0), "MASTER_PORT": str(PORT), "OMP_NUM_THREADS": "1"}


def _watch(ranks: Sequence[subprocess.Popen[bytes]], logs: Sequence[IO[str]]) -> None:
    failed: float | None = None
    while any(rank.poll() is None for rank in ranks):
        time.sleep(LOOK)
        if failed is None and any(rank.poll() for rank in ranks):
            failed = time.monotonic()
        if failed is not None and time.monotonic() - failed > GRACE:
            break
    wrong = [k for k, rank in enumerate(ranks) if rank.poll() != 0]
    if wrong:
        told = [_last_of(logs[k]) for k in sorted({0, *wrong})]
        raise UserError(f"ranks {wrong} failed:\n" + "\n".join(filter(None, told)))


def _last_of(log: IO[str]) -> str:
    log.seek(0)
    return "".join(log.readlines()[-12:]).strip()


@contextlib.contextmanager
def _ended() -> Iterator[list[subprocess.Popen[bytes]]]:
    """A list for processes; none of them runs after the block."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        until = time.monotonic() + GRACE
        for process in processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
