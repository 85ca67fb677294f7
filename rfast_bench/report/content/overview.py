"""The verdict over the points of a sweep: who is first where, how speed-ups move, who misses where."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rfast_bench.analysis.cell_text import cell, target_names, target_words
from rfast_bench.analysis.outcomes import absent
from rfast_bench.report.content.fault_words import listed
from rfast_bench.report.content.findings import (
    Finding,
    baseline_of,
    contested,
    level,
    point_words,
    ranked,
    with_interval,
)
from rfast_bench.report.content.margins import points as _points

MOST_PLACES = 4
NOTHING = 1e-15
"""A final value below this is what rounding leaves."""


def over_points(rows: pd.DataFrame) -> list[Finding]:
    """Findings for each target over all points, then over final values."""
    names = target_names(rows)
    return [*(finding for name in names for finding in _target(rows, name)), *_finals(rows, not names)]


def _target(rows: pd.DataFrame, name: str) -> Iterator[Finding]:
    about = target_words(name)
    rows = rows[rows[f"time_to_{name}_reached"].notna()]  # others have other targets
    yield Finding("result", about, _winners(rows, name))
    for label, own in _comparable(rows, name).groupby("label", sort=False):
        yield Finding(
            "result",
            about,
            _speedups(str(label), own, f"speedup_{name}", str(own["baseline"].iloc[0]), len(_points(rows))),
        )
    reached = rows[f"time_to_{name}_reached"]
    never = rows[(reached == 0) & (absent(rows) < rows["seeds"])]
    some = rows[(reached > 0) & (reached < rows["seeds"])]
    for places, labels in _by_places(some, rows).items():
        yield Finding("miss", about, f"Reached with some seeds only, at {places}: {listed(labels)}.")
    for places, labels in _by_places(never, rows).items():
        yield Finding("miss", about, f"Not reached at {_any(places)}: {listed(labels)}.")


def _comparable(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows with a speed-up that leaves no seed out: they and their baseline reached the target with every seed."""
    column = f"speedup_{name}"
    base = baseline_of(rows)
    if base is None or column not in rows:
        return rows.iloc[:0]
    whole = [ranked(part, name) for part in _points(rows)]
    both = pd.concat([part for part in whole if base in set(part["label"])] or [rows.iloc[:0]])
    chosen: pd.DataFrame = both[(both["label"] != base) & np.isfinite(both[column])]
    return chosen


def _any(places: str) -> str:
    """`all 4 points` as it stands after a not."""
    return places.replace("all ", "any of the ", 1) if places.startswith("all ") else places


def _by_places(chosen: pd.DataFrame, rows: pd.DataFrame) -> dict[str, list[str]]:
    """The labels of the chosen rows, by the words for the points where they are."""
    found: dict[str, list[str]] = {}
    for label in dict.fromkeys(rows["label"]):
        own = chosen[chosen["label"] == label]
        if len(own):
            found.setdefault(_places(_words(own), int((rows["label"] == label).sum())), []).append(str(label))
    return found


def _winners(rows: pd.DataFrame, name: str) -> str:
    """Who is first where, and at how many of these points the next one is too close to tell."""
    points = _points(rows)
    firsts: dict[str, list[str]] = {}
    close: dict[str, int] = {}
    tied: dict[str, bool] = {}
    for part in points:
        order = ranked(part, name)
        winner = listed(level(order, name))
        firsts.setdefault(winner, []).append(point_words(part.iloc[0]))
        tied[winner] = len(level(order, name)) > 1
        close[winner] = close.get(winner, 0) + bool(not tied[winner] and contested(order, name))
    nobody = firsts.pop("", [])
    if not firsts:
        return f"Nobody reached it with every seed at any of the {len(points)} points."
    most = sorted(firsts.items(), key=lambda found: -len(found[1]))
    said = [
        f"{label} {_is(tied[label])} the first at {_places(where, len(points))}{_open(close[label], len(where))}"
        for label, where in most
    ]
    said += [f"nobody reached it with every seed at {_places(nobody, len(points))}"] if nobody else []
    return "; ".join(said) + "."


def _is(tied: bool) -> str:
    return "are together" if tied else "is"


def _open(close: int, of: int) -> str:
    """How many of the points where somebody is first are close; nothing to count where there is but one."""
    where = "" if of == 1 else f" at {'one' if close == 1 else close} of these points"
    return f", though{where} the interval of its lead over the next contains 1" if close else ""


def _places(where: list[str], of: int) -> str:
    if len(where) == of:
        return f"all {of} points"
    if len(where) == 1:
        return where[0]
    named = f" ({'; '.join(where)})" if len(where) <= MOST_PLACES else ""
    return f"{len(where)} of {of} points{named}"


def _speedups(label: str, own: pd.DataFrame, column: str, base: str, points: int) -> str:
    ordered = own.sort_values(column, kind="stable")
    low, high = ordered.iloc[0], ordered.iloc[-1]
    if len(own) == 1 or cell(low[column], 2) == cell(high[column], 2):
        faster = with_interval(high, column, "×", 2)
        return f"{label} over {base}: {faster} at {_places(_words(own), points)}."
    ends = [f"{with_interval(end, column, '×', 2)} at {point_words(end)}" for end in (low, high)]
    unsure = int(((own[f"{column}_low"] <= 1) & (own[f"{column}_high"] >= 1)).sum())
    open_ = f"; at {unsure} the interval contains 1" if unsure else ""
    return (
        f"{label} over {base}: from {ends[0]} to {ends[1]} ({len(own)} points where both reached it{open_})."
    )


def _words(own: pd.DataFrame) -> list[str]:
    return [point_words(row) for row in own.to_dict("records")]


def _finals(rows: pd.DataFrame, alone: bool) -> list[Finding]:
    """Where each ended over all points; who ended lowest where, if there is nothing else to rank by."""
    metric = "gap" if rows["final_gap"].notna().any() else "loss"
    column = f"final_{metric}"
    firsts: dict[str, list[str]] = {}
    points = _points(rows)
    for part in points:
        order = part[part[column].notna()].sort_values(column, kind="stable")
        if len(order):
            firsts.setdefault(str(order["label"].iloc[0]), []).append(point_words(part.iloc[0]))
    said = [f"{label} ends lowest at {_places(where, len(points))}" for label, where in firsts.items()]
    ranges = [
        f"{label} ends {_range(own[column])}"
        for label, own in rows[rows[column].notna()].groupby("label", sort=False)
    ]
    told = (said, ranges) if alone else (ranges,)
    return [Finding("result", f"final {metric}", f"{'; '.join(words)}.") for words in told if words]


def _range(values: pd.Series) -> str:
    """From the least to the largest; what is only rounding is called 0."""
    values = values.where(values.abs() > NOTHING, 0.0)
    low, high = cell(values.min()), cell(values.max())
    return f"at {low}" if low == high else f"between {low} and {high}"
