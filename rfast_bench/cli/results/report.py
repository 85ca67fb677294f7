"""`rfast-bench report`: run folders into one page to read, send or print."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)
FORMATS = ("html", "pdf")


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option("--out", "-o", type=_PATH, help="The file to write.  [default: report.html or report.pdf]")
@click.option(
    "--format", "style", type=click.Choice(FORMATS), help="By default what the file's ending says, else html."
)
@click.option("--baseline", help="Label that speed-ups are given against.")
def command(runs: tuple[Path, ...], out: Path | None, style: str | None, baseline: str | None) -> None:
    """Write a report of RUNS, run folders or folders above them: one page that needs nothing else."""
    from rfast_bench.files import write_bytes
    from rfast_bench.records.reading import find_runs
    from rfast_bench.report.page.html import page
    from rfast_bench.report.page.pdf import find_browser, to_pdf
    from rfast_bench.study.shards import of_records

    style = style or ("pdf" if out is not None and out.suffix == ".pdf" else "html")
    if style == "pdf":
        find_browser()
    text = page(find_runs(runs), baseline, of_records)
    out = out or Path(f"report.{style}")
    write_bytes(out, to_pdf(text) if style == "pdf" else text.encode())
    click.echo(out)
