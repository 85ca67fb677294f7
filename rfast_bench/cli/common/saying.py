"""`--quiet` and `--verbose`, of every command: how much is said beside what was asked for."""

from __future__ import annotations

from typing import Any

import click

_KEY = "rfast-bench.saying"


def _heard(ctx: click.Context, parameter: click.Parameter, given: bool) -> bool:
    if given:
        ctx.meta[_KEY] = parameter.name
    return given


def options() -> list[click.Option]:
    """Fresh ones; they may stand before or behind the command's name."""
    shared: dict[str, Any] = {"is_flag": True, "expose_value": False, "callback": _heard}
    return [
        click.Option(["--quiet", "-q"], help="Say nothing but what was asked for, and errors.", **shared),
        click.Option(["--verbose", "-v"], help="Say more: of what failed the whole stack.", **shared),
    ]


def is_quiet() -> bool:
    return _said() == "quiet"


def is_verbose() -> bool:
    return _said() == "verbose"


def _said() -> str:
    ctx = click.get_current_context(silent=True)
    return "" if ctx is None else str(ctx.meta.get(_KEY, ""))


def remark(text: str) -> None:
    """Beside what was asked for, on stderr; not when told to be quiet."""
    if not is_quiet():
        click.echo(text, err=True)
