"""`rfast-bench join`: one rank of a scenario that an external launcher starts, `srun rfast-bench join SCENARIO` or
`torchrun ... --no-python rfast-bench join SCENARIO` (also `python -m rfast_bench.cli.join`).

Every rank reads the scenario and takes part in each of its runs; rank 0 also keeps the records and shows the
table. See `real/launch/external.py`, and `docs/clusters.md`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from torch.distributed import DistError

from rfast_bench.cli.common import options
from rfast_bench.cli.errors import BAD_INPUT, ENDING
from rfast_bench.cli.run import draw
from rfast_bench.errors import UserError
from rfast_bench.files import write_text
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.real.launch.external import Caller, attend, next_call, refuse
from rfast_bench.real.launch.rank_environment import RankInfo
from rfast_bench.real.launch.rank_run import key_of, prefix_of
from rfast_bench.real.transport.store import PrefixStore, Store, TCPStore, hosted
from rfast_bench.real.world import Launch
from rfast_bench.scenario import shipped
from rfast_bench.study.scenario import Way, study

MEETING = 300.0
"""Seconds until every rank must have found the store: machines of one job start at different times."""
INTERRUPTED, LOST = 130, 3


@click.command("join", context_settings={"help_option_names": ["-h", "--help"]})
@options.scenario()
@options.overrides
@options.out("The folder where records go, shared by all machines.", Path("results"))
@click.option("--fresh", is_flag=True, help="Do all runs again, also those already there.")
@click.option("--plots/--no-plots", default=True, help="Draw the figures at the end.")
def command(scenario: Path, overrides: tuple[str, ...], out: Path, fresh: bool, plots: bool) -> None:
    """Take part in the runs of SCENARIO as the worker that the environment names (torchrun, srun).

    OUT must be a folder that all machines share.
    """
    for told in ENDING:
        if signal.getsignal(told) is signal.SIG_DFL:
            signal.signal(told, _terminated)
    overrides = (*overrides, "world=real")
    info = store = None
    try:
        info = RankInfo.found(os.environ)
        store = meet(info)
        if info.rank == 0:
            code = lead(info, store, scenario, overrides, out, fresh, plots)
        else:
            code = follow(info, store, scenario, overrides, out)
    except UserError as problem:
        code = complain(str(problem))
    except DistError as problem:
        number = "" if info is None else f"rank {info.rank}: "
        click.echo(f"{number}the store of rank 0 or of the launcher is gone: {problem}", err=True)
        code = LOST
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _terminated(number: int, frame: object) -> NoReturn:
    """A launcher that ends a job: go through every `finally`, where workers are ended."""
    raise SystemExit(128 + number)


def complain(problem: str) -> int:
    """As `rfast-bench` does. torchrun, which then reports at length, is told it too: its report ends with it."""
    click.echo(f"Error: {problem}", err=True)
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if file:
        with contextlib.suppress(UserError):
            write_text(Path(file), json.dumps({"message": problem, "timestamp": int(time.time())}))
    return BAD_INPUT


def meet(info: RankInfo) -> Store:
    """Open or find the store. Raises UserError."""
    try:
        if info.hosts_store:
            store = hosted(info.host, info.port, MEETING)
        else:
            store = TCPStore(info.host, info.port, is_master=False, timeout=timedelta(seconds=MEETING))
    except (OSError, DistError) as problem:
        doing = "open the store" if info.hosts_store else "find the store of rank 0 or of the launcher"
        raise UserError(f"cannot {doing} at {info.host}:{info.port}: {problem}") from problem
    return PrefixStore(prefix_of(info), store)


def planned(info: RankInfo, scenario: Path, overrides: tuple[str, ...]) -> list[Run]:
    """The scenario's runs. Raises UserError when there are not as many processes as workers."""
    runs = plan(load_points(shipped.find(scenario), overrides))
    for run in runs:
        if run.scenario.workers != info.workers:
            raise UserError(
                f"{run.point.source}: workers is {run.scenario.workers}, but the launcher started {info.workers} "
                "processes (WORLD_SIZE): start one a worker (torchrun --nproc-per-node, srun --ntasks), or --set "
                f"workers={info.workers}"
            )
    return runs


def lead(
    info: RankInfo,
    store: Store,
    scenario: Path,
    overrides: tuple[str, ...],
    out: Path,
    fresh: bool,
    plots: bool,
) -> int:
    """Rank 0: its own part, and all that is done once."""
    console = Console()
    caller = Caller(info, store, out, lambda text: console.print(text, highlight=False))
    code = INTERRUPTED
    try:
        planned(info, scenario, overrides)
        way = Way(out, 1, fresh, console, Launch(caller, out))
        study(shipped.find(scenario), overrides, way, draw if plots else None)
        code = 0
    except UserError as problem:
        code = complain(str(problem))  # before the others hear of it and the launcher ends all
    finally:
        caller.end(code)
    return code


def follow(info: RankInfo, store: Store, scenario: Path, overrides: tuple[str, ...], out: Path) -> int:
    """Any other rank. What is wrong with the scenario is told by rank 0, for it finds the same."""
    try:
        return attend(info, store, planned(info, scenario, overrides), out)
    except UserError as problem:
        return _refuse(info, store, problem)
    finally:
        with contextlib.suppress(DistError):
            store.set(f"gone/{info.rank}", "")


def _refuse(info: RankInfo, store: Store, problem: UserError) -> int:
    """Rank 0 fails by its first call at the latest; a mistake it does not share is told here."""
    call = next_call(store, 0)
    if call.code is not None:
        return call.code
    refuse(PrefixStore(key_of(0), store), info.rank, problem)
    return next_call(store, 1).code or BAD_INPUT


if __name__ == "__main__":
    command()
