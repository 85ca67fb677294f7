"""What two tables of one study say differently, beyond what seeds and machines explain.

A number has *moved* when it lies outside the other's bootstrap interval and is more than 10 % away from it; one
that has no interval, when it is more than 10 % off. Gaps below 1e-12 are rounding. Statuses move when their words
differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pandas as pd

from rfast_bench.analysis.cell_text import POINT, cell
from rfast_bench.analysis.tables import COSTS, ENDINGS

TOLERANCE = 0.1
ROUNDING = 1e-12
Row = Mapping[Hashable, Any]


def moved(before: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """One sentence for each number and status that moved, each row that came or went."""
    return _row_by_row(before, now, _full)


def outside(before: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """The same for a table `now` of one of the seeds of `before`: what lies outside the range over all seeds."""
    return _row_by_row(before, now, _one_seed)


def _row_by_row(
    before: pd.DataFrame, now: pd.DataFrame, compare: Callable[[Row, Row], list[str]]
) -> list[str]:
    old, new = _by_place(before), _by_place(now)
    gone = [f"{place}: no longer there" for place in old if place not in new]
    came = [f"{place}: new" for place in new if place not in old]
    told = [f"{place}: {what}" for place in new if place in old for what in compare(old[place], new[place])]
    return [*told, *came, *gone]


def _by_place(frame: pd.DataFrame) -> dict[str, Row]:
    """Rows by what names them: `loss = 0.1, r-fast-tree`."""
    lead = [name for name in map(str, frame) if name == "world" or name.startswith(POINT)]
    found: dict[str, Row] = {}
    for row in frame.to_dict("records"):
        point = [f"{name.removeprefix(POINT)} = {cell(row[name])}" for name in lead]
        found[", ".join([*point, str(row["label"])])] = row
    return found


# ------------------------------------------------------------------------------------------- comparing
def _numbers(old: Row, new: Row) -> list[str]:
    """The columns that are medians over seeds, and what was spent; of either row."""
    names = dict.fromkeys([*map(str, old), *map(str, new)])
    return [name for name in names if f"{name}_max" in names or name in COSTS]


def _full(old: Row, new: Row) -> list[str]:
    told = [
        f"{name} was {_told(old, name)}, is {_told(new, name)}"
        for name in _numbers(old, new)
        if not _near(_get(old, name), _get(new, name), _get(old, f"{name}_low"), _get(old, f"{name}_high"))
    ]
    if old["status"] != new["status"]:
        told.append(f"status was '{old['status']}', is '{new['status']}'")
    return told


def _one_seed(old: Row, new: Row) -> list[str]:
    told = []
    for name in _numbers(old, new):
        low, high, number = _get(old, f"{name}_min"), _get(old, f"{name}_max"), _get(new, name)
        if math.isnan(number) and _reached(old, name) < old["seeds"]:
            continue  # some seeds did not reach it before either
        if _get(new, f"{name}_above") <= high and _get(new, f"{name}_below") >= low:
            continue  # only bounds are known, and the range lies between them
        if f"{name}_max" in old and not _near(low, number, low, high):
            told.append(f"{name} was {cell(low)} to {cell(high)} over seeds, is {_told(new, name)}")
    for word in ENDINGS:
        before, now = (
            old.get(word, 0),
            new.get(word, 0),
        )  # some columns are there only where they say something
        if (now and not before) or (not now and before == old["seeds"]):
            told.append(f"{word}: was {before} of {old['seeds']}, is {now} of {new['seeds']}")
    return told


def _reached(row: Row, name: str) -> float:
    """How many seeds reached the target that a time, or a speed-up, is about; nan for other columns."""
    return _get(row, f"time_to_{name.removeprefix('time_to_').removeprefix('speedup_')}_reached")


def _get(row: Row, name: str) -> float:
    return float(row.get(name, math.nan))


def _told(row: Row, name: str) -> str:
    number, above, below = (_get(row, name + end) for end in ("", "_above", "_below"))
    if not math.isnan(number):
        return cell(number)
    if math.isinf(above):
        return "never reached"
    known = [f"> {cell(above)}"] if above > 0 else []
    known += [f"< {cell(below)}"] if math.isfinite(below) else []
    return " and ".join(known) or "not known"


def _near(old: float, new: float, low: float, high: float) -> bool:
    if math.isnan(old) or math.isnan(new):
        return math.isnan(old) and math.isnan(new)
    if low <= new <= high or abs(old) < ROUNDING > abs(new):
        return True
    nearest = old if math.isnan(low) else min((old, low, high), key=lambda end: abs(new - end))
    return abs(new - nearest) <= TOLERANCE * abs(nearest)
