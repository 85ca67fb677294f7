"""The verdict over the points of a sweep: who is first where, how speed-ups move, who misses where."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rfast_bench.cells import POINT, cell, target_names
from rfast_bench.report.findings import Finding, baseline_of, point_words, ranked, target_words
from rfast_bench.report.scene import listed

MOST_PLACES = 4


def over_points(rows: pd.DataFrame) -> list[Finding]:
    """Findings for each target over all points; over final values when there is none."""
    names = target_names(rows)
    if not names:
        return _finals(rows)
    return [finding for name in names for finding in _target(rows, name)]


def _points(rows: pd.DataFrame) -> list[pd.DataFrame]:
    keys = [str(name) for name in rows if str(name).startswith(POINT)]
    return [part for _, part in rows.groupby(keys, sort=False, dropna=False)]


def _target(rows: pd.DataFrame, name: str) -> Iterator[Finding]:
    about = target_words(name)
    yield Finding("result", about, _winners(rows, name))
    base = baseline_of(rows)
    column = f"speedup_{name}"
    if base is not None and column in rows:
        known = rows[np.isfinite(rows[column]) & (rows["label"] != base)]
        for label, own in known.groupby("label", sort=False):
            yield Finding("result", about, _speedups(str(label), own, column, base))
    missed = rows[(rows[f"time_to_{name}_reached"] < rows["seeds"]) & (rows["skipped"] < rows["seeds"])]
    for label, own in missed.groupby("label", sort=False):
        yield Finding("miss", about, _missed(str(label), own, len(rows[rows["label"] == label]), name))


def _winners(rows: pd.DataFrame, name: str) -> str:
    points = _points(rows)
    firsts: dict[str, list[str]] = {}
    for part in points:
        order = ranked(part, name)
        winner = str(order["label"].iloc[0]) if len(order) else ""
        firsts.setdefault(winner, []).append(point_words(part.iloc[0].to_dict()))
    nobody = firsts.pop("", [])
    if not firsts:
        return f"Nobody reached it with every seed at any of the {len(points)} points."
    most = sorted(firsts.items(), key=lambda found: -len(found[1]))
    said = [f"{label} is the first at {_places(where, len(points))}" for label, where in most]
    said += [f"nobody reached it with every seed at {_places(nobody, len(points))}"] if nobody else []
    return "; ".join(said) + "."


def _places(where: list[str], of: int) -> str:
    if len(where) == of:
        return f"all {of} points"
    named = f" ({'; '.join(where)})" if len(where) <= MOST_PLACES else ""
    return f"{len(where)} of {of} points{named}"


def _speedups(label: str, own: pd.DataFrame, column: str, base: str) -> str:
    low, high = own.loc[own[column].idxmin()], own.loc[own[column].idxmax()]
    if len(own) == 1 or cell(low[column], 2) == cell(high[column], 2):
        return f"{label} over {base}: {cell(high[column], 2)}× at {_places(_words(own), 0)}."
    ends = [f"{cell(end[column], 2)}× at {point_words(end.to_dict())}" for end in (low, high)]
    return f"{label} over {base}: from {ends[0]} to {ends[1]}, where both reached it ({len(own)} points)."


def _words(own: pd.DataFrame) -> list[str]:
    return [point_words(row) for row in own.to_dict("records")]


def _missed(label: str, own: pd.DataFrame, of: int, name: str) -> str:
    some = own[own[f"time_to_{name}_reached"] > 0]
    partly = f", with some seeds at {len(some)} of these" if len(some) else ""
    return f"{label} missed it at {_places(_words(own), of)}{partly}."


def _finals(rows: pd.DataFrame) -> list[Finding]:
    metric = "gap" if rows["final_gap"].notna().any() else "loss"
    column = f"final_{metric}"
    firsts: dict[str, list[str]] = {}
    points = _points(rows)
    for part in points:
        known = part[column].dropna()
        winner = str(part.loc[known.idxmin(), "label"]) if len(known) else ""
        firsts.setdefault(winner, []).append(point_words(part.iloc[0].to_dict()))
    firsts.pop("", None)
    said = [f"{label} ends lowest at {_places(where, len(points))}" for label, where in firsts.items()]
    ranges = [
        f"{label} ends between {cell(own[column].min())} and {cell(own[column].max())}"
        for label, own in rows[rows[column].notna()].groupby("label", sort=False)
    ]
    return [Finding("result", f"final {metric}", f"{listed(words)}.") for words in (said, ranges) if words]
