"""Files that appear whole or not at all, and files that are read though nobody knows what they are."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rfast_bench.errors import UserError


def working_folder() -> Path:
    """Raises UserError where it is gone: nothing can be found, and no process started, from there."""
    try:
        return Path.cwd()
    except FileNotFoundError as problem:
        raise UserError("the working folder does not exist any more; change to another one") from problem


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises UserError."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises UserError."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as problem:
        with suppress(OSError):
            partial.unlink()
        raise UserError(f"cannot write {path}: {problem.strerror}") from problem


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """What is in a file. Raises OSError for what is none (nobody waits for a pipe), ValueError for more than `most`
    bytes."""
    with regular(path) as file:
        data = file.read() if most is None else file.read(most + 1)
    if most is not None and len(data) > most:
        raise ValueError(f"it is larger than {most} bytes")
    return data


def read_text(path: Path, most: int | None = None, encoding: str = "utf-8") -> str:
    """The same of a text, its line breaks made plain. Raises UnicodeDecodeError, a ValueError, too."""
    return read_bytes(path, most).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def regular(path: Path) -> BinaryIO:
    """The file, open to be read. Raises OSError for pipes, devices and folders: they may have no end, or never begin;
    ValueError for a name that none can have."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return os.fdopen(descriptor, "rb")
