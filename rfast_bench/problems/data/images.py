"""The original files of MNIST, Fashion-MNIST (IDX) and CIFAR-10 (pickled or binary), read but not trusted."""

from __future__ import annotations

import gzip
import io
import pickle
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.problems.data.files import Samples, readable

CLASSES = 10
_PIXELS = 3 * 32 * 32
_SUBFOLDERS = {
    "mnist": ("", "MNIST/raw"),
    "fashion-mnist": ("", "FashionMNIST/raw"),
    "cifar-10": ("", "cifar-10-batches-py", "cifar-10-batches-bin"),
}


def read_images(kind: str, folder: Path, where: str) -> tuple[Samples, Samples]:
    """Training and test set: pixels (N, p) as uint8 and labels 0..9 (N,). Raises UserError."""
    read = _cifar if kind == "cifar-10" else _idx_pair
    train, test = (read(kind, folder, part, where) for part in ("train", "test"))
    if train[0].shape[1] != test[0].shape[1]:
        raise UserError(f"{where}.path: training and test images in {folder} differ in size")
    return train, test


def _find(kind: str, folder: Path, names: Sequence[str], where: str) -> Path:
    for subfolder in _SUBFOLDERS[kind]:
        for name in names:
            if (folder / subfolder / name).is_file():
                return folder / subfolder / name
    raise UserError(
        f"{where}.path: there is no file {folder / names[0]}; expected a folder with the original {kind} "
        f"files (also accepted: {', '.join(names[1:])})"
    )


def _checked(pixels: NDArray[Any], labels: NDArray[Any], path: Path, where: str) -> Samples:
    if len(pixels) != len(labels) or len(labels) == 0:
        raise UserError(f"{where}.path: {path} has {len(pixels)} images but {len(labels)} labels")
    if labels.max() >= CLASSES or labels.min() < 0:
        raise UserError(f"{where}.path: {path} has a label outside 0..{CLASSES - 1}")
    return pixels, labels


# ------------------------------------------------------------------------------------------- IDX (MNIST)
def _idx_pair(kind: str, folder: Path, part: str, where: str) -> Samples:
    stem = {"train": "train", "test": "t10k"}[part]
    pixels, _ = _read_idx(kind, folder, f"{stem}-images", 3, where)
    labels, path = _read_idx(kind, folder, f"{stem}-labels", 1, where)
    return _checked(pixels.reshape(len(pixels), -1), labels, path, where)


def _read_idx(kind: str, folder: Path, stem: str, axes: int, where: str) -> tuple[NDArray[np.uint8], Path]:
    plain = [f"{stem}-idx{axes}-ubyte", f"{stem}.idx{axes}-ubyte"]
    path = _find(kind, folder, plain + [f"{name}.gz" for name in plain], where)
    expected = f"an IDX file of unsigned bytes with {axes} axes"
    with readable(path, f"{where}.path", expected, EOFError, zlib.error, ValueError):
        return parse_idx(
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes(), axes
        ), path


def parse_idx(content: bytes, axes: int) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes. Raises ValueError when it is something else.

    Layout: magic 0, 0, 8 (unsigned byte), number of axes; each length as a big-endian uint32; the bytes.
    """
    start = 4 + 4 * axes
    if len(content) < start or content[:4] != bytes([0, 0, 8, axes]):
        raise ValueError(f"it starts with {content[:4].hex(' ')}, not {bytes([0, 0, 8, axes]).hex(' ')}")
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", axes, 4))
    data = np.frombuffer(content, np.uint8, offset=start)
    if data.size != np.prod(shape, dtype=float):
        raise ValueError(f"{data.size} bytes of data for a shape of {shape}")
    return data.reshape(shape)


# ----------------------------------------------------------------------------------------------- CIFAR-10
def _cifar(kind: str, folder: Path, part: str, where: str) -> Samples:
    stems = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}[part]
    parts = [_read_cifar(_find(kind, folder, [stem, f"{stem}.bin"], where), where) for stem in stems]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _read_cifar(path: Path, where: str) -> Samples:
    expected = "a batch of the original CIFAR-10 files (rows of 3072 bytes, labels 0..9)"
    parse = parse_cifar_binary if path.suffix == ".bin" else parse_cifar_pickle
    malformed = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError)
    with readable(path, f"{where}.path", expected, *malformed, OverflowError, MemoryError):
        pixels, labels = parse(path.read_bytes())
    return _checked(pixels, labels, path, where)


def parse_cifar_binary(content: bytes) -> Samples:
    """Rows of one label byte and 3072 pixel bytes. Raises ValueError for any other length."""
    if len(content) % (1 + _PIXELS):
        raise ValueError(f"{len(content)} bytes are not a whole number of rows of {1 + _PIXELS}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + _PIXELS)
    return rows[:, 1:], rows[:, 0].astype(np.intp)


def parse_cifar_pickle(content: bytes) -> Samples:
    """The `data` and `labels` of one pickled batch. Raises UnpicklingError when it asks for anything else."""
    batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(batch, dict):
        raise ValueError("not a dictionary")
    entries = {key.decode("ascii") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    pixels, labels = np.asarray(entries["data"]), np.asarray(entries["labels"])
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        raise ValueError(f"'data' is {pixels.dtype} of shape {pixels.shape}")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError("'labels' is not a list of whole numbers")
    return pixels, labels


class _ArraysOnly(pickle.Unpickler):
    """Rebuilds NumPy arrays and plain containers; any other callable in the pickle is refused.

    The names are looked up here and never imported, so no module of the file's choosing is loaded.
    """

    _by_parts = np.zeros(1).__reduce__()[0]
    _from_buffer = np.zeros(1).__reduce_ex__(5)[0]
    _allowed = {  # noqa: RUF012 (never changed)
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): _by_parts,
        ("numpy._core.multiarray", "_reconstruct"): _by_parts,
        ("numpy.core.numeric", "_frombuffer"): _from_buffer,
        ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return self._allowed[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module_name}.{global_name}, which is refused"
            ) from None
