"""How a command ends on bad input: one clear message on stderr, exit code 2, no traceback."""

from __future__ import annotations

from typing import Any

import click

from rfast_bench.errors import UserError

BAD_INPUT = 2


class ErrorGroup(click.Group):
    """A click group that turns a UserError of any of its commands into a message and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(BAD_INPUT)
