"""Files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

from rfast_bench.errors import UserError


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises UserError."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror}") from problem
