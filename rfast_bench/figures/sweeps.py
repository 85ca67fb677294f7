"""What a sweep shows: the time to target (or the final value) against each key that varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rfast_bench.analysis.cell_text import POINT, cell, heading, target_names
from rfast_bench.analysis.outcomes import absent
from rfast_bench.analysis.tables import summarise
from rfast_bench.figures.style import AXIS, GREY, Style, figure, headline, plain, save, slug, time_name
from rfast_bench.records.reading import Run, varying

LANE, HEAD = 0.05, 0.075
"""Heights in the strip for what was not reached, as shares of the axes: a label's lane, and what stands above them."""
MISSED = "not reached when the run ended"
"""Above the lanes: stopped too early, stalled or diverged, which tables tell apart (`> 60`, `not reached`)."""
CROWDED = 0.07
"""Numbers that come nearer to each other than this share of the axis stand evenly, as words do."""


def draw_sweeps(runs: Sequence[Run], out: Path, looks: dict[str, Style]) -> list[Path]:
    """One figure `sweep-<key>` per varying key; rows are targets, columns the values of the other keys."""
    frame = summarise(runs)
    return [save(_sweep(runs, frame, name, looks), out, f"sweep-{slug(name)}") for name in varying(runs)]


def measures(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """(column, its words): the time to each target, then the final value."""
    times = [(f"time_to_{name}", heading(f"time_to_{name}")) for name in target_names(frame)]
    final = "gap" if frame["final_gap"].notna().any() else "loss"
    return [*times, (f"final_{final}", f"final {AXIS[final]}")]


def _sweep(runs: Sequence[Run], frame: pd.DataFrame, name: str, looks: dict[str, Style]) -> Figure:
    others = [other for other in varying(runs) if other != name]
    combinations = list(product(*(frame[POINT + other].unique() for other in others)))
    rows = measures(frame)
    drawn = figure(max(7.0, 2.2 + 3.4 * len(combinations)), 1.5 + 2.8 * len(rows))
    panels = drawn.subplots(len(rows), len(combinations), sharex=True, sharey="row", squeeze=False)
    for row, (column, words) in zip(panels, rows, strict=True):
        for axes, values in zip(row, combinations, strict=True):
            chosen = _chosen(frame, dict(zip(others, values, strict=True)))
            _panel(axes, frame, chosen, name, column, looks)
            _scale(axes, frame, name, column)
        row[0].set_ylabel(words)
    for axes, values in zip(panels[0], combinations, strict=True):
        axes.set_title(_words(others, values), fontsize=10.5)
    for axes in panels[-1]:
        axes.set_xlabel(plain(name))
    drawn.legend(handles=_handles(frame, looks), loc="outside right center", frameon=False)
    what = "Time to target and final value" if target_names(frame) else "Final value"
    headline(
        drawn, f"{what} against {name}", f"{runs[0].scenario} · {time_name(runs)[:-4]}, {_spread(frame)}"
    )
    return drawn


def _spread(frame: pd.DataFrame) -> str:
    return "median over seeds, bootstrap intervals" if frame["seeds"].max() > 1 else "one seed"


def _words(names: Sequence[str], values: Sequence[Any]) -> str:
    return plain(", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True)))


def _chosen(frame: pd.DataFrame, point: dict[str, Any]) -> pd.DataFrame:
    for name, value in point.items():
        frame = frame[frame[POINT + name] == value]
    return frame


def by_ratio(values: Sequence[float]) -> bool:
    """Whether numbers ask for a logarithmic axis."""
    return bool(min(values) > 0 and max(values) / min(values) >= 8)


def places(frame: pd.DataFrame, name: str) -> dict[Any, float]:
    """Where the values of a key stand across: numbers at themselves unless they crowd, words in their order."""
    column = frame[POINT + name]
    values = list(column.unique())
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values.sort()
        at = np.log(values) if by_ratio(values) else np.asarray(values, dtype=float)
        if len(at) < 2 or np.diff(at).min() >= CROWDED * (at[-1] - at[0]):
            return {value: float(value) for value in values}
    return {value: float(at) for at, value in enumerate(values)}


def _scale(axes: Axes, frame: pd.DataFrame, name: str, column: str) -> None:
    at = places(frame, name)
    if by_ratio(list(at.values())):
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(list(at.values()), [plain(cell(value)).replace(" ", "\n") for value in at])
    axes.margins(x=0.12)
    if column.startswith("time_to_") and latest(frame, column) > 0:
        top = latest(frame, column) * 1.08
        axes.set_ylim(0, top / (1 - _strip_height(frame, column)))
        axes.set_yticks([tick for tick in axes.get_yticks() if tick <= top])
    elif column.startswith("final_") and (frame[column] > 0).any():
        axes.set_yscale("log")


def lanes(frame: pd.DataFrame, column: str) -> list[str]:
    """The labels whose median did not reach the target at some point of the sweep: each has a lane in the strip."""
    missed = frame[column].isna() & (absent(frame) < frame["seeds"])
    without = set(frame["label"][missed])
    return [label for label in dict.fromkeys(frame["label"]) if label in without]


def _strip_height(frame: pd.DataFrame, column: str) -> float:
    missed = len(lanes(frame, column))
    return HEAD + LANE * missed if missed else 0.0


def _panel(
    axes: Axes, frame: pd.DataFrame, chosen: pd.DataFrame, name: str, column: str, looks: dict[str, Style]
) -> None:
    timed, strip = column.startswith("time_to_"), lanes(frame, column)
    if timed and strip:
        _strip(axes, _strip_height(frame, column))
    for label in dict.fromkeys(chosen["label"]):
        colour, dashes, marker = looks[label]
        rows = chosen[chosen["label"] == label]
        x = rows[POINT + name].map(places(frame, name))
        if not timed:
            rows = rows.assign(**above_rounding(rows, column))
        ends = [whisker(row, column, latest(chosen, column)) for row in rows.to_dict("records")]
        low, high = ([abs(end[k] - m) for end, m in zip(ends, rows[column], strict=True)] for k in (0, 1))
        style: dict[str, Any] = {
            "color": colour,
            "linestyle": dashes,
            "marker": marker,
            "markersize": 6,
            "capsize": 3,
        }
        axes.errorbar(x, rows[column], yerr=[low, high], **style)
        axes.update_datalim(
            [(float(place), 0.0) for place in x], updatey=False
        )  # also where nothing was reached
        if timed and label in strip:
            missed = x[rows[column].isna().to_numpy()]
            lane = 1 - HEAD - LANE * (strip.index(label) + 0.35)
            place = axes.get_xaxis_transform()
            axes.plot(
                missed, [lane] * len(missed), transform=place, linestyle="", marker=marker, color=colour
            )


ROUNDING = 1e-16
"""What a final value is drawn at that is smaller, or negative by rounding."""


def above_rounding(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    """A final value's columns, none below `ROUNDING` where all are about zero or positive."""
    names = [column + end for end in ("", "_low", "_high") if column + end in rows]
    if not (rows[column].dropna() > -1e-12).all():
        return {}
    return {name: rows[name].clip(lower=ROUNDING) for name in names}


def whisker(row: Mapping[Any, Any] | pd.Series[Any], column: str, end: float) -> tuple[float, float]:
    """The interval of a row's number, an open end drawn as far as `end`; both the number itself where there is none."""
    middle = row[column]
    low, high = (row.get(column + side, np.nan) for side in ("_low", "_high"))
    return (middle, middle) if np.isnan(low) else (float(low), float(min(high, max(end, middle))))


def latest(frame: pd.DataFrame, column: str) -> float:
    """The largest finite number of a column, its extremes and interval ends; 0 when there is none."""
    found = [frame[column + side] for side in ("", "_max", "_high") if column + side in frame]
    known = [value for values in found for value in values if np.isfinite(value)]
    return float(max(known, default=0.0))


def _strip(axes: Axes, high: float) -> None:
    axes.fill_between([0, 1], 1 - high, 1, transform=axes.transAxes, color="#f0f0f0", zorder=0.5)
    style: dict[str, Any] = {"color": GREY, "fontsize": 8.5, "ha": "left", "va": "top"}
    axes.text(0.01, 0.99, MISSED, transform=axes.transAxes, **style)


def _handles(frame: pd.DataFrame, looks: dict[str, Style]) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, linestyle=dashes, marker=marker, label=plain(label))
        for label in dict.fromkeys(frame["label"])
        for colour, dashes, marker in [looks[label]]
    ]
