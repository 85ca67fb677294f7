"""Options and arguments that several commands have, in the same words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from rfast_bench.cli.common import completing

PATH = click.Path(path_type=Path)
Decorator = Callable[[Any], Any]
overrides: Decorator = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of SCENARIO, e.g. network.loss=0.2.",
)
as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
kind: Decorator = click.option(
    "--kind", metavar="K", shell_complete=completing.kinds, help="A named kind of graph, e.g. binary-tree."
)
workers: Decorator = click.option(
    "--workers", "-n", "workers", type=click.IntRange(min=1), metavar="N", help="How many workers."
)


def check_format(as_json: bool) -> None:
    """Raises UsageError where the command that is running was given both `--json` and `--format`."""
    given = click.get_current_context().get_parameter_source("style")
    if as_json and given is ParameterSource.COMMANDLINE:
        raise click.UsageError("give one of --json and --format")


def scenario(required: bool = True) -> Decorator:
    """The argument SCENARIO: a file, or the name of a shipped one."""
    return click.argument("scenario", type=PATH, required=required, shell_complete=completing.scenarios)


def out(what: str, default: Path | None = None, **more: Any) -> Decorator:
    return click.option(
        "--out", "-o", type=PATH, default=default, show_default=default is not None, help=what, **more
    )
