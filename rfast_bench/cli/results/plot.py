"""`rfast-bench plot`: the comparison of runs in figures, all that there are or one."""

from __future__ import annotations

from pathlib import Path

import click

from rfast_bench.errors import UserError

_PATH = click.Path(path_type=Path)
FORMATS = ("svg", "pdf", "png", "pgf")
STYLES = ("screen", "paper", "dark")
X = ("time", "epoch", "gradients", "bytes")


@click.command("plot")
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option(
    "--out",
    "-o",
    type=_PATH,
    default=Path("plots"),
    show_default=True,
    help="A folder; or one figure's file, which ends in .svg, .pdf, .png or .pgf.",
)
@click.option("--baseline", help="Label that speed-ups are given against.")
@click.option("--x", type=click.Choice(X), help="One figure, against this.  [default: time]")
@click.option(
    "--y", metavar="NAME", help="One figure, of this column of curves.csv.  [default: gap, or loss]"
)
@click.option("--select", metavar="LABEL,...", help="These labels alone, in this order.")
@click.option(
    "--rename", multiple=True, metavar="OLD=NEW", help="Another name for a label; may be given again."
)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="By default as -o ends, else png.")
@click.option("--size", metavar="WxH", help="Of one figure, with in, cm or mm: 3.25x2.4in.")
@click.option(
    "--style",
    type=click.Choice(STYLES),
    help="By default screen; paper for one figure of less than 5.5 inches.",
)
@click.option(
    "--log/--linear", default=None, help="The y axis of one figure.  [default: as suits the number]"
)
@click.option("--xlim", metavar="LOW,HIGH", help="What one figure shows of its x axis: 0,8.")
@click.option("--ylim", metavar="LOW,HIGH", help="The same of its y axis.")
@click.option("--no-title", is_flag=True, help="One figure without a headline; its caption is printed.")
def command(
    runs: tuple[Path, ...],
    out: Path,
    baseline: str | None,
    x: str | None,
    y: str | None,
    select: str | None,
    rename: tuple[str, ...],
    format_: str | None,
    size: str | None,
    style: str | None,
    log: bool | None,
    xlim: str | None,
    ylim: str | None,
    no_title: bool,
) -> None:
    """Draw the figures of RUNS: run folders, or folders above them.

    With --x or --y, or where -o names a file, one figure: curves of all RUNS together.
    """
    from rfast_bench.figures.one import Wanted, carried, draw_one, is_file, limits, size_of
    from rfast_bench.figures.plots import draw
    from rfast_bench.records.choosing import chosen, label_list, renamed
    from rfast_bench.records.reading import baselines, find_runs

    labels, names = label_list(select or ""), renamed(rename)
    single = is_file(out) or x is not None or y is not None
    suffix = _suffix(out, format_, is_file(out))
    inches = size_of(size) if size is not None else None
    shown_x, shown_y = (
        limits(name, text) if text else None for name, text in (("--xlim", xlim), ("--ylim", ylim))
    )
    if not single and (no_title or any(one is not None for one in (inches, log, shown_x, shown_y))):
        raise UserError(
            "--size, --log, --linear, --xlim, --ylim and --no-title are of one figure: give --x, --y or -o FILE.pdf"
        )
    every = find_runs(runs)
    base = names.get(baseline, baseline) if baseline else None
    shown = chosen(every, labels, names)
    baselines(shown, base)
    if not single:
        for figure in draw(shown, out, base, carried(shown, every), style or "screen", suffix):
            click.echo(figure)
        return
    wanted = Wanted(x or "time", y, style, inches, log, not no_title, shown_x, shown_y)
    target = out if is_file(out) else out / f"{y or 'curves'}-vs-{x or 'time'}{suffix}"
    caption = draw_one(shown, target, wanted, every)
    click.echo(target)
    click.echo(f"caption: {caption}", err=True)


def _suffix(out: Path, format_: str | None, one: bool) -> str:
    """What figures end in. Raises UserError where -o says otherwise."""
    if one and format_ is not None and out.suffix != f".{format_}":
        raise UserError(f"--format {format_}: -o names '{out}', which ends in {out.suffix}")
    return out.suffix if one else f".{format_ or 'png'}"
