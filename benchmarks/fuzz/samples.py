"""Data sets in every format that is read, and lists of rows for workers."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import pickletools
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz import archives, hostile
from benchmarks.fuzz.boxed import Escaped
from benchmarks.fuzz.huge import huge_text
from rfast_bench.problems.data.datasets import Data, load
from rfast_bench.problems.data.owned import by_file
from rfast_bench.scenario.problem import data as specs

Rng = hostile.Rng
TABLE = "a,b,who,y\n" + "".join(f"{0.5 * k},{k * k},w{k % 3},{k % 2}\n" for k in range(12))


def _loaded(spec: Any, owner: str | None = None, shaped: bool = False) -> Callable[[], object]:
    return lambda: load(spec, 0.25, "float64", "problem", owner=owner, shaped=shaped)


def table(rng: Rng, folder: Path) -> Callable[[], object]:
    """CSV with a header."""
    path = folder / "data.csv"
    path.write_text(TABLE)
    match rng.integers(14):
        case 0:
            path.write_text(huge_text(rng))
        case 1:
            word = hostile.pick(rng, hostile.WORDS)
            path.write_text(TABLE.replace("0.5", word, 1))
        case 2:
            path.write_text(",".join(map(str, range(300_000))) + "\n")
        case _:
            hostile.damaged(path, rng)
    more: dict[str, Any] = {"drop": "who"} if rng.integers(2) else {}
    spec = specs.CsvSpec(kind="csv", path=path, target="y", **more)
    return _loaded(spec, None if more else "who")


def archive(rng: Rng, folder: Path) -> Callable[[], object]:
    """NPZ."""
    path = folder / "data.npz"
    kinds = ("<f8", "<f4", "<i8", "?", "<U3", "<c16")
    x = np.arange(24.0).reshape(12, 2).astype(hostile.pick(rng, kinds))
    arrays = {"X": x, "y": np.arange(12) % 2, "who": np.arange(12) % 3}
    archives.write(path, arrays, rng)
    return _loaded(specs.NpzSpec(kind="npz", path=path), "who" if rng.integers(2) else None)


def _idx(shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in shape)
    return bytes([0, 0, 8, len(shape)]) + sizes + bytes(k % 2 for k in range(int(np.prod(shape))))


def idx(rng: Rng, folder: Path) -> Callable[[], object]:
    """MNIST's files, zipped or not."""
    names = [
        f"{part}-{what}" for part in ("train", "t10k") for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    for name in names:
        (folder / name).write_bytes(_idx((8, 4, 4) if "idx3" in name else (8,)))
    path = folder / hostile.pick(rng, names)
    match rng.integers(6):
        case 0:
            content = gzip.compress(hostile.bytes_changed(path.read_bytes(), rng))
            path.unlink()
            path.with_name(f"{path.name}.gz").write_bytes(hostile.bytes_changed(content, rng))
        case 1:
            path.unlink()
            path.with_name(f"{path.name}.gz").write_bytes(bomb())
        case _:
            hostile.damaged(path, rng)
    return _loaded(specs.ImagesSpec(kind="mnist", path=folder), shaped=True)


@cache
def bomb() -> bytes:
    """Two megabytes that are two gigabytes."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as file:
        for _ in range(128):
            file.write(bytes(2**24))
    return out.getvalue()


def _pickles(folder: Path) -> list[bytes]:
    canary = f"touch {folder / 'canary'}".encode()
    bomb = b"\x80\x02}(X\x04\x00\x00\x00data(lq\x00"
    bomb += b"".join(b"h%c" % k * 9 + b"(lq%c" % (k + 1) for k in range(0))
    deep = b"\x80\x02}q\x00(X\x06\x00\x00\x00labels]q\x01X\x01\x00\x00\x00aa"
    for k in range(1, 30):
        deep += b"](" + b"h%c" % k * 9 + b"eq%c" % (k + 1)
    rows = np.zeros((3, 3072), np.uint8)
    return [
        b"cos\nsystem\n(S'" + canary + b"'\ntR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c" + bytes([len(canary)]) + canary + b"\x85R.",
        b"\x80\x02cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.",
        b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02cnumpy\ndtype\nX\x0b\x00\x00\x00V1000000000\x85R.",
        b"\x80\x02]r\xff\xff\xff\x0f.",
        b"\x80\x02]r\xff\xff\xff\x7f.",
        b"\x80\x04\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x05\x8e\xff\xff\xff\xff\x00\x00\x00\x00.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I1000000000000\ntS'b'\ntR.",
        deep + b"s.",
        b"]" * 100_000 + b"a" * 99_999 + b".",
        b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02}(X\x04\x00\x00\x00dataK\x01X\x06\x00\x00\x00labels\x8a\xff" + b"\x7f" * 255 + b"u.",
        pickle.dumps({b"data": rows.tolist(), b"labels": [0, 1, 2]}),
        pickle.dumps({b"data": rows, b"labels": [10**400, 1.5, None]}),
        pickle.dumps({b"data": rows.astype(object), b"labels": np.arange(3)}),
        pickle.dumps({"data": rows, "labels": [[0], [1, 2], []]}),
        bomb,
    ]


def cifar(rng: Rng, folder: Path) -> Callable[[], object]:
    """CIFAR-10 as pickles or as plain bytes."""
    for stem in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        batch = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}
        (folder / stem).write_bytes(pickle.dumps(batch, protocol=int(rng.integers(0, 6))))
    path = folder / f"data_batch_{rng.integers(1, 6)}"
    match rng.integers(5):
        case 0:
            odd = _pickles(folder)
            path.write_bytes(hostile.pick(rng, odd))
        case 1:
            path.unlink()
            path.with_name(f"{path.name}.bin").write_bytes(hostile.bytes_changed(bytes(2 * 3073), rng))
        case 2:
            _opcodes_changed(path, rng)
        case _:
            hostile.damaged(path, rng)
    read = _loaded(specs.ImagesSpec(kind="cifar-10", path=folder), shaped=True)

    def call() -> None:
        try:
            read()
        finally:
            if (folder / "canary").exists():
                raise Escaped("a pickle executed a command")

    return call


def _opcodes_changed(path: Path, rng: Rng) -> None:
    """Among the pickle's first bytes, where its commands are: those in the middle are pixels."""
    content = bytearray(path.read_bytes())
    ends = [k for k in range(len(content)) if k < 150 or k > len(content) - 60]
    for _ in range(int(rng.integers(1, 4))):
        where = hostile.pick(rng, ends)
        codes = [code.code.encode("latin-1")[0] for code in pickletools.opcodes]
        content[where] = hostile.pick(rng, codes)
    path.write_bytes(bytes(content))


def svhn(rng: Rng, folder: Path) -> Callable[[], object]:
    """MATLAB's files."""
    from scipy.io import savemat

    for part in ("train", "test"):
        content = {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [10]], np.uint8)}
        savemat(folder / f"{part}_32x32.mat", content, do_compression=bool(rng.integers(2)))
    path = folder / "train_32x32.mat"
    data = path.read_bytes()
    if rng.integers(2):
        path.write_bytes(hostile.bytes_changed(data, rng))
    else:  # behind the first 128 bytes, which are text
        path.write_bytes(data[:128] + hostile.bytes_changed(data[128:200], rng) + data[200:])
    return _loaded(specs.ImagesSpec(kind="svhn", path=folder), shaped=True)


def femnist(rng: Rng, folder: Path) -> Callable[[], object]:
    """LEAF's JSON."""
    content = {"users": ["a", "b"], "user_data": {u: {"x": [[0.5] * 784] * 2, "y": [0, 1]} for u in "ab"}}
    for part in ("train", "test"):
        (folder / part).mkdir()
        (folder / part / "all.json").write_text(json.dumps(content))
    path = folder / "train" / "all.json"
    match rng.integers(3):
        case 0:
            hostile.damaged(path, rng)
        case 1:
            small = {"users": ["a"], "user_data": {"a": {"x": hostile.value(rng), "y": hostile.value(rng)}}}
            path.write_text(_json(small))
        case _:
            path.write_text(_json(hostile.changed(content, rng)))
    return _loaded(specs.FemnistSpec(kind="femnist", path=folder), shaped=True)


def _json(tree: Any) -> str:
    try:
        return json.dumps(tree)
    except (ValueError, RecursionError, TypeError):
        return repr(tree)


def text(rng: Rng, folder: Path) -> Callable[[], object]:
    """Characters."""
    path = folder / "text.txt"
    path.write_text("to be or not to be, that is the question. " * 20)
    if rng.integers(10) == 0:
        path.write_text(huge_text(rng))
    else:
        hostile.damaged(path, rng)
    length = int(hostile.pick(rng, (1, 8, 100, 10**9)))
    return _loaded(specs.TextSpec(kind="text", path=path, length=length), shaped=True)


def rows(rng: Rng, folder: Path) -> Callable[[], object]:
    """Lists of rows for workers, as JSON or text."""
    path = folder / ("rows.json" if rng.integers(2) else "rows.txt")
    lists = [list(range(k, 12, 3)) for k in range(3)]
    path.write_text(
        json.dumps(lists) if path.suffix == ".json" else "\n".join(" ".join(map(str, x)) for x in lists)
    )
    match rng.integers(4):
        case 0:
            path.write_text(_json(hostile.changed(lists, rng)))
        case 1:
            path.write_text(_json(hostile.value(rng)))
        case _:
            hostile.damaged(path, rng)
    every = np.arange(12)
    data = Data(np.zeros((12, 2)), every % 2, np.zeros((0, 2)), every[:0], 2, None, every, None)
    return lambda: by_file(path, data, 3, bool(rng.integers(2)), "problem.partition")


FAMILIES = {
    "CSV": table,
    "NPZ": archive,
    "IDX": idx,
    "CIFAR": cifar,
    "SVHN": svhn,
    "FEMNIST": femnist,
    "text": text,
    "rows": rows,
}
