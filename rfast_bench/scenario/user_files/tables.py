"""Columns of CSV files: numbers, and the rows of each name. Complaints are ValueErrors, which pydantic reports."""

from __future__ import annotations

import csv
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import nearest
from rfast_bench.files import regular
from rfast_bench.scenario.values.bounds import MOST_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

Draws = NDArray[np.float64]
LONGEST_LINE = 2**24
"""Characters of a header that are looked at; it has more columns than are read, if it is longer."""


@cache
def _table(path: Path) -> pd.DataFrame:
    """A CSV file. Raises ValueError, which pydantic reports with its key."""
    import pandas as pd  # half a second; few scenarios have a table

    try:
        check_width(path)
        return pd.read_csv(path)
    except (OSError, ValueError, OverflowError, csv.Error) as problem:
        raise ValueError(f"cannot read {path}: {problem}") from problem


def check_width(path: Path) -> list[str]:
    """The first line of a table that says something. Raises ValueError for more columns than are read, csv.Error,
    OSError."""
    with regular(path) as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        pieces = iter(lambda: file.readline(LONGEST_LINE), "")
        header = next((words for words in csv.reader(pieces) if words), [])
    if len(header) > MOST_COLUMNS:
        raise ValueError(f"it has more than {MOST_COLUMNS} columns")
    return header


def _series(path: Path, name: str) -> pd.Series[Any]:
    frame = _table(path)
    if name not in frame:
        known = list(map(str, frame))
        raise ValueError(f"{path} has no column '{name}'{nearest(name, known)}; it has {', '.join(known)}")
    return frame[name]


@cache
def column(path: Path, name: str) -> Draws:
    """A column of non-negative numbers, not all 0. Raises ValueError."""
    import pandas as pd

    times = pd.to_numeric(_series(path, name), errors="coerce").to_numpy(dtype=float)
    if not (len(times) and np.isfinite(times).all() and (times >= 0).all() and times.any()):
        raise ValueError(f"column '{name}' of {path} must hold numbers of at least 0, not all 0")
    return times


@cache
def rows_by(path: Path, name: str) -> tuple[NDArray[np.intp], ...]:
    """The rows of each value of a column: in numeric order where all are numbers, else as they first come."""
    names = _series(path, name)
    if names.isna().any():
        line = int(np.flatnonzero(names.isna())[0]) + 2
        raise ValueError(f"column '{name}' of {path} is empty in line {line}")
    found = names.unique().tolist()
    ordered = sorted(found) if names.dtype.kind in "iufb" else found
    return tuple(np.flatnonzero(names == one) for one in ordered)
