"""Comma-separated tables: what is a feature, what is not, and what is wrong, by column and line of the file."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.problems.data.files import column_key, readable
from rfast_bench.problems.data.raw import Raw, allowed
from rfast_bench.scenario.user_files.tables import check_width

NUMBERING = ("index", "level_0", "id", "idx", "row", "row_id", "row_number", "rownames")
"""Names that numbers of rows have."""
FEW = 2
"""Rows in which any other column may count up by chance."""


def read_csv(
    path: Path,
    target: str,
    owner: str | None,
    where: str,
    *,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> Raw:
    """Features, targets and owners of a table with a header line. Raises UserError.

    Columns `drop` are no features; `keep` are, even if they look like the number of the row.
    """
    malformed = (ValueError, OverflowError, csv.Error)
    with readable(path, f"{where}.path", "a comma-separated table with a header line", *malformed):
        header = check_width(path)
        frame = pd.read_csv(path, low_memory=False)
        if not isinstance(frame.index, pd.RangeIndex):
            raise pd.errors.ParserError("its lines have more fields than its header")
    columns = [str(column) for column in frame]
    if len(columns) == 1 and (others := [mark for mark in ";\t|" if mark in columns[0]]):
        raise UserError(f"{where}.path: {path} is separated by {others[0]!r}; expected commas")
    _once_each(header, path, f"{where}.path")
    allowed(target, columns, f"{where}.target", f"{path} has no column")
    if owner is not None:
        allowed(
            owner, [name for name in columns if name != target], column_key(where), f"{path} has no column"
        )
        _complete(frame, owner, path, column_key(where))
    others = [name for name in columns if name != target]
    for name in drop:
        allowed(name, others, f"{where}.drop", f"{path} has no column beside the target")
    left = [name for name in others if name != owner and name not in drop]
    for name in keep:
        allowed(name, left, f"{where}.keep", f"{path} has no feature")
    features = frame[left]
    if features.size == 0:
        raise UserError(f"{where}.path: {path} holds no samples or no features")
    if not _all_finite(features):
        for name in left:
            _is_feature(features, name, path, f"{where}.path")
    values = features.to_numpy(np.float64)
    for k in _doubtful(values, left, keep):
        _numbers_no_rows(left[k], values[:, k], path, where)
    _complete(frame, target, path, f"{where}.target")
    owners = None if owner is None else _words(frame[owner])
    return Raw(values, _words(frame[target]), owners)


def _once_each(header: Sequence[str], path: Path, where: str) -> None:
    """Raises UserError when a name comes twice in the header; pandas would give the second one another."""
    twice = [name for name, times in Counter(header).items() if times > 1 and name.strip()]
    if twice:
        names = ", ".join(f"'{name}'" for name in twice)
        raise UserError(f"{where}: {path} has more than one column named {names}; expected each name once")


def _all_finite(frame: pd.DataFrame) -> bool:
    """Whether each column holds a finite number in each row: found for all at once, for there may be very many."""
    numeric = all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    return numeric and bool(np.isfinite(frame.to_numpy(np.float64)).all())


def _doubtful(values: NDArray[Any], names: Sequence[str], keep: Sequence[str]) -> list[int]:
    """Columns that may be numbers of rows: those that begin so, and unnamed ones."""
    begins = (np.diff(values[:3], axis=0) == 1).all(axis=0)
    kept = set(keep)
    return [k for k, name in enumerate(names) if name not in kept and (begins[k] or _unnamed(name))]


def _unnamed(name: str) -> bool:
    return name.startswith("Unnamed: ") or not name.strip()


def _is_feature(frame: pd.DataFrame, name: str, path: Path, where: str) -> None:
    """Raises UserError unless the column holds a finite number in each row."""
    _complete(frame, name, path, where)
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column):
        _numeric(column, name, path, where)
    values = column.to_numpy(np.float64)
    if np.isinf(values).any():
        raise _infinite(int(np.flatnonzero(np.isinf(values))[0]), name, path, where)


def _numeric(column: pd.Series, name: str, path: Path, where: str) -> None:
    """Raises UserError for the first value that is no finite number, of a column that pandas found not numeric."""
    for row, value in enumerate(column):
        try:
            number = float(str(value).replace("_", "?"))  # Python reads 1_000 as a number, and tables do not
        except ValueError as problem:
            raise UserError(
                f"{where}: column '{name}' of {path} is not numeric: '{value}' in line {_line(path, row)}; features "
                "are numbers: give words a column of 0 and 1 each, or leave the column out, in the file or by "
                f"dataset.drop: ['{name}']"
            ) from problem
        if not math.isfinite(number):
            raise _infinite(row, name, path, where)


def _infinite(row: int, name: str, path: Path, where: str) -> UserError:
    return UserError(f"{where}: column '{name}' of {path} has an infinite number in line {_line(path, row)}")


def _numbers_no_rows(name: str, values: NDArray[Any], path: Path, where: str) -> None:
    """Raises UserError when all that the column does is to number the rows."""
    if reason := _numbers_rows(name, values):
        raise UserError(
            f"{where}.path: {reason} of {path} is the number of the row ({values[0]:.0f}, {values[1]:.0f}, ...), not "
            "a feature: data in a certain order could be told by it alone. Leave it out: write the file with "
            f"to_csv(..., index=False), delete the column, or say dataset.drop: ['{name}']. If it is a feature, say "
            f"dataset.keep: ['{name}']"
        )


def _numbers_rows(name: str, values: NDArray[Any]) -> str:
    """What to call the column, if all it does is to number rows: each number is 1 more than the one before.

    An unnamed one need not be in order: it is what is left of rows that were shuffled or picked.
    """
    unnamed = _unnamed(name)
    known = unnamed or name.strip().lower() in NUMBERING
    counts = len(values) > (1 if known else FEW) and bool((np.diff(values) == 1).all())
    picked = unnamed and bool((values == np.rint(values)).all()) and len(np.unique(values)) == len(values)
    if not counts and not (picked and len(values) > FEW):
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
        with suppress(csv.Error):  # a text longer than any: the line is that of its beginning
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
