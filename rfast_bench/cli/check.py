"""`rfast-bench check`: does a method or a problem of one's own keep the rules? What would a scenario run?

Exit code 0; 1 where a rule is broken; 2 for bad input.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from rfast_bench.cli.common import completing, options
from rfast_bench.errors import UserError


@click.command("check")
@click.argument("what", metavar="SCENARIO|FILE.py:CLASS|NAME", shell_complete=completing.checkable)
@click.option(
    "--parameters",
    "-p",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of a method or a problem, as a scenario gives it.",
)
@options.overrides
@options.out("The folder in which runs of SCENARIO count as done.", Path("results"))
@options.as_json
@click.option("--real/--no-real", default=True, help="Try a method on two real processes too.")
def command(
    what: str, given: tuple[str, ...], overrides: tuple[str, ...], out: Path, as_json: bool, real: bool
) -> None:
    """Check that an algorithm or a problem keeps the rules of the contract; or say what a SCENARIO would run.

    A method is tried in worlds driven by hand and in both worlds in miniature, which takes some seconds. Each finding
    says the file and line, what was seen, the rule and a mend: docs/writing-your-own.md.

    Of a scenario: how many runs, the expected time and memory, who holds which samples, the graphs, and cautions.
    Nothing is run, but each method is tried for a moment.
    """
    if _is_scenario(what):
        if given:
            raise UserError("--parameters is for a method or a problem; a scenario takes --set")
        _scenario(what, overrides, out, as_json)
        return
    if overrides:
        raise UserError(f"--set is for a scenario, and '{what}' is a method or a problem: use --parameters")
    from rfast_bench.conformance.text import as_data, as_text
    from rfast_bench.study.checking.apart import checked_apart

    findings, title = checked_apart(what, given, Path.cwd(), real)
    if as_json:
        click.echo(as_data(findings))
    else:
        click.echo(as_text(findings, title))
    if any(not one.caution for one in findings):
        sys.exit(1)


def _is_scenario(what: str) -> bool:
    from rfast_bench.scenario import shipped

    return what.endswith((".yaml", ".yml")) or what in shipped.names()


def _scenario(what: str, overrides: tuple[str, ...], out: Path, as_json: bool) -> None:
    from rfast_bench.plan import sources
    from rfast_bench.scenario import shipped

    path = shipped.find(what)
    sources.read(
        path, overrides
    )  # what is wrong by itself is told before anything is imported that takes long
    from rfast_bench.analysis.written import json_text
    from rfast_bench.study.checking.forecast import forecast
    from rfast_bench.study.checking.forecast_text import as_text

    found = forecast(path, overrides, out, os.cpu_count() or 1)
    click.echo(json_text.of(vars(found)) if as_json else f"{as_text(found)}\n", nl=False)
