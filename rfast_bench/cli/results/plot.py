"""`rfast-bench plot`: the comparison of runs in figures."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.command("plot")
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option("--out", "-o", type=_PATH, default=Path("plots"), show_default=True, help="Where figures go.")
@click.option("--baseline", help="Label that speed-ups are given against.")
def command(runs: tuple[Path, ...], out: Path, baseline: str | None) -> None:
    """Draw the figures of RUNS: run folders, or folders above them."""
    from rfast_bench.figures.plots import draw
    from rfast_bench.records.reading import find_runs

    for figure in draw(find_runs(runs), out, baseline):
        click.echo(figure)
