"""NumPy files that say what is not so."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz import hostile

SHAPES = (
    (10**12,),
    (10**6, 10**6),
    (2**40, 2**40),
    (-1,),
    (0,),
    (3, 0),
    (),
    (2**62, 2),
    (1,) * 33,
    (True,),
    (1.5,),
    "x",
)
TYPES = (
    "<f8",
    "|O",
    "<U1000000000",
    "|V2147483647",
    ">c16",
    "[('a', '<f8')]",
    "x",
    "<m8[s]",
    "(3,)f8",
    "|S0",
    "S9" * 99,
)


def header(shape: object, kind: object, data: bytes = b"\x00" * 64, order: object = False) -> bytes:
    """An NPY file that claims a shape and a type."""
    text = repr({"descr": kind, "fortran_order": order, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def _one(array: np.ndarray, rng: hostile.Rng) -> bytes:
    match rng.integers(6):
        case 0:
            return header(hostile.pick(rng, SHAPES), "<f8")
        case 1:
            return header((4,), hostile.pick(rng, TYPES))
        case 2:
            return header(hostile.value(rng), hostile.value(rng), order=hostile.value(rng))
        case 3:
            return header("[" * 500 + "]" * 500, "<f8").replace(b"'[[", b"[[").replace(b"]]'", b"]]")
        case _:
            return _saved(array)


@cache
def bomb() -> bytes:
    """A megabyte that is a gigabyte: a right archive of nothing but zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, shape in (("X", (2**20, 2**7)), ("y", (2**20,))):
            with archive.open(f"{name}.npy", "w") as file:
                file.write(header(shape, "<f8", b""))
                for _ in range(np.prod(shape) // 2**17):
                    file.write(bytes(2**20))
    return out.getvalue()


def _saved(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def write(path: Path, arrays: Mapping[str, np.ndarray], rng: hostile.Rng) -> None:
    """The arrays as NPY or NPZ, most of them wrong somewhere."""
    if path.suffix == ".npy":
        content = _one(next(iter(arrays.values())), rng)
        path.write_bytes(hostile.bytes_changed(content, rng) if rng.integers(2) else content)
        return
    if rng.integers(20) == 0:
        path.write_bytes(bomb())
        return
    kind = int(rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, array in arrays.items():
            content = _one(array, rng)
            archive.writestr(f"{name}.npy", content)
        if rng.integers(4) == 0:
            archive.writestr("../../escaped.npy", _saved(np.arange(3)))
    if rng.integers(2):
        hostile.damaged(path, rng)
