"""`rfast-bench table`: the comparison of runs in numbers."""

from __future__ import annotations

from pathlib import Path

import click

FORMATS = ("terminal", "md", "csv", "latex", "html")


@click.command("table")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "style", type=click.Choice(FORMATS), default="terminal", show_default=True)
@click.option("--baseline", help="Label that speed-ups are given against.")
def command(runs: tuple[Path, ...], style: str, baseline: str | None) -> None:
    """Print the comparison table of RUNS: run folders, or folders above them.

    Runs that are still under way stand in a table of their own.
    """
    from rfast_bench.analysis.unfinished import render_all

    text, beside = render_all(runs, style, baseline)
    click.echo(text, nl=False)
    if beside:
        click.echo(beside, err=True)
