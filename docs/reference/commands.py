"""Writes the page of all commands from what they say themselves: `python -m docs.reference.commands`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from rfast_bench.cli.commands import main

PAGE = Path(__file__).with_name("commands.md")
HEAD = """# Commands

What `rfast-bench COMMAND --help` prints. Written by `python -m docs.reference.commands`; a test holds it current.
Exit codes: [Exit codes](../scenarios.md#exit-codes).
"""
WIDTH = 100


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[click.Context, str]]:
    """A command and those below it, each with its help."""
    yield context, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            inner = click.Context(
                below, info_name=name, parent=context, terminal_width=WIDTH, max_content_width=WIDTH
            )
            yield from commands(below, inner)


def page() -> str:
    """The text of the page."""
    top = click.Context(
        main,
        info_name="rfast-bench",
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],  # as its settings have it
    )
    parts = [HEAD]
    for context, told in commands(main, top):
        path = context.command_path
        parts += [f"{'#' * min(3, 1 + len(path.split()))} `{path}`", f"```text\n{told}\n```"]
    return (
        "\n".join(f"{part}\n" for part in parts).replace("## `rfast-bench`\n", "## `rfast-bench`\n").rstrip()
        + "\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
