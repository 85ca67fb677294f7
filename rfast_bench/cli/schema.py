"""`rfast-bench schema`: the JSON Schema of scenario files, by which editors complete and check them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click


@click.command("schema")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, instead of printing.",
)
def command(out: Path | None) -> None:
    """Print the JSON Schema of scenario files, by which editors complete and check them."""
    from rfast_bench.scenario.values.forms import DESCRIBED

    os.environ[DESCRIBED] = "yes"  # before the models are imported
    from rfast_bench.files import write_text
    from rfast_bench.plan.scenario_schema import scenario_schema

    text = json.dumps(scenario_schema(), indent=1, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        click.echo(f"wrote {out}; the first line of a scenario that uses it:")
        click.echo(f"# yaml-language-server: $schema={out}")
