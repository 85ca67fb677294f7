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
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from rfast_bench.cells import POINT, target_names
from rfast_bench.drawing import AXIS, GREY, Style, figure, headline, plain, save, slug, time_name
from rfast_bench.records import Run, varying
from rfast_bench.tables import summarise

STRIP = 0.13
"""Height of the strip for what was not reached, as a share of the axes."""


MOST_LETTERS = 35
"""Longer names of values, all together, would overlap side by side."""


def draw_sweeps(runs: Sequence[Run], out: Path, looks: dict[str, Style]) -> list[Path]:
    """One figure `sweep-<key>` per varying key; rows are targets, columns the values of the other keys."""
    frame = summarise(runs)
    return [save(_sweep(runs, frame, name, looks), out, f"sweep-{slug(name)}") for name in varying(runs)]


def _measures(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """(column, its words): the times to each target, or the final value when there is no target."""
    times = [(f"time_to_{name}", f"time to {name.replace('_', ' ')} (s)") for name in target_names(frame)]
    final = "gap" if frame["final_gap"].notna().any() else "loss"
    return times or [(f"final_{final}", f"final {AXIS[final]}")]


def _sweep(runs: Sequence[Run], frame: pd.DataFrame, name: str, looks: dict[str, Style]) -> Figure:
    others = [other for other in varying(runs) if other != name]
    combinations = list(product(*(frame[POINT + other].unique() for other in others)))
    measures = _measures(frame)
    drawn = figure(max(7.0, 2.2 + 3.4 * len(combinations)), 1.5 + 3.0 * len(measures))
    panels = drawn.subplots(len(measures), len(combinations), sharex=True, sharey="row", squeeze=False)
    for row, (column, words) in zip(panels, measures, strict=True):
        for axes, values in zip(row, combinations, strict=True):
            chosen = _chosen(frame, dict(zip(others, values, strict=True)))
            _panel(axes, chosen, name, column, looks)
            _scale(axes, frame, name, column)
        row[0].set_ylabel(words)
    for axes, values in zip(panels[0], combinations, strict=True):
        axes.set_title(_words(others, values), fontsize=10.5)
    for axes in panels[-1]:
        axes.set_xlabel(plain(name))
    drawn.legend(handles=_handles(frame, looks), loc="outside right center", frameon=False)
    what = "Time to target" if target_names(frame) else "Final value"
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


def _numeric(frame: pd.DataFrame, name: str) -> bool:
    values = frame[POINT + name]
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _places(frame: pd.DataFrame, rows: pd.DataFrame, name: str) -> Any:
    """Where values stand on the axis: numbers at themselves, words in the order in which they come."""
    if _numeric(frame, name):
        return rows[POINT + name].astype(float)
    return rows[POINT + name].map({value: at for at, value in enumerate(frame[POINT + name].unique())})


def _scale(axes: Axes, frame: pd.DataFrame, name: str, column: str) -> None:
    values = frame[POINT + name].unique()
    if not _numeric(frame, name):
        words = [plain(str(value)) for value in values]
        aslant: dict[str, Any] = {"rotation": 25, "ha": "right"} if len("".join(words)) > MOST_LETTERS else {}
        axes.set_xticks(range(len(values)), words, **aslant)
    elif min(values) > 0 and max(values) / min(values) >= 8:
        axes.set_xscale("log")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
    else:
        axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.margins(x=0.12)
    if column.startswith("time_to_") and latest(frame, column) > 0:
        top = latest(frame, column) * 1.08
        axes.set_ylim(0, top / (1 - STRIP))
        axes.set_yticks([tick for tick in axes.get_yticks() if tick <= top])
    elif column.startswith("final_") and (frame[column].dropna() > 0).all():
        axes.set_yscale("log")


def _panel(axes: Axes, chosen: pd.DataFrame, name: str, column: str, looks: dict[str, Style]) -> None:
    labels = list(dict.fromkeys(chosen["label"]))
    for at, label in enumerate(labels):
        colour, dashes, marker = looks[label]
        rows = chosen[chosen["label"] == label]
        x = _places(chosen, rows, name)
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
        if column.startswith("time_to_"):
            missed = x[rows[column].isna().to_numpy()]
            apart = min(9, 40 / max(1, len(labels) - 1))  # points; all must fit beside the first value
            _missed(axes, missed, colour, marker, apart * (at - (len(labels) - 1) / 2))
    if column.startswith("time_to_"):
        _strip(axes)


def whisker(row: Mapping[Any, Any], column: str, end: float) -> tuple[float, float]:
    """The interval of a row's number, an open end drawn as far as `end`; both the number itself where there is none."""
    middle = row[column]
    low, high = (row.get(column + side, np.nan) for side in ("_low", "_high"))
    return (middle, middle) if np.isnan(low) else (float(low), float(min(high, max(end, middle))))


def latest(frame: pd.DataFrame, column: str) -> float:
    """The largest finite number of a column, its extremes and interval ends; 0 when there is none."""
    found = [frame[column + side] for side in ("", "_max", "_high") if column + side in frame]
    known = [value for values in found for value in values if np.isfinite(value)]
    return float(max(known, default=0.0))


def _missed(axes: Axes, x: Any, colour: Any, marker: str, points: float) -> None:
    """Marks in the strip at the top, beside each other by label."""
    drawn = axes.get_figure()
    assert drawn is not None
    aside = ScaledTranslation(points / 72, 0, drawn.dpi_scale_trans)
    place = blended_transform_factory(axes.transData, axes.transAxes) + aside
    high = [1 - 0.72 * STRIP] * len(x)
    axes.plot(x, high, transform=place, linestyle="", marker=marker, color=colour, markersize=6)


def _strip(axes: Axes) -> None:
    axes.fill_between([0, 1], 1 - STRIP, 1, transform=axes.transAxes, color="#f0f0f0", zorder=0.5)
    style: dict[str, Any] = {"color": GREY, "fontsize": 8.5, "ha": "left", "va": "top"}
    axes.text(0.01, 0.99, "not reached", transform=axes.transAxes, **style)


def _handles(frame: pd.DataFrame, looks: dict[str, Style]) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, linestyle=dashes, marker=marker, label=plain(label))
        for label in dict.fromkeys(frame["label"])
        for colour, dashes, marker in [looks[label]]
    ]
