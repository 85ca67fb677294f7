"""A group of commands that are imported when they are used: what one needs may take a second to import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from rfast_bench.cli.common import saying
from rfast_bench.cli.errors import ErrorGroup
from rfast_bench.errors import suggest

Known = Mapping[str, tuple[str, str]]
"""By name: the module below `rfast_bench.cli` in which it is called `command`, and what `--help` says of it."""


class Commands(ErrorGroup):
    """Knows its commands by name and by a line of help; `tasks` groups them, by what one wants to do."""

    def __init__(
        self, *args: Any, known: Known, tasks: Mapping[str, Sequence[str]] | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.known, self.tasks = known, dict(tasks or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.known:
            return None
        command: click.Command = import_module(f"rfast_bench.cli.{self.known[cmd_name][0]}").command
        return saying_options(command)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Raises UsageError with the nearest command."""
        if args and not args[0].startswith("-") and args[0] not in self.known:
            raise click.UsageError(f"no command '{args[0]}'{suggest(args[0], self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Without importing the commands; options are asked for as of any group."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [CompletionItem(name, help=self.known[name][1]) for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, self.known))
        for title, names in self.tasks.items() or {"Commands": self.list_commands(ctx)}.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), self.known[name][1]) for name in names])


def saying_options(command: click.Command) -> click.Command:
    """The command with `--quiet` and `--verbose`, its subcommands too where they are known by now."""
    known = {option for parameter in command.params for option in parameter.opts}
    command.params += [option for option in saying.options() if not known & set(option.opts)]
    for inner in getattr(command, "commands", {}).values():
        saying_options(inner)
    return command
