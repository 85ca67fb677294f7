"""`rfast-bench compare`: what the simulation says beside what real processes did."""

from __future__ import annotations

from pathlib import Path

import click

from rfast_bench.cli.common import options

FORMATS = ("terminal", "md", "csv")
_PATH = click.Path(path_type=Path)


@click.command("compare")
@click.argument("simulated", type=_PATH)
@click.argument("real", type=_PATH)
@click.option("--format", "style", type=click.Choice(FORMATS), default="terminal", show_default=True)
@options.as_json
def command(simulated: Path, real: Path, style: str, as_json: bool) -> None:
    """Hold runs of the simulated world against those of real processes: SIMULATED and REAL are run folders, or folders
    above them. (`table` sets methods side by side.)"""
    options.check_format(as_json)
    from rfast_bench.analysis.both_worlds import find_both
    from rfast_bench.analysis.worlds_compared_text import render

    found = find_both(simulated, real)
    if as_json:
        from rfast_bench.analysis.worlds_compared import compare
        from rfast_bench.analysis.written import json_text

        click.echo(json_text.of_table(compare(found)), nl=False)
        return
    click.echo(render(found, style), nl=False)
