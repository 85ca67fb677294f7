"""`rfast-bench trace`: who computed, who waited and which messages went where, for Perfetto."""

from __future__ import annotations

import math
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from rfast_bench.cli.common.saying import remark

_PATH = click.Path(path_type=Path)
END = "end"


def _until(ctx: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Seconds; infinite for all."""
    from rfast_bench.scenario.values.units import PositiveSeconds
    from rfast_bench.scenario.values.wording import first_of

    if text is None or text == END:
        return None if text is None else math.inf
    try:
        return float(TypeAdapter(PositiveSeconds).validate_python(text))
    except ValidationError as problem:
        raise click.BadParameter(f"give a time, such as 20 s, or {END}: {first_of(problem)}") from problem


@click.command("trace")
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option(
    "--out", "-o", type=_PATH, default=Path("trace.json"), show_default=True, help="The file to write."
)
@click.option(
    "--until",
    callback=_until,
    metavar="TIME|end",
    help="How much of each run.  [default: the stretch that timelines show, 20 mean compute times]",
)
def command(runs: tuple[Path, ...], out: Path, until: float | None) -> None:
    """Write a trace of RUNS, run folders or folders above them, to open in Perfetto (ui.perfetto.dev).

    A simulated run is done again to see every message. Of a real one only the computing is known.
    """
    from rfast_bench.files import write_text
    from rfast_bench.records.reading import find_runs
    from rfast_bench.trace.perfetto import trace as trace_of

    write_text(out, trace_of(find_runs(runs), until, remark))
    click.echo(out)
