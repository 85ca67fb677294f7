"""The tables of the page: the cells of `cell_text.present`, each with the number that it is sorted by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rfast_bench.analysis.cell_text import POINT, heading, present, split
from rfast_bench.plan.swept_values import short_names


@dataclass(frozen=True)
class Cell:
    """Its words, and its number when it has one; what has none sorts last."""

    words: str
    value: float | None


@dataclass(frozen=True)
class Grid:
    """A table; `numeric` tells which columns sort by number, `label` the row's label for its colour."""

    title: str
    headings: list[str]
    numeric: list[bool]
    rows: list[tuple[str, list[Cell]]]


def grids(rows: pd.DataFrame) -> list[Grid]:
    """A summary's tables: how fast (two targets each), how well, and at what cost."""
    return [_grid(title, _telling(part), rows) for title, part in split(present(rows))]


def _telling(part: pd.DataFrame) -> pd.DataFrame:
    """Without the status where all ended well."""
    return part.drop(columns="status") if "status" in part and (part["status"] == "ok").all() else part


def _grid(title: str, shown: pd.DataFrame, rows: pd.DataFrame) -> Grid:
    headings = [str(name) for name in shown]
    values = {name: _numbers(name, rows) for name in headings}
    cells = [
        (
            str(rows.loc[at, "label"]),
            [_cell(str(words), values[h], at) for h, words in zip(headings, row, strict=True)],
        )
        for at, row in zip(shown.index, shown.itertuples(index=False, name=None), strict=True)
    ]
    names = short_names(str(name).removeprefix(POINT) for name in rows if str(name).startswith(POINT))
    shown_headings = [names.get(name, name) for name in headings]
    return Grid(title, shown_headings, [values[name] is not None for name in headings], cells)


def _cell(words: str, values: pd.Series[Any] | None, at: Any) -> Cell:
    value = np.nan if values is None else float(values[at])
    return Cell(words, value if np.isfinite(value) else None)


_COLUMNS: Mapping[str, str] = {
    "γ": "step_size",
    "γ_eff": "effective_step",
    "momentum": "momentum",
    "time per epoch (s)": "time_per_epoch",
    "epoch speed-up": "speedup_epoch",
    "idle (%)": "idle_percent",
    "wasted (%)": "wasted_percent",
    "staleness": "staleness",
    "sent": "bytes_sent",
}


def _numbers(shown: str, rows: pd.DataFrame) -> pd.Series[Any] | None:
    """The summary's column behind a heading; None for words."""
    named = [name for name in map(str, rows) if name not in _COLUMNS and heading(name) == shown]
    names = [POINT + shown, _COLUMNS.get(shown, ""), *named]
    found = next((rows[name] for name in names if name in rows), None)
    if found is None or pd.api.types.is_bool_dtype(found):
        return None
    numbers = pd.to_numeric(found, errors="coerce")
    return numbers if numbers.notna().sum() == found.notna().sum() else None
