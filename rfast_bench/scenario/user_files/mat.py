"""Whether a MAT file of version 5 may be as large as it says, and is of types that there are.

The reader (SciPy's) asks for as much memory as an element says before it reads, and does not check types.

The format is MathWorks' "MAT-File Format" of level 5: a header of 128 bytes, then elements of a tag (type, bytes) and
contents, mostly compressed; a matrix is an element of elements.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from rfast_bench.files import regular

HEADER, TAG, MATRIX, COMPRESSED = 128, 8, 14, 15
NUMBERS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
KINDS = NUMBERS | {MATRIX, COMPRESSED, 16, 17, 18}
"""Types of elements; the reader looks others up beyond the end of its table."""
CLASSES, COMPLEX, BEFORE = range(6, 16), 0x800, 3
"""Of matrices of numbers, their flag of imaginary parts, and what stands before these: flags, dimensions, name."""
BEGINNING = 4096
"""Bytes of a matrix in which all its tags stand: what comes last is its numbers."""
DENSEST = 1100
"""Bytes that one compressed byte stands for, at most: zlib's are 1032."""


def check_sizes(path: Path) -> None:
    """Raises ValueError where an element says that it is larger than the file could hold, or of a type that there is
    not; OSError, zlib.error."""
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
            _check_kind(kind)
            at += TAG + size
            if at > whole:
                raise _too_large(size)
            content = file.read(min(size, BEGINNING))
            most = size
            if kind == COMPRESSED:
                content, most = zlib.decompressobj().decompress(content, BEGINNING)[TAG:], DENSEST * size
            _check_matrix(content, order, most)


def _check_matrix(content: bytes, order: str, most: int) -> None:
    """`content`: its beginning; `most`: bytes that the whole has at most."""
    elements = list(_elements(content, order))
    for kind, size in elements:
        _check_kind(kind)
        if size > most:
            raise _too_large(size)
    flags = struct.unpack_from(order + "I", content, TAG)[0] if len(content) >= 2 * TAG else 0
    if flags % 256 not in CLASSES:
        return  # such a one is not read
    if flags & COMPLEX:
        raise ValueError("a matrix in it is of complex numbers")
    if len(elements) <= BEFORE or not {kind for kind, _ in elements[BEFORE:]} <= NUMBERS:
        raise ValueError("a matrix of numbers in it has no numbers where they should be")


def _elements(content: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Types and sizes of a matrix's elements, whose contents are filled up to eight bytes; a short one (size 0) has its
    contents in its tag."""
    at = 0
    while at + TAG <= len(content):
        kind, size = struct.unpack_from(order + "II", content, at)
        short = kind >> 16 != 0
        yield (kind & 0xFFFF, 0) if short else (kind, size)
        at += TAG if short else TAG + -(-size // 8) * 8


def _check_kind(kind: int) -> None:
    if kind not in KINDS:
        raise ValueError(f"a part of it is of type {kind}, which there is not")


def _too_large(size: int) -> ValueError:
    return ValueError(f"a part of it says that it has {size} bytes, more than the file could hold")
