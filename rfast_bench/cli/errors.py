"""How a command ends before it is done: on bad input with one clear message on stderr and no traceback, on a signal by
way of every `finally`.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from rfast_bench.cli.common.saying import is_verbose
from rfast_bench.errors import UserError

BAD_INPUT = UserError.exit_code


class ErrorGroup(click.Group):
    """A click group that turns a UserError of any of its commands into a message and its exit code (2)."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            if is_verbose():
                click.echo("".join(traceback.format_exception(error)), err=True)
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


class Told(KeyboardInterrupt):
    """Told to end by a signal; what follows is what follows on Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


ENDING = (signal.SIGTERM, signal.SIGHUP)
_told: list[Told] = []
"""The one that was raised: code in C (of pydantic, while modules are imported) may raise something else instead."""


@contextmanager
def told_to_end() -> Iterator[None]:
    """Within the block the signals that end a process raise `Told`, once; those that are ignored stay so (`nohup`)."""
    _told.clear()
    heeded = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in heeded:
        signal.signal(number, _tell)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def ends_when_told(said: str = "") -> Iterator[None]:
    """Signals that end a process are heeded within the block, Ctrl-C too: it is left by way of every `finally`, the
    user is told, with `said` behind, and the process ends with the code that a shell would give."""
    try:
        with told_to_end():
            yield
    except KeyboardInterrupt as problem:
        _leave(problem, said)
    except Exception:
        if not _told:
            raise
        _leave(_told[0], said)


def _leave(why: KeyboardInterrupt, said: str) -> NoReturn:
    how, code = (f"Ended by {why}", why.code) if isinstance(why, Told) else ("Interrupted", 130)
    click.echo(f"\n{how}.{said}", err=True)
    sys.exit(code)


def _tell(number: int, frame: object) -> NoReturn:
    for each in ENDING:
        if signal.getsignal(each) is _tell:
            signal.signal(each, signal.SIG_IGN)  # cleaning up is not interrupted once more
    _told.append(Told(number))
    raise _told[0]
