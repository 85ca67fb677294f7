"""`rfast-bench table`: the comparison of runs in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rfast_bench.cli.common import options
from rfast_bench.cli.common.saying import remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rfast_bench.records.reading import Run

FORMATS = ("terminal", "md", "csv", "latex", "html")


@click.command("table")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "style", type=click.Choice(FORMATS), default="terminal", show_default=True)
@options.as_json
@click.option("--baseline", help="Label that speed-ups are given against.")
@click.option(
    "--select", metavar="LABEL,...", help="These labels alone, in this order; all scenarios in one table."
)
@click.option(
    "--rename", multiple=True, metavar="OLD=NEW", help="Another name for a label; may be given again."
)
@click.option(
    "--columns",
    metavar="NAME,...",
    help="These columns alone, by their names in --format csv or their headings.",
)
def command(
    runs: tuple[Path, ...],
    style: str,
    as_json: bool,
    baseline: str | None,
    select: str | None,
    rename: tuple[str, ...],
    columns: str | None,
) -> None:
    """Print the comparison table of RUNS: run folders, or folders above them.

    Runs that are still under way stand in a table of their own.
    """
    options.check_format(as_json)
    import pandas as pd

    from rfast_bench.analysis import unfinished
    from rfast_bench.analysis.columns import column_list, numbers_of
    from rfast_bench.analysis.tables import render, summarise, without
    from rfast_bench.analysis.written import json_text
    from rfast_bench.records.choosing import chosen, label_list, left_out, renamed

    labels, names, wanted = label_list(select or ""), renamed(rename), column_list(columns or "")
    base = names.get(baseline, baseline) if baseline else None

    def picked(found: Sequence[Run]) -> tuple[list[Run], list[str]]:
        """The runs that count, and the labels among them that get no row."""
        aside = left_out(found, labels, baseline)
        return chosen(found, [*labels, *aside], names), [names.get(label, label) for label in aside]

    def table(found: Sequence[Run]) -> str:
        shown, hidden = picked(found)
        return render(shown, style, base, chosen=wanted, together=bool(labels), aside=hidden)

    def summary(found: Sequence[Run]) -> pd.DataFrame:
        shown, hidden = picked(found)
        return without(summarise(shown, base), hidden)

    if as_json:
        found, under_way = unfinished.parted(runs)
        frame = summary(found) if found else pd.DataFrame()
        frame = numbers_of(frame, wanted) if wanted and found else frame
        click.echo(json_text.of_table(frame, unfinished=list(map(unfinished.numbers, under_way))), nl=False)
        return
    text, beside = unfinished.render_all(runs, style, baseline, table=table)
    click.echo(text, nl=False)
    if beside:
        remark(beside)
