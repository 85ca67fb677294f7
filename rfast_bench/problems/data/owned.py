"""Shards that are given: by whose each sample is, or by lists of rows in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.files import read_text
from rfast_bench.problems.data.datasets import Data
from rfast_bench.problems.data.files import readable
from rfast_bench.scenario.values.bounds import LARGEST_FILE

Rows = NDArray[np.intp]
MOST_TOLD = 5
_EXPECTED = (
    "JSON, a list of row numbers for each worker, or text, a line of row numbers for each worker, separated by spaces "
    "or commas"
)


def by_owner(data: Data, workers: int, where: str) -> list[Rows]:
    """Worker i holds the samples of the i-th owner in sorted order. Raises UserError unless there is one each."""
    if data.owners is None:
        raise UserError(
            f"{where}: the data do not say whose a sample is; allowed: column: NAME of a CSV file or of an array of an "
            "NPZ archive, femnist, or a function (kind: python) that gives owners"
        )
    owners = np.unique(data.owners)
    if len(owners) != workers:
        names = _told(owners.tolist())
        less = "; or rows of fewer owners" if len(owners) > workers else ""
        raise UserError(
            f"{where}: the training samples have {len(owners)} owners ({names}) for {workers} workers; expected one "
            f"worker an owner: workers: {len(owners)}{less}"
        )
    return [np.flatnonzero(data.owners == owner) for owner in owners]


def by_file(path: Path, data: Data, workers: int, unused: bool, where: str) -> list[Rows]:
    """Row numbers of the data as read, without those that are held out. Raises UserError.

    Every row is on one list at most, and on one at least unless `unused`.
    """
    assert data.rows is not None
    place = f"{where}.path"
    total = len(data.rows) + (0 if data.test_rows is None else len(data.test_rows))
    lists = _lists(path, place)
    if len(lists) != workers:
        raise UserError(f"{place}: {path} has {len(lists)} lists for {workers} workers; expected one each")
    holder = _holders(lists, total, path, place)
    missing = data.rows[holder[data.rows] < 0]
    if len(missing) and not unused:
        raise UserError(
            f"{place}: {len(missing)} training samples are on no list of {path}: rows {_told(missing.tolist())}; add "
            "them, or say unused: true if they shall train nobody"
        )
    shards = [np.flatnonzero(holder[data.rows] == worker) for worker in range(workers)]
    for worker, shard in enumerate(shards):
        if len(shard) == 0:
            held_out = ": all its rows are held out (test_fraction)" if lists[worker] else ""
            raise UserError(
                f"{place}: list {worker} of {path} leaves worker {worker} no training samples{held_out}"
            )
    return shards


def _lists(path: Path, where: str) -> list[list[Any]]:
    with readable(path, where, _EXPECTED, ValueError, RecursionError):
        text = read_text(path, LARGEST_FILE, "utf-8-sig")
        if path.suffix == ".json":
            content = json.loads(text)
            if isinstance(content, dict):
                content = [content.pop(str(k), None) for k in range(len(content))]
            if not isinstance(content, list) or not all(isinstance(rows, list) for rows in content):
                raise ValueError("it is no list of lists, nor a mapping of 0, 1, ... to lists")
            return content
        lines = [_numbers(line, number) for number, line in enumerate(text.splitlines(), 1)]
        return [line for line in lines if line]


def _numbers(line: str, number: int) -> list[int]:
    """The row numbers of a line. Raises ValueError with the number of the line."""
    words = line.partition("#")[0].replace(",", " ").split()
    wrong = [word for word in words if not word.removeprefix("-").isdecimal()]
    if wrong:
        raise ValueError(f"line {number} has '{wrong[0]}', which is no row number")
    return [int(word) for word in words]


def _holders(lists: Sequence[Sequence[Any]], total: int, path: Path, where: str) -> Rows:
    """On whose list each row of the data is, shape (total,); -1 for nobody's."""
    holder = np.full(total, -1)
    for worker, rows in enumerate(lists):
        for row in rows:
            if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < total:
                raise UserError(
                    f"{where}: list {worker} of {path} has the row {row!r}; expected row numbers 0..{total - 1}"
                )
            if holder[row] >= 0:
                again = "twice on it" if holder[row] == worker else f"on list {holder[row]} too"
                raise UserError(f"{where}: row {row} on list {worker} of {path} is {again}; allowed: once")
            holder[row] = worker
    return holder


def _told(values: Sequence[Any]) -> str:
    """The first few, and that there are more."""
    return ", ".join(map(str, values[:MOST_TOLD])) + (", ..." if len(values) > MOST_TOLD else "")
