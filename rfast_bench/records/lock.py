"""One `run` at a time in a scenario's folder: two would write the same records, and each delete the other's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rfast_bench.errors import UserError

LOCK = ".lock"
"""Hidden, in the scenario's folder. The kernel lets go of it when its process dies, however it dies."""


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the folder, which is made if need be. Raises UserError when another process does, or nothing can be written
    there. On a file system without locks nobody is held back."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{home}: another rfast-bench run is at work there; wait for it, or give another folder with --out"
        ) from None
    except NotImplementedError:
        yield
        return
    except OSError as problem:
        raise UserError(f"cannot write to the output folder {home}: {problem.strerror}") from problem
    try:
        yield
    finally:
        lock.release()
