"""Latencies and bandwidths of all links of a network, from CSV files. Every complaint is a UserError.

A file has one row of n values a worker. Row i, column j (both from 0) is about the link `j -> i`, as in W and
A. Values are numbers in base units or quantities (`80 ms`, `1 Gbit/s`); `inf` is a link that is not there
(latency) or that takes no time to send (bandwidth). `#` starts a comment. The diagonal means nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.files import read_text
from rfast_bench.scenario.values.bounds import LARGEST_FILE
from rfast_bench.scenario.values.units import bytes_per_second, seconds

Matrix = NDArray[np.float64]


def read_latency(path: Path, where: str) -> Matrix:
    """Seconds by [receiver, sender]; infinite where there is no link; 0 on the diagonal."""
    matrix = _read(path, where, seconds, "a time such as 0.02 or 20 ms, or inf for no link")
    np.fill_diagonal(matrix, 0.0)
    return matrix


def read_bandwidth(path: Path, where: str) -> Matrix:
    """Bytes per second by [receiver, sender], above 0; infinite on the diagonal."""
    matrix = _read(path, where, bytes_per_second, "a bandwidth such as 1e8 or 1 Gbit/s, or inf")
    np.fill_diagonal(matrix, np.inf)
    for i, j in np.argwhere(matrix == 0):
        raise UserError(
            f"{where}: {path}: entry [{i}, {j}] is 0; a bandwidth is above 0 (no link: latency inf)"
        )
    return matrix


def _read(path: Path, where: str, convert: Callable[[object], object], example: str) -> Matrix:
    number = cache(lambda text: _number(text, convert))
    rows: list[list[float]] = []
    for line, words in _rows(path, where):
        place = f"{where}: {path}, line {line}"
        if rows and len(words) != len(rows[0]):
            raise UserError(f"{place}: found {len(words)} values; the first row has {len(rows[0])}")
        if rows and len(rows) == len(rows[0]):
            raise UserError(
                f"{place}: found one row more than the {len(rows)} values of each; a matrix of all links is square"
            )
        for word in words:
            if number(word) is None:
                raise UserError(f"{place}: found {word!r}; write {example}")
        rows.append([float(number(word) or 0.0) for word in words])
    matrix = np.array(rows, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        found = "nothing" if not rows else f"{len(rows)} rows of {len(rows[0])} values"
        raise UserError(f"{where}: {path}: found {found}; a matrix of all links is square")
    for rule, wrong in (("NaN is no value", np.isnan(matrix)), ("it must not be negative", matrix < 0)):
        for i, j in np.argwhere(wrong):
            raise UserError(f"{where}: {path}: entry [{i}, {j}] is {matrix[i, j]:g}; {rule}")
    return matrix


def _number(text: str, convert: Callable[[object], object]) -> float | None:
    """The value in base units; None when the text is none."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(str(convert(text)))
    except ValueError:
        return None


def _rows(path: Path, where: str) -> Iterator[tuple[int, list[str]]]:
    """The numbered rows that say something, as stripped words."""
    try:
        lines = read_text(path, LARGEST_FILE, "utf-8-sig").splitlines()
        words = csv.reader((line.partition("#")[0].strip() for line in lines), skipinitialspace=True)
        for number, row in enumerate(words, start=1):
            if row:
                yield number, [word.strip() for word in row]
    except (OSError, ValueError, csv.Error) as problem:
        reason = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
        raise UserError(f"{where}: cannot read {path}: {reason}") from problem
