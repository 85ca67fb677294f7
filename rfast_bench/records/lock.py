"""One `run` at a time in a scenario's folder: two would write the same records, and each delete the other's."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rfast_bench.errors import UserError


class Hold(ExitStack):
    """Holds folders until it is left, each from the first time on that it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self._homes: set[Path] = set()

    def __call__(self, home: Path) -> None:
        """Raises UserError as `alone` does."""
        if home not in self._homes:
            self.enter_context(alone(home))
            self._homes.add(home)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the folder, which is made if need be. Raises UserError when another process does, or nothing can be written
    there. The kernel lets go of it when its process dies, however it dies, and no file is left. On a file system
    without locks nobody is held back."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        folder = os.open(home, os.O_RDONLY)
    except OSError as problem:
        raise UserError(f"cannot write to the output folder {home}: {problem.strerror}") from problem
    try:
        _lock(folder, home)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, home: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"{home}: another rfast-bench run is at work there; wait for it, or give another folder with --out"
        ) from None
    except OSError:
        return  # no locks here
