"""What the verdict's modules share: a finding, and what they ask of a summary (see `tables.summarise`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from rfast_bench.analysis.cell_text import POINT, cell, interval
from rfast_bench.plan.swept_values import short_names

Row: TypeAlias = Any
"""A row of a summary: a pandas Series or a mapping, by column."""


@dataclass(frozen=True)
class Finding:
    """One statement; `about` is the target, or what the caution is about."""

    kind: Literal["result", "miss", "caution"]
    about: str
    text: str


def points_of(rows: pd.DataFrame) -> int:
    keys = [name for name in rows if str(name).startswith(POINT)]
    return len(rows[keys].drop_duplicates()) if keys else 1


def point_words(row: Row) -> str:
    """`loss = 0.1, workers = 8`, keys by their short names; empty where nothing varies."""
    values = {str(key): value for key, value in dict(row).items()}
    names = short_names(key.removeprefix(POINT) for key in values if key.startswith(POINT))
    return ", ".join(f"{name} = {cell(values[POINT + key])}" for key, name in names.items())


def ranked(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Who reached the target with every seed, the fastest median first. Ones who missed with some do not rank."""
    whole = rows[(rows[f"time_to_{name}_reached"] == rows["seeds"]) & (rows["seeds"] > 0)]
    return whole.sort_values(f"time_to_{name}", kind="stable")


def level(order: pd.DataFrame, name: str) -> list[str]:
    """The labels that share the first place of a ranking: one, unless its time is that of others too."""
    times = order[f"time_to_{name}"]
    return [str(label) for label in order["label"][times == times.min()]]


def baseline_of(rows: pd.DataFrame) -> str | None:
    """The baseline, when it is among these rows."""
    base = rows["baseline"].iloc[0]
    return str(base) if isinstance(base, str) and base in set(rows["label"]) else None


def contested(order: pd.DataFrame, name: str) -> bool:
    """Whether the first is not surely sooner than the second: the interval of its paired lead contains 1."""
    return len(order) > 1 and bool(order.iloc[0].get(f"lead_{name}_low", np.nan) <= 1)


def with_interval(row: Row, column: str, unit: str = "", digits: int = 3) -> str:
    """`19.5 s [18, 23.5]`; the number alone where there is no interval."""
    return f"{cell(row[column], digits)}{unit}{interval(column, row, digits)}"
