"""`rfast-bench compare`: what the simulation says beside what real processes did."""

from __future__ import annotations

from pathlib import Path

import click

FORMATS = ("terminal", "md", "csv")
_PATH = click.Path(path_type=Path)


@click.command("compare")
@click.argument("simulated", type=_PATH)
@click.argument("real", type=_PATH)
@click.option("--format", "style", type=click.Choice(FORMATS), default="terminal", show_default=True)
def command(simulated: Path, real: Path, style: str) -> None:
    """Set runs of both worlds side by side: SIMULATED and REAL are run folders, or folders above them."""
    from rfast_bench.analysis.both_worlds import find_both
    from rfast_bench.analysis.worlds_compared_text import render

    click.echo(render(find_both(simulated, real), style), nl=False)
