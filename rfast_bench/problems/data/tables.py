"""Comma-separated tables: what is a feature, what is not, and what is wrong, by column and line of the file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.problems.data.files import column_key, readable
from rfast_bench.problems.data.raw import Raw, allowed

NUMBERING = ("index", "level_0", "id", "idx", "row", "row_id", "row_number", "rownames")
"""Names under which a column that counts the rows is no feature but their number."""


def read_csv(path: Path, target: str, owner: str | None, where: str) -> Raw:
    """Features, targets and owners of a table with a header line. Raises UserError."""
    malformed = (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError)
    with readable(path, f"{where}.path", "a comma-separated table with a header line", *malformed):
        frame = pd.read_csv(path, low_memory=False)
        if not isinstance(frame.index, pd.RangeIndex):
            raise pd.errors.ParserError("its lines have more fields than its header")
    columns = [str(column) for column in frame]
    if len(columns) == 1 and (others := [mark for mark in ";\t|" if mark in columns[0]]):
        raise UserError(f"{where}.path: {path} is separated by {others[0]!r}; expected commas")
    allowed(target, columns, f"{where}.target", f"{path} has no column")
    if owner is not None:
        allowed(
            owner, [name for name in columns if name != target], column_key(where), f"{path} has no column"
        )
        _complete(frame, owner, path, column_key(where))
    features = frame.drop(columns=[target, *([owner] if owner else [])])
    if features.size == 0:
        raise UserError(f"{where}.path: {path} holds no samples or no features")
    for name in features:
        _is_feature(features, str(name), path, f"{where}.path")
    _complete(frame, target, path, f"{where}.target")
    owners = None if owner is None else _words(frame[owner])
    return Raw(features.to_numpy(np.float64), _words(frame[target]), owners)


def _is_feature(frame: pd.DataFrame, name: str, path: Path, where: str) -> None:
    """Raises UserError unless the column holds a finite number in each row, and not the number of the row."""
    _complete(frame, name, path, where)
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column):
        row = int(np.flatnonzero(pd.to_numeric(column, errors="coerce").isna())[0])
        raise UserError(
            f"{where}: column '{name}' of {path} is not numeric: '{column.iloc[row]}' in line {_line(path, row)}; "
            "features are numbers: give words a column of 0 and 1 each, or leave the column out"
        )
    values = column.to_numpy(np.float64)
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise UserError(
            f"{where}: column '{name}' of {path} has an infinite number in line {_line(path, row)}"
        )
    if reason := _numbers_rows(name, values):
        raise UserError(
            f"{where}: {reason} of {path} is the number of the row (as pandas writes it), not a feature: data "
            "in a certain order could be told by it alone. Write the file with to_csv(..., index=False), or "
            "delete the column"
        )


def _numbers_rows(name: str, values: NDArray[Any]) -> str:
    """What to call the column, if all it does is to number rows: 0, 1, 2, ... or 1, 2, 3, ...

    An unnamed one need not be in order: it is what is left of rows that were shuffled or picked.
    """
    unnamed = name.startswith("Unnamed: ") or not name.strip()
    if not unnamed and name.strip().lower() not in NUMBERING:
        return ""
    counts = any(np.array_equal(values, np.arange(len(values)) + first) for first in (0, 1))
    picked = unnamed and bool((values == np.rint(values)).all()) and len(np.unique(values)) == len(values)
    if not (counts and len(values) > 1) and not (picked and len(values) > 2):
        return ""
    return f"the unnamed column ('{name}')" if unnamed else f"column '{name}'"


def _complete(frame: pd.DataFrame, name: str, path: Path, where: str) -> None:
    missing = np.flatnonzero(frame[name].isna())
    if len(missing):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(
            f"{where}: column '{name}' of {path} has a missing value in line {_line(path, int(missing[0]))}{more}; "
            "fill it in or leave the row out"
        )


def _line(path: Path, row: int) -> int:
    """In which line of the file a row (from 0) ends: blank lines do not count as rows, line breaks in quotes may."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        found = -2  # the header is no row
        for words in reader:
            found += any(word.strip() for word in words) or len(words) > 1
            if found == row:
                break
        return reader.line_num


def _words(column: pd.Series) -> NDArray[Any]:
    """Numbers as they are, everything else as text."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    text: NDArray[Any] = column.astype(str).to_numpy(str)
    return text
