"""`rfast-bench systems`: the profiles that a scenario may name, with their numbers and sources."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rfast_bench.cli.common import completing, options
from rfast_bench.errors import UserError
from rfast_bench.scenario import systems as profiles
from rfast_bench.study.scenario import WIDTH


@click.command("systems")
@click.argument("names", nargs=-1, metavar="[PROFILE]...", shell_complete=completing.profiles)
@options.as_json
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Show PROFILEs for a scenario's `system` key, names or files; without one, all that are shipped.

    A profile is the times and the traffic of a measured machine: with it a small problem runs as if on that one.
    """
    try:
        paths = [profiles.find(name) for name in names or profiles.names()]
    except ValueError as problem:
        raise UserError(str(problem)) from problem
    if as_json:
        from rfast_bench.analysis.written import json_text

        shown = zip(names or profiles.names(), paths, strict=True)
        click.echo(
            json_text.of({str(name): profiles.load(path)[0].model_dump(mode="json") for name, path in shown}),
            nl=False,
        )
        return
    tables = [(profiles.load(path)[0].description, _rows(profiles.described(path))) for path in paths]
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else WIDTH
    for name, (description, rows) in zip(names or profiles.names(), tables, strict=True):
        console.print(Text.assemble((name, "bold"), f": {description}"))
        console.print(rows)
        console.print()


def _rows(described: list[tuple[str, str, str]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for row in described:
        table.add_row(*map(Text, ("  " + row[0], *row[1:])))
    return table
