"""`rfast-bench check`: does a method or a problem of one's own keep the rules? Exit code 0 or 1; 2 for bad input."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rfast_bench.cli.common import options


@click.command("check")
@click.argument("what", metavar="FILE.py:CLASS|NAME")
@click.option(
    "--parameters",
    "-p",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter, as a scenario gives it.",
)
@options.as_json
@click.option("--real/--no-real", default=True, help="Try it on two real processes too.")
def command(what: str, given: tuple[str, ...], as_json: bool, real: bool) -> None:
    """Check that an algorithm (or a problem) keeps the rules of the contract.

    It is tried in worlds driven by hand and in both worlds in miniature, which takes some seconds. Each finding says
    the file and line, what was seen, the rule and a mend: docs/writing-your-own.md.
    """
    from rfast_bench.conformance.text import as_data, as_text
    from rfast_bench.study.checking.apart import checked_apart

    findings, title = checked_apart(what, given, Path.cwd(), real)
    if as_json:
        click.echo(as_data(findings))
    else:
        click.echo(as_text(findings, title))
    if any(not one.caution for one in findings):
        sys.exit(1)
