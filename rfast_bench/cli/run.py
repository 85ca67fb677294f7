"""`rfast-bench run`: the main job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.console import Console

from rfast_bench.cli.errors import ends_when_told
from rfast_bench.errors import UserError

if TYPE_CHECKING:
    from rfast_bench.records.reading import Run


def draw(runs: Sequence[Run], home: Path) -> list[Path]:
    """Draw the figures of runs into a folder; what that needs is imported when runs are done."""
    from rfast_bench.figures import plots

    return plots.draw(runs, home)


def check_place() -> None:
    """Raises UserError where the working folder is gone: processes cannot be started from there."""
    try:
        Path.cwd()
    except FileNotFoundError as problem:
        raise UserError("the working folder does not exist any more; change to another one") from problem


@click.command("run")
@click.argument("scenario")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key, e.g. network.loss=0.2."
)
@click.option(
    "--world", type=click.Choice(("simulated", "real", "both")), help="Where it runs, not as the file says."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where records go.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Runs at once; default: all cores.")
@click.option(
    "--backend", type=click.Choice(("local", "dask", "ray")), default="local", help="Who does the runs."
)
@click.option("--address", help="Of the existing Dask scheduler or Ray cluster.")
@click.option("--fresh", is_flag=True, help="Do all runs again, also those already there.")
@click.option("--checkpoint", is_flag=True, help="Leave each run's last mean model, as safetensors.")
@click.option("--plots/--no-plots", default=True, help="Draw the figures at the end.")
@click.option(
    "--tensorboard",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write curves for TensorBoard as they come.",
)
@click.option("--verbose", is_flag=True, help="Of a run that failed, print the whole stack.")
@ends_when_told(" Finished runs are kept; the same command continues.")
def command(
    scenario: str,
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
    verbose: bool,
) -> None:
    """Run SCENARIO, a file or the name of a shipped one; leave records, a table and plots in OUT/NAME."""
    from rfast_bench.scenario import shipped
    from rfast_bench.study.warm_up import warm_up

    check_place()
    path = shipped.find(scenario)
    jobs = jobs or os.cpu_count() or 1
    if (backend == "local") != (address is None):
        raise click.UsageError("--address is for --backend dask and ray, and they need it")
    if backend == "local" and jobs > 1:
        warm_up(path, real=world in ("real", "both") or bool({"world=real", "world=both"} & set(overrides)))
    from rfast_bench.study import fork_server_imports  # noqa: F401 - first, see there
    from rfast_bench.study.cluster import Cluster
    from rfast_bench.study.scenario import study
    from rfast_bench.study.sweep import RunsFailed

    cluster = None if backend == "local" or address is None else Cluster(backend, address)
    if world is not None:
        overrides = (*overrides, f"world={world}")
    if checkpoint:
        overrides = (*overrides, "checkpoint=true")
    try:
        drawn = draw if plots else None
        asked = (path, overrides, out, jobs, fresh, drawn, Console())
        study(*asked, cluster=cluster, tensorboard=tensorboard)
    except RunsFailed as problem:
        if verbose:
            click.echo("\n".join(problem.stacks), err=True)
        raise
