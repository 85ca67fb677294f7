"""Whether a MAT file of version 5 may be as large as it says: the reader asks for that much memory before it reads.

The format is MathWorks' "MAT-File Format" of level 5: a header of 128 bytes, then elements of a tag (type, bytes) and
contents, mostly compressed; a matrix is an element of elements.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from rfast_bench.files import regular

HEADER, TAG, COMPRESSED = 128, 8, 15
BEGINNING = 4096
"""Bytes of a matrix in which all its tags stand: what comes last is its numbers."""
DENSEST = 1100
"""Bytes that one compressed byte stands for, at most: zlib's are 1032."""


def check_sizes(path: Path) -> None:
    """Raises ValueError where an element says that it is larger than the file could hold; OSError, zlib.error."""
    whole = path.stat().st_size
    with regular(path) as file:
        head = file.read(HEADER)
        if len(head) < HEADER or 0 in head[:4]:
            raise ValueError("it is no MAT file of version 5")
        order = ">" if head[126:128] == b"MI" else "<"
        at = HEADER
        while at + TAG <= whole:
            file.seek(at)
            kind, size = struct.unpack(order + "II", file.read(TAG))
            at += TAG + size
            if at > whole:
                raise _too_large(size)
            content = file.read(min(size, BEGINNING))
            most = size
            if kind == COMPRESSED:
                content, most = zlib.decompressobj().decompress(content, BEGINNING)[TAG:], DENSEST * size
            for inner in _sizes(content, order):
                if inner > most:
                    raise _too_large(inner)


def _sizes(content: bytes, order: str) -> Iterator[int]:
    """Of a matrix's elements, whose contents are filled up to eight bytes; a short one has its contents in its tag."""
    at = 0
    while at + TAG <= len(content):
        kind, size = struct.unpack_from(order + "II", content, at)
        short = kind >> 16 != 0
        yield 0 if short else size
        at += TAG if short else TAG + -(-size // 8) * 8


def _too_large(size: int) -> ValueError:
    return ValueError(f"a part of it says that it has {size} bytes, more than the file could hold")
