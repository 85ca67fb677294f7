"""Temporary folders that go with the process that made them: at the end of a block, or, where that process was killed,
when the next one makes its own.

A folder's owner holds a lock on a file in it, which the system lets go with the process: so no number of a process
that is gone can be taken for another's. What belongs to another machine, or to another user, is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing import util
from pathlib import Path

from rfast_bench.processes.environment import machine

PREFIX = "rfast-bench-"
SERVERS = "pymp-"
"""Of the folder where multiprocessing has its sockets: of any program's, but ours have an owner."""
OWNER = "owner"
SHORT = Path("/tmp")
"""For sockets, where the place for temporary folders has a long name."""
LONGEST = 107 - len("/pymp-12345678/listener-12345678")
"""Bytes of that name: a socket's address has at most 107, by unix(7)."""
_kept = contextlib.ExitStack()


@contextlib.contextmanager
def folder_of_own(home: Path | None = None) -> Iterator[Path]:
    """A folder of this process alone, of mode 0700: in the place for such things, or hidden in `home`.

    What killed processes left there is removed first.
    """
    prefix = f".{PREFIX}" if home else PREFIX
    sweep_all()
    if home is not None:
        sweep(home, prefix)
    made = tempfile.TemporaryDirectory(prefix=prefix, dir=home, ignore_cleanup_errors=True)
    with made as name, _owned(Path(name)):
        yield Path(name)


@contextlib.contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """The file has its name only once it is locked."""
    partial = folder / f".{OWNER}"
    with partial.open("w", encoding="utf-8") as file:
        with contextlib.suppress(
            OSError
        ):  # a file system without locks: the folder stays if this one is killed
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(machine())
            file.flush()
            partial.replace(folder / OWNER)
        yield


def keep(folder: Path) -> None:
    """Own a folder that somebody else made and removes, unless it is owned; until this process ends."""
    if not (folder / OWNER).exists():
        _kept.enter_context(_owned(folder))


def folder_of_sockets() -> Path:
    """multiprocessing's own, which it makes and removes; now in a place whose name is short enough."""
    before, tempfile.tempdir = tempfile.gettempdir(), str(_place_of_sockets())
    try:
        return Path(util.get_temp_dir())
    finally:
        tempfile.tempdir = before


def _place_of_sockets() -> Path:
    place = tempfile.gettempdir()
    return Path(place) if len(os.fsencode(place)) <= LONGEST else SHORT


def sweep_all() -> None:
    """In the places for such things."""
    sweep(Path(tempfile.gettempdir()), PREFIX)
    sweep(_place_of_sockets(), SERVERS)


def sweep(home: Path, prefix: str) -> None:
    """Remove the folders whose owners are gone."""
    for folder in home.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Raises OSError where its owner lives, or where it is not known."""
    about = folder.lstat()
    if folder.is_symlink() or about.st_uid != os.getuid():
        return False
    with open(os.open(folder / OWNER, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
        if file.read() != machine():
            return False
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
