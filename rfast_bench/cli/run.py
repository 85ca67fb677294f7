"""`rfast-bench run`: the main job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.console import Console

from rfast_bench.cli.common import options
from rfast_bench.cli.common.saying import is_quiet, is_verbose, remark
from rfast_bench.cli.errors import ends_when_told
from rfast_bench.files import working_folder

if TYPE_CHECKING:
    from rfast_bench.records.reading import Run


def draw(runs: Sequence[Run], home: Path) -> list[Path]:
    """Draw the figures of runs into a folder; what that needs is imported when runs are done."""
    from rfast_bench.figures import plots

    return plots.draw(runs, home)


def check_cluster(backend: str, address: str | None, jobs: int | None) -> None:
    """Raises UsageError unless a cluster has an address, and an address a cluster. Says what `jobs` is not for."""
    if backend != "local" and address is None:
        where = {
            "dask": "of its scheduler, --address tcp://HOST:8786",
            "ray": "of its head, --address HOST:6379",
        }
        raise click.UsageError(
            f"--backend {backend} does the runs on a cluster that is there: give the address {where[backend]}"
        )
    if backend == "local" and address is not None:
        raise click.UsageError(
            f"--address {address} is of a cluster: say of which sort, --backend dask or --backend ray; "
            "without it the runs are done on this machine"
        )
    if backend != "local" and jobs is not None:
        remark(
            f"--jobs {jobs} counts on this machine alone and is not used: with --backend {backend} the cluster does as "
            "many runs at once as it has threads (Dask) or CPUs (Ray)"
        )


@click.command("run")
@options.scenario()
@options.overrides
@click.option(
    "--world", type=click.Choice(("simulated", "real", "both")), help="Where it runs, not as the file says."
)
@options.out("The folder where records go.", Path("results"))
@click.option(
    "--jobs", "-j", type=click.IntRange(min=1), help="Runs at once on this machine.  [default: all cores]"
)
@click.option(
    "--backend",
    type=click.Choice(("local", "dask", "ray")),
    default="local",
    show_default=True,
    help="Who does the runs.",
)
@click.option("--address", help="Of the existing Dask scheduler (tcp://HOST:PORT) or Ray cluster.")
@click.option("--fresh", is_flag=True, help="Do all runs again, also those already there.")
@click.option("--checkpoint", is_flag=True, help="Leave each run's last mean model, as safetensors.")
@click.option("--plots/--no-plots", default=True, help="Draw the figures at the end.")
@click.option(
    "--tensorboard",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write curves for TensorBoard as they come.",
)
@ends_when_told(" Finished runs are kept; the same command continues.")
def command(
    scenario: Path,
    overrides: tuple[str, ...],
    world: str | None,
    out: Path,
    jobs: int | None,
    backend: Literal["local", "dask", "ray"],
    address: str | None,
    fresh: bool,
    checkpoint: bool,
    plots: bool,
    tensorboard: Path | None,
) -> None:
    """Run SCENARIO, a file or the name of a shipped one; leave records, a table and plots in OUT/NAME."""
    from rfast_bench.plan import sources
    from rfast_bench.scenario import shipped
    from rfast_bench.study.warm_up import warm_up

    working_folder()
    path = shipped.find(scenario)
    check_cluster(backend, address, jobs)
    jobs = jobs or os.cpu_count() or 1
    if world is not None:
        overrides = (*overrides, f"world={world}")
    if checkpoint:
        overrides = (*overrides, "checkpoint=true")
    _, whole = sources.read(
        path, overrides
    )  # what is wrong by itself is told before anything slow is imported
    if backend == "local" and jobs > 1:
        warm_up(path, real=whole.world != "simulated")
    from rfast_bench.study import fork_server_imports  # noqa: F401 - first, see there
    from rfast_bench.study.cluster import Cluster
    from rfast_bench.study.scenario import Way, study
    from rfast_bench.study.sweep import RunsFailed

    cluster = None if backend == "local" or address is None else Cluster(backend, address)
    try:
        way = Way(out, jobs, fresh, Console(quiet=is_quiet()), cluster=cluster, tensorboard=tensorboard)
        study(path, overrides, way, draw if plots else None)
    except RunsFailed as problem:
        if is_verbose():
            click.echo("\n".join(problem.stacks), err=True)
        raise
