"""LEAF's FEMNIST: hand-written characters, each of one writer, in files of JSON (Caldas et al. 2018, arXiv 1812.01097).

A file is `{"users": [name, ...], "user_data": {name: {"x": [[784 numbers], ...], "y": [0..61, ...]}}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.files import read_text
from rfast_bench.problems.data.files import readable
from rfast_bench.problems.data.raw import Raw

CLASSES, SIDE = 62, 28
NAMES = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
_EXPECTED = "a folder with LEAF's train/*.json and test/*.json"


def read_femnist(folder: Path, users: int | None, where: str) -> Raw:
    """Grey images (M, 1, 28, 28) from 0 to 1, labels 0..61, and their writers. Raises UserError.

    `users`: only the first so many writers, in the order of files and within a file.
    """
    train = list(_writers(folder, "train", where))[:users]
    names = {name for name, _, _ in train}
    test = [one for one in _writers(folder, "test", where) if one[0] in names or not users]
    if not test:
        raise UserError(f"{where}.path: no writer of {folder / 'train'} is in {folder / 'test'}")
    owners = np.repeat([name for name, _, _ in train], [len(y) for _, _, y in train])
    x, y, test_x, test_y = (
        np.concatenate([one[k] for one in part]) for part in (train, test) for k in (1, 2)
    )
    return Raw(x, y, owners, (test_x, test_y), CLASSES, NAMES)


def _writers(folder: Path, part: str, where: str) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    files = sorted((folder / part).glob("*.json"))
    if not files:
        raise UserError(f"{where}.path: there is no file {folder / part}/*.json; expected {_EXPECTED}")
    for path in files:
        with readable(path, f"{where}.path", _EXPECTED, *MALFORMED):
            content = json.loads(read_text(path))
            yield from _of_file(content["users"], content["user_data"])


def _of_file(users: list[str], data: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Raises ValueError, LookupError or TypeError for anything else than the format above."""
    for user in users:
        x, y = np.array(data[user]["x"], np.float64), np.array(data[user]["y"])
        if x.shape != (len(y), SIDE * SIDE) or y.dtype.kind not in "iu":
            raise ValueError(f"writer '{user}' has images of shape {x.shape} and {y.dtype} labels {y.shape}")
        if not np.isfinite(x).all():
            raise ValueError(f"writer '{user}' has an image with a missing number")
        yield str(user), x.reshape(-1, 1, SIDE, SIDE), y
