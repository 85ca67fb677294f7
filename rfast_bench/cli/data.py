"""`rfast-bench data`: who holds which samples of a scenario, before anything runs. Exit code 2 for bad input."""

from __future__ import annotations

from pathlib import Path

import click

from rfast_bench.cli.common import options

WIDTH = 120
"""Of what is printed elsewhere than on a terminal."""
SUFFIXES = (".png", ".svg", ".pdf")
_PATH = click.Path(path_type=Path)


@click.command("data")
@options.scenario()
@options.overrides
@options.as_json
@click.option("--seed", type=click.IntRange(min=0), help="That samples are dealt with.  [default: the first]")
@click.option("--out", "-o", type=_PATH, metavar="FILE", help="Draw it too: a .png, .svg or .pdf file.")
def command(
    scenario: Path, overrides: tuple[str, ...], as_json: bool, seed: int | None, out: Path | None
) -> None:
    """Show who holds which samples of SCENARIO: a table, and a figure with -o."""
    from rich.console import Console
    from rich.text import Text

    from rfast_bench.analysis.shards import summary, table
    from rfast_bench.errors import UserError
    from rfast_bench.plan.runs import load_points
    from rfast_bench.scenario import shipped
    from rfast_bench.study.shards import shards_of

    if out is not None and out.suffix not in SUFFIXES:
        raise UserError(f"--out: found '{out}'; expected a file that ends in {', '.join(SUFFIXES)}")
    found = shards_of(load_points(shipped.find(scenario), overrides), seed)
    if as_json:
        from rfast_bench.analysis.written import json_text

        click.echo(json_text.of({"shards": [vars(one) for one in found]}), nl=False)
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else WIDTH
    for number, shards in enumerate([] if as_json else found):
        with console.capture() as printed:
            console.print(Text.assemble((shards.title, "bold"), f", seed {shards.seed}"))
            for line in summary(shards):
                console.print(Text(line))
            console.print(table(shards))
        click.echo("\n" * (number > 0) + "\n".join(line.rstrip() for line in printed.get().splitlines()))
    if out is not None:
        from rfast_bench.figures.shards import draw_shards

        for number, shards in enumerate(found, 1):
            target = out if len(found) == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
            click.echo(draw_shards(shards, target), err=as_json)
