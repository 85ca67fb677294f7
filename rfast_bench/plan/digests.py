"""Fingerprints of what a run depends on outside its scenario file: data, graphs, the algorithm's source."""

from __future__ import annotations

import hashlib
import inspect
from functools import lru_cache
from pathlib import Path
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.scenario.values.base import is_code


def with_contents(value: Any) -> Any:
    """The same plain values with every path replaced by a digest of what lies there.

    Of `/path/to/file.py:name` the path is; files that the file imports do not count.
    """
    if isinstance(value, dict):
        return {key: with_contents(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_contents(item) for item in value]
    if isinstance(value, str) and is_code(value):
        file, _, name = value.rpartition(":")
        return f"{of_path(Path(file))}:{name}"
    return of_path(value) if isinstance(value, Path) else value


def of_source(algorithm: type) -> str:
    """A digest of the file that defines a class, and of those of the algorithms that it builds on."""
    built_on = (c for c in algorithm.__mro__ if issubclass(c, Algorithm) and c is not Algorithm)
    files = dict.fromkeys(Path(inspect.getfile(c)) for c in (algorithm, *built_on))
    return " ".join(map(of_path, files))


def of_class(found: type) -> str:
    """Of a class: its name in its file, and the file."""
    return f"{found.__qualname__} {of_source(found)}"


def of_path(path: Path) -> str:
    """A digest of a file's contents, or of all files of a folder; `missing` when there is nothing."""
    if path.is_dir():
        return " ".join(f"{p.name}:{of_path(p)}" for p in sorted(path.iterdir()) if p.is_file())
    if not path.is_file():
        return "missing"
    about = path.stat()
    return _of_file(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=256)
def _of_file(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
