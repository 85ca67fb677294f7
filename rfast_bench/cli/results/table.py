"""`rfast-bench table`: the comparison of runs in numbers."""

from __future__ import annotations

from pathlib import Path

import click

from rfast_bench.cli.common import options
from rfast_bench.cli.common.saying import remark

FORMATS = ("terminal", "md", "csv", "latex", "html")


@click.command("table")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "style", type=click.Choice(FORMATS), default="terminal", show_default=True)
@options.as_json
@click.option("--baseline", help="Label that speed-ups are given against.")
def command(runs: tuple[Path, ...], style: str, as_json: bool, baseline: str | None) -> None:
    """Print the comparison table of RUNS: run folders, or folders above them.

    Runs that are still under way stand in a table of their own.
    """
    from rfast_bench.analysis.unfinished import render_all

    if as_json:
        from rfast_bench.analysis import json_text
        from rfast_bench.analysis.tables import summarise
        from rfast_bench.records.reading import find_runs

        click.echo(json_text.of_table(summarise(find_runs(runs), baseline)), nl=False)
        return
    text, beside = render_all(runs, style, baseline)
    click.echo(text, nl=False)
    if beside:
        remark(beside)
