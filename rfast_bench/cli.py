"""The command line: thin commands, one function call each. Everything else stands in the scenario file."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import ClassVar, Literal

import click
from rich.console import Console

from rfast_bench.cli_errors import ErrorGroup

_PATH = click.Path(path_type=Path)
FORMATS = ("terminal", "md", "csv", "latex", "html")
INTERRUPTED = 130


class Commands(ErrorGroup):
    """Commands that are imported when they are asked for: what they need takes half a second."""

    late: ClassVar[dict[str, str]] = {
        "topology": "rfast_bench.cli_topology",
        "report": "rfast_bench.cli_report",
        "systems": "rfast_bench.cli_systems",
        "trace": "rfast_bench.cli_trace",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.late])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.late:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(self.late[cmd_name]), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rfast-bench")
def main() -> None:
    """Compare asynchronous decentralised SGD methods under one clock."""


@main.command()
@click.argument("scenario")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key, e.g. network.loss=0.2."
)
@click.option(
    "--world", type=click.Choice(("simulated", "real", "both")), help="Where it runs, not as the file says."
)
@click.option("--out", type=_PATH, default=Path("results"), show_default=True, help="Where records go.")
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Runs at once; default: all cores.")
@click.option(
    "--backend", type=click.Choice(("local", "dask", "ray")), default="local", help="Who does the runs."
)
@click.option("--address", help="Of the existing Dask scheduler or Ray cluster.")
@click.option("--fresh", is_flag=True, help="Do all runs again, also those already there.")
@click.option("--plots/--no-plots", default=True, help="Draw the figures at the end.")
def run(
    scenario: str,
    overrides: tuple[str, ...],
    world: str | None,
    out: Path,
    jobs: int | None,
    backend: Literal["local", "dask", "ray"],
    address: str | None,
    fresh: bool,
    plots: bool,
) -> None:
    """Run SCENARIO, a file or the name of a shipped one; leave records, a table and plots in OUT/NAME."""
    from rfast_bench import isolation, shipped

    path = shipped.find(scenario)
    jobs = jobs or os.cpu_count() or 1
    if (backend == "local") != (address is None):
        raise click.UsageError("--backend dask and ray need --address, and nothing else does")
    if backend == "local" and jobs > 1:
        isolation.warm_up(*isolation.heavy(path))
    from rfast_bench import preload  # noqa: F401 - first, see there
    from rfast_bench.spread import Cluster
    from rfast_bench.study import study

    cluster = None if backend == "local" or address is None else Cluster(backend, address)
    console = Console()
    if world is not None:
        overrides = (*overrides, f"world={world}")
    try:
        study(path, overrides, out, jobs, fresh, plots, console, cluster=cluster)
    except KeyboardInterrupt:
        click.echo("\nInterrupted. Finished runs are kept; the same command continues.", err=True)
        sys.exit(INTERRUPTED)


@main.command()
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option("--format", "style", type=click.Choice(FORMATS), default="terminal", show_default=True)
@click.option("--baseline", help="Label that speed-ups are given against.")
def table(runs: tuple[Path, ...], style: str, baseline: str | None) -> None:
    """Print the comparison table of RUNS: run folders, or folders above them."""
    from rfast_bench.records import find_runs
    from rfast_bench.tables import render

    click.echo(render(find_runs(runs), style, baseline), nl=False)


@main.command()
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option("--out", "-o", type=_PATH, default=Path("plots"), show_default=True, help="Where figures go.")
@click.option("--baseline", help="Label that speed-ups are given against.")
def plot(runs: tuple[Path, ...], out: Path, baseline: str | None) -> None:
    """Draw the figures of RUNS: run folders, or folders above them."""
    from rfast_bench.plots import draw
    from rfast_bench.records import find_runs

    for figure in draw(find_runs(runs), out, baseline):
        click.echo(figure)


@main.command()
@click.argument("simulated", type=_PATH)
@click.argument("real", type=_PATH)
@click.option("--format", "style", type=click.Choice(FORMATS[:3]), default="terminal", show_default=True)
def compare(simulated: Path, real: Path, style: str) -> None:
    """Set runs of both worlds side by side: SIMULATED and REAL are run folders, or folders above them."""
    from rfast_bench.both_worlds import find_both
    from rfast_bench.comparison_text import render

    click.echo(render(find_both(simulated, real), style), nl=False)


@main.command()
@click.argument("scenario")
@click.option("--out", "-o", type=_PATH, required=True, help="The file to write; its times go beside it.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=20.0, show_default=True, help="To measure for."
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of SCENARIO.")
@click.option("--profile", type=_PATH, help="Also write what was measured as a profile for `system`.")
def calibrate(
    scenario: str, out: Path, seconds: float, overrides: tuple[str, ...], profile: Path | None
) -> None:
    """Measure gradients and links of SCENARIO on this machine; write its simulated counterpart."""
    from rfast_bench import shipped, tuning
    from rfast_bench.plan import load_points
    from rfast_bench.real.counterpart import calibrate

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    path = shipped.find(scenario)
    tuning.refuse(load_points(path, overrides), "while times are measured; give it a value with --set")
    times = calibrate(path, overrides, out, seconds, console.print, profile)
    click.echo(" and ".join(str(file) for file in (out, profile, times) if file is not None))


@main.command("list")
def list_names() -> None:
    """Name the algorithms, topologies and shipped scenarios there are."""
    from rfast_bench import graphs, registry, shipped

    for title, names in (
        ("algorithms", registry.names()),
        ("topologies", graphs.KINDS),
        ("scenarios", shipped.names()),
    ):
        click.echo(f"{title}: {', '.join(names)}")


if __name__ == "__main__":
    main()
