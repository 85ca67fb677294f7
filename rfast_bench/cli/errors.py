"""How a command ends on bad input: one clear message on stderr, its exit code, no traceback."""

from __future__ import annotations

from typing import Any

import click

from rfast_bench.errors import UserError

BAD_INPUT = UserError.exit_code


class ErrorGroup(click.Group):
    """A click group that turns a UserError of any of its commands into a message and its exit code (2)."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
