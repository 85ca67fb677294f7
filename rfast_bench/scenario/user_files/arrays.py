"""NumPy files of a stranger: no objects, no larger than they say, and no more than they hold.

Every complaint is an OSError or a ValueError.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.files import regular

LARGE, RATIO = 2**28, 100
"""An array of more than so many bytes may be so many times as large as what it is packed into."""
MALFORMED = (
    *(zipfile.BadZipFile, zlib.error, LZMAError, EOFError, TokenError, SyntaxError, RecursionError),
    *(TypeError, LookupError, OverflowError, NotImplementedError, RuntimeError, AttributeError),
)
"""What NumPy and zipfile raise of files that are none of theirs, beside ValueError."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except MALFORMED as problem:
        raise ValueError(" ".join(str(problem).split()) or type(problem).__name__) from problem


def read_array(path: Path) -> NDArray[Any]:
    """The array of a `.npy` file."""
    with _told(), regular(path) as file:
        if file.read(2) == b"PK":
            raise ValueError("an archive of several arrays")
        size = file.seek(0, 2)
        file.seek(0)
        return _array(file, size)


class Archive:
    """The arrays of a `.npz` file by name, each read when it is asked for. To be used in a `with` block."""

    def __init__(self, path: Path) -> None:
        self._file = regular(path)
        try:
            with _told():
                if self._file.read(6) == np.lib.format.MAGIC_PREFIX:
                    raise ValueError("a single array")
                self._archive = zipfile.ZipFile(self._file)
        except ValueError:
            self._file.close()
            raise
        self.files = [name.removesuffix(".npy") for name in self._archive.namelist()]

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *ending: object) -> None:
        self._file.close()

    def __getitem__(self, name: str) -> NDArray[Any]:
        with _told():
            known = {one.filename.removesuffix(".npy"): one for one in self._archive.infolist()}[name]
            if known.file_size > max(LARGE, RATIO * known.compress_size):
                raise ValueError(
                    f"array '{name}' would be {known.file_size} bytes, packed into {known.compress_size}; arrays of "
                    f"more than {LARGE} are packed {RATIO} times at most: write it with np.savez"
                )
            with self._archive.open(known) as file:
                return _array(file, known.file_size)


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Raises ValueError, and what MALFORMED names."""
    form = np.lib.format
    version = form.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"it is of version {version}")
    header: Any = {(1, 0): form.read_array_header_1_0}.get(version, form.read_array_header_2_0)
    shape, by_columns, kind = header(file)
    if kind.hasobject:
        raise ValueError("object arrays are not read")
    if any(not isinstance(length, int) or length < 0 for length in shape):
        raise ValueError(f"its shape is {shape}")
    count = math.prod(shape)
    if kind.itemsize == 0 or count * kind.itemsize > size:
        raise ValueError(f"it says that it is {kind} of shape {shape}, and has {size} bytes")
    data = memoryview(bytearray(count * kind.itemsize))
    there = 0
    while more := file.readinto(data[there:]):  # type: ignore[attr-defined]
        there += more
    if there < len(data):
        raise ValueError(f"it ends before its {count} numbers do")
    flat = np.frombuffer(data, kind, count) if count else np.empty(0, kind)
    return flat.reshape(shape[::-1]).T if by_columns else flat.reshape(shape)
