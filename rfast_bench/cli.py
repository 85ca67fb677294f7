"""The command line: thin commands, one function call each. Everything else stands in the scenario file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from rich.console import Console

from rfast_bench.cli_errors import ErrorGroup
from rfast_bench.cli_report import report
from rfast_bench.cli_topology import topology

_PATH = click.Path(path_type=Path)
FORMATS = ("terminal", "md", "csv", "latex", "html")
INTERRUPTED = 130


@click.group(cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rfast-bench")
def main() -> None:
    """Compare asynchronous decentralised SGD methods under one clock."""


main.add_command(topology)
main.add_command(report)


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
@click.option("--fresh", is_flag=True, help="Do all runs again, also those already there.")
@click.option("--plots/--no-plots", default=True, help="Draw the figures at the end.")
def run(
    scenario: str,
    overrides: tuple[str, ...],
    world: str | None,
    out: Path,
    jobs: int | None,
    fresh: bool,
    plots: bool,
) -> None:
    """Run SCENARIO, a file or the name of a shipped one; leave records, a table and plots in OUT/NAME."""
    from rfast_bench import shipped
    from rfast_bench.study import study

    console = Console()
    if world is not None:
        overrides = (*overrides, f"world={world}")
    try:
        study(shipped.find(scenario), overrides, out, jobs or os.cpu_count() or 1, fresh, plots, console)
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
    from rfast_bench.comparison import find_both, render

    click.echo(render(find_both(simulated, real), style), nl=False)


@main.command()
@click.argument("scenario")
@click.option("--out", "-o", type=_PATH, required=True, help="The file to write; its times go beside it.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=20.0, show_default=True, help="To measure for."
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of SCENARIO.")
def calibrate(scenario: str, out: Path, seconds: float, overrides: tuple[str, ...]) -> None:
    """Measure gradients and links of SCENARIO on this machine; write its simulated counterpart."""
    from rfast_bench import shipped
    from rfast_bench.real.counterpart import calibrate

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    times = calibrate(shipped.find(scenario), overrides, out, seconds, console.print)
    click.echo(f"{out} and {times}")


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
