"""The original files of MNIST, Fashion-MNIST (IDX), CIFAR (pickled or binary) and SVHN, read but not trusted."""

from __future__ import annotations

import gzip
import io
import math
import pickle
import pickletools
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.files import read_bytes, regular
from rfast_bench.problems.data.files import readable
from rfast_bench.problems.data.raw import Pair, Raw
from rfast_bench.scenario.problem.data_folders import INSTALL
from rfast_bench.scenario.user_files.mat import check_sizes

CLASSES = {
    "mnist": 10,
    "fashion-mnist": 10,
    "cifar-10": 10,
    "cifar-100": 100,
    "cifar-100-coarse": 20,
    "svhn": 10,
}
MOST_BYTES = 10**9
"""Of the images in one file."""
_PIXELS = 3 * 32 * 32
_AGAIN, _MOST_AGAIN = ("GET", "BINGET", "LONG_BINGET", "DUP"), 40
_SUBFOLDERS = {
    "mnist": ("", "MNIST/raw"),
    "fashion-mnist": ("", "FashionMNIST/raw"),
    "cifar-10": ("", "cifar-10-batches-py", "cifar-10-batches-bin"),
    "cifar-100": ("", "cifar-100-python", "cifar-100-binary"),
    "svhn": ("",),
}


def read_images(kind: str, folder: Path | None, coarse: bool, where: str) -> Raw:
    """Training and test set: pixels (N, channels, height, width) as uint8, and labels (N,). Raises UserError.

    `coarse`: of CIFAR-100, the 20 groups of its classes. `folder` None: it was not found where it usually is.
    """
    if folder is None:
        raise UserError(
            f"{where}: {kind} is not where it usually is: no path is given, and it is neither Debian's package nor in "
            f"the folders of torchvision and Hugging Face. Install it with `{INSTALL}`, or give path: a folder with "
            "the original files"
        )
    train, test = (_read(kind, folder, part, coarse, where) for part in ("train", "test"))
    if train[0].shape[1:] != test[0].shape[1:]:
        raise UserError(f"{where}.path: training and test images in {folder} differ in size")
    return Raw(*train, test=test, classes=CLASSES[kind + "-coarse" * coarse])


def _read(kind: str, folder: Path, part: str, coarse: bool, where: str) -> Pair:
    if kind.startswith("cifar"):
        return _cifar(kind, folder, part, coarse, where)
    return _svhn(folder, part, where) if kind == "svhn" else _idx_pair(kind, folder, part, where)


def _find(kind: str, folder: Path, names: Sequence[str], where: str) -> Path:
    for subfolder in _SUBFOLDERS[kind]:
        for name in names:
            if (folder / subfolder / name).is_file():
                return folder / subfolder / name
    raise UserError(
        f"{where}.path: there is no file {folder / names[0]}; expected a folder with the original {kind} "
        f"files{_also(names[1:])}"
    )


def _also(names: Sequence[str]) -> str:
    return f" (also accepted: {', '.join(names)})" if names else ""


def _checked(pixels: NDArray[Any], labels: NDArray[Any], classes: int, path: Path, where: str) -> Pair:
    if len(pixels) != len(labels) or len(labels) == 0:
        raise UserError(f"{where}.path: {path} has {len(pixels)} images but {len(labels)} labels")
    if labels.max() >= classes or labels.min() < 0:
        raise UserError(f"{where}.path: {path} has a label outside 0..{classes - 1}")
    return pixels, labels


# ------------------------------------------------------------------------------------------- IDX (MNIST)
def _idx_pair(kind: str, folder: Path, part: str, where: str) -> Pair:
    stem = {"train": "train", "test": "t10k"}[part]
    pixels, _ = _read_idx(kind, folder, f"{stem}-images", 3, where)
    labels, path = _read_idx(kind, folder, f"{stem}-labels", 1, where)
    return _checked(pixels[:, None], labels, CLASSES[kind], path, where)


def _read_idx(kind: str, folder: Path, stem: str, axes: int, where: str) -> tuple[NDArray[np.uint8], Path]:
    plain = [f"{stem}-idx{axes}-ubyte", f"{stem}.idx{axes}-ubyte"]
    path = _find(kind, folder, plain + [f"{name}.gz" for name in plain], where)
    expected = f"an IDX file of unsigned bytes with {axes} axes"
    with readable(path, f"{where}.path", expected, EOFError, zlib.error, ValueError), regular(path) as file:
        return _idx_in(gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file, axes), path


def _idx_in(file: IO[bytes] | gzip.GzipFile, axes: int) -> NDArray[np.uint8]:
    """The array in a file, of which no more is unpacked than its head says. Raises ValueError."""
    head = file.read(4 + 4 * axes)
    size = (
        math.prod(int(length) for length in np.frombuffer(head[4:], ">u4")) if head[:3] == b"\0\0\x08" else 0
    )
    if size > MOST_BYTES:
        raise ValueError(f"it says that it has {size} bytes of data; at most {MOST_BYTES} are read")
    return parse_idx(head + file.read(size + 1), axes)


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


# ------------------------------------------------------------------------------------------- CIFAR-10, -100
def _cifar(kind: str, folder: Path, part: str, coarse: bool, where: str) -> Pair:
    if kind == "cifar-10":
        stems = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}[part]
    else:
        stems = [part]
    parts = [
        _read_cifar(kind, _find(kind, folder, [stem, f"{stem}.bin"], where), coarse, where) for stem in stems
    ]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return x.reshape(-1, 3, 32, 32), y


def _read_cifar(kind: str, path: Path, coarse: bool, where: str) -> Pair:
    classes = CLASSES[kind + "-coarse" * coarse]
    name = {"cifar-10": "CIFAR-10", "cifar-100": "CIFAR-100"}[kind]
    expected = f"a batch of the original {name} files (rows of {_PIXELS} bytes, labels 0..{classes - 1})"
    malformed = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError)
    with readable(path, f"{where}.path", expected, *malformed, OverflowError):
        content = read_bytes(path)
        if path.suffix == ".bin":
            pixels, labels = parse_cifar_binary(content, [0] if kind == "cifar-10" else [1, 0])
            labels = labels[:, int(coarse)]
        else:
            key = "labels" if kind == "cifar-10" else "coarse_labels" if coarse else "fine_labels"
            pixels, labels = parse_cifar_pickle(content, key)
    return _checked(pixels, labels, classes, path, where)


def parse_cifar_binary(content: bytes, labels: Sequence[int]) -> Pair:
    """Rows of label bytes and 3072 pixel bytes; `labels`: which of the label bytes, in which order.

    The labels are of shape (N, len(labels)). Raises ValueError for a length that is no whole number of rows.
    """
    width = len(labels) + _PIXELS
    if len(content) % width:
        raise ValueError(f"{len(content)} bytes are not a whole number of rows of {width}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, width)
    return rows[:, len(labels) :], rows[:, list(labels)].astype(np.intp)


def parse_cifar_pickle(content: bytes, key: str) -> Pair:
    """The `data` and the labels, named `key`, of one pickled batch.

    Raises UnpicklingError when it asks for anything else.
    """
    _modest(content)
    batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(batch, dict):
        raise ValueError("not a dictionary")
    entries = {key.decode("ascii") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    pixels, labels = entries["data"], entries[key]
    if isinstance(labels, list) and all(type(label) is int for label in labels):
        labels = np.array(labels)
    if not isinstance(pixels, np.ndarray):
        raise ValueError("'data' is no array")
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        raise ValueError(f"'data' is {pixels.dtype} of shape {pixels.shape}")
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"'{key}' is not a list of whole numbers")
    return pixels, labels


def _modest(content: bytes) -> None:
    """Raises ValueError where unpickling would take much more than the file's size: room for a memo that it cannot
    fill, and values within values so often that to look at them takes for ever."""
    again = 0
    for code, argument, _ in pickletools.genops(content):
        if code.name.endswith("PUT") and int(argument or 0) > len(content):
            raise ValueError(f"it numbers its parts up to {argument}, more than it has")
        again += code.name in _AGAIN
    if again > _MOST_AGAIN:
        raise ValueError(
            f"it comes back to its parts {again} times; such files do so {_MOST_AGAIN} times at most"
        )


# ---------------------------------------------------------------------------------------------------- SVHN
_NUMBERS = frozenset(
    {"double", "single", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
)
"""MATLAB's classes."""


def _svhn(folder: Path, part: str, where: str) -> Pair:
    from scipy.io import loadmat, whosmat  # slow to import
    from scipy.io.matlab import MatReadError

    path = _find("svhn", folder, [f"{part}_32x32.mat"], where)
    expected = "a file of SVHN's cropped digits (X of shape (32, 32, 3, N), y of shape (N, 1))"
    malformed = (MatReadError, ValueError, LookupError, TypeError, EOFError, NotImplementedError, zlib.error)
    with readable(path, f"{where}.path", expected, *malformed):
        check_sizes(path)
        parts = list(whosmat(path))
        sizes = {name: math.prod(shape) for name, shape, _ in parts if name in ("X", "y")}
        kinds = {name: kind for name, _, kind in parts if name in ("X", "y")}
        if not set(kinds.values()) <= _NUMBERS:  # the reader recurs in C into cells, however deep they are
            raise ValueError(f"X is of class {kinds['X']} and y of class {kinds['y']}")
        if not all(0 <= sizes[name] <= MOST_BYTES for name in ("X", "y")):
            raise ValueError(f"it has {sizes['X']} bytes of data; at most {MOST_BYTES} are read")
        content = loadmat(path, variable_names=("X", "y"))
        pixels, labels = content["X"], content["y"]
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[:3] != (32, 32, 3):
            raise ValueError(f"X is {pixels.dtype} of shape {pixels.shape}")
        if labels.dtype.kind not in "iu":
            raise ValueError(f"y is {labels.dtype}")
    numbers = labels.ravel().astype(np.intp)
    numbers[numbers == 10] = 0  # MATLAB counts from 1: the digit 0 is class 10 there
    return _checked(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)), numbers, 10, path, where)


class _Array:
    """What stands for NumPy's array in a pickle, so that it cannot make one of a size of its choosing."""

    def __new__(cls, *given: object) -> _Array:
        raise pickle.UnpicklingError("it makes an array out of nothing, which is refused")


def _empty(kind: object, shape: object, letter: object) -> NDArray[Any]:
    """How an array begins in a pickle; its contents come with its state."""
    if kind is not _Array or shape != (0,):
        raise pickle.UnpicklingError(
            f"it makes an array of shape {shape!r:.50} out of nothing, which is refused"
        )
    return np.empty(0, np.uint8)


class _ArraysOnly(pickle.Unpickler):
    """Rebuilds NumPy arrays and plain containers; any other callable in the pickle is refused.

    The names are looked up here and never imported, so no module of the file's choosing is loaded.
    """

    _from_buffer = np.zeros(1).__reduce_ex__(5)[0]
    _allowed = {  # noqa: RUF012 (never changed)
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): _empty,
        ("numpy._core.multiarray", "_reconstruct"): _empty,
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
