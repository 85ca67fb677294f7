"""Tables that users bring: CSV files and NumPy archives. Whatever is wrong with one ends in a UserError."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError, nearest

Samples = tuple[NDArray[Any], NDArray[Any]]
"""Features (M, p) and class labels (M,), any numeric or text dtype."""


@contextmanager
def readable(path: Path, where: str, expected: str, *malformed: type[Exception]) -> Iterator[None]:
    """Turn what goes wrong while reading `path` into a UserError; `malformed`: the format's own errors."""
    try:
        yield
    except FileNotFoundError as problem:
        raise UserError(f"{where}: there is no file {path}; expected {expected}") from problem
    except OSError as problem:
        raise UserError(f"{where}: cannot read {path} ({problem}); expected {expected}") from problem
    except malformed as problem:
        raise UserError(f"{where}: {path} is malformed ({problem}); expected {expected}") from problem


def read_csv(path: Path, target: str, where: str) -> Samples:
    """Features and labels of a comma-separated table with a header line."""
    import pandas as pd  # slow to import, and few scenarios need it

    malformed = (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError)
    with readable(path, f"{where}.path", "a comma-separated table with a header line", *malformed):
        frame = pd.read_csv(path, low_memory=False)
    _allowed(target, [str(column) for column in frame], f"{where}.target", f"{path} has no column")
    features, labels = frame.drop(columns=target), frame[target]
    for column in features:
        if not pd.api.types.is_numeric_dtype(features[column]):
            raise UserError(f"{where}.path: column '{column}' of {path} is not numeric")
    if labels.isna().any():
        raise UserError(f"{where}.target: column '{target}' of {path} has missing values")
    numeric = pd.api.types.is_numeric_dtype(labels)
    names = labels.to_numpy() if numeric else labels.astype(str).to_numpy(str)
    return _checked(features.to_numpy(np.float64), names, path, where)


def read_npz(path: Path, x: str, y: str, where: str) -> Samples:
    """Features `x` (flattened to two axes) and labels `y` of a NumPy archive; pickled objects are refused."""
    expected, malformed = (
        "a NumPy archive (.npz) of plain arrays",
        (BadZipFile, ValueError, EOFError, zlib.error),
    )
    with readable(path, f"{where}.path", expected, *malformed), path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("a single array")
        for key, name in (("x", x), ("y", y)):
            _allowed(name, archive.files, f"{where}.{key}", f"{path} has no array")
        features, labels = archive[x], archive[y]
    if features.ndim < 2 or features.dtype.kind not in "biuf":
        raise UserError(f"{where}.x: array '{x}' of {path} must be numeric with one row a sample")
    if labels.ndim != 1 or labels.dtype.kind not in "biufUS":
        raise UserError(f"{where}.y: array '{y}' of {path} must be one-dimensional numbers or text")
    return _checked(features.reshape(len(features), -1).astype(np.float64), labels, path, where)


def _allowed(word: str, words: Sequence[str], where: str, problem: str) -> None:
    if word not in words:
        raise UserError(f"{where}: {problem} '{word}'; allowed: {', '.join(words)}{nearest(word, words)}")


def _checked(features: NDArray[np.float64], labels: NDArray[Any], path: Path, where: str) -> Samples:
    if len(features) != len(labels):
        raise UserError(f"{where}.path: {path} has {len(features)} samples but {len(labels)} labels")
    if features.size == 0:
        raise UserError(f"{where}.path: {path} holds no samples or no features")
    if not np.isfinite(features).all():
        row, column = np.argwhere(~np.isfinite(features))[0]
        raise UserError(
            f"{where}.path: {path} has a missing or infinite number in sample {row}, feature {column}"
        )
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.rint(labels)):
        raise UserError(f"{where}.path: the labels in {path} are not whole numbers; expected class labels")
    return features, labels
