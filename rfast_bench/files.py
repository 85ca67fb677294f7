"""Files that appear whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from rfast_bench.errors import UserError


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
