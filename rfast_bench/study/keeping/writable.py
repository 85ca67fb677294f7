"""Places where nothing can be written, told before the first run, and at the first record that cannot be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rfast_bench.errors import UserError


class NoRoom(UserError):
    """A record that cannot be written."""


@contextmanager
def kept(folder: Path) -> Iterator[None]:
    """Raises NoRoom where a record cannot be written: a full disk, a folder that became read-only."""
    try:
        yield
    except OSError as problem:
        raise NoRoom(
            f"cannot write {folder}: {problem.strerror or problem}. What is finished is kept, and the same command "
            "takes up what is missing"
        ) from problem


def check_writable(out: Path, what: str = "output folder") -> None:
    """Raises UserError when nothing can be written below `out`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as problem:
        raise UserError(f"cannot write to the {what} {out}: {problem.strerror}") from problem
