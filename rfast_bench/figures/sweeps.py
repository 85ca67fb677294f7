"""What a sweep shows: the time to target (or the final value) against each key that varies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rfast_bench.analysis.cell_text import POINT, cell, heading, target_names
from rfast_bench.analysis.outcomes import absent
from rfast_bench.analysis.tables import summarise
from rfast_bench.figures.bars import latest, whisker
from rfast_bench.figures.curves import FORMULAS
from rfast_bench.figures.legends import key, legend
from rfast_bench.figures.looks import Style
from rfast_bench.figures.style import colour_of, figure, headline, plain, save, slug, theme, time_name
from rfast_bench.records.key_words import key_words
from rfast_bench.records.reading import Run, varying

LANE, HEAD = 0.05, 0.075
"""Heights in the strip for what was not reached, as shares of the axes: a label's lane, and what stands above them."""
MISSED = "not reached when the run ended"
"""Above the lanes: stopped too early, stalled or diverged, which tables tell apart (`> 60`, `not reached`)."""
CROWDED = 0.07
"""Numbers that come nearer to each other than this share of the axis stand evenly, as words do."""
BESIDE = 0.5
"""How far apart the labels of a category stand together, as a share of the way to the next."""


def draw_sweeps(runs: Sequence[Run], out: Path, looks: Mapping[str, Style]) -> list[Path]:
    """One figure `sweep-<key>` per varying key; rows are targets, columns the values of the other keys."""
    frame = summarise(runs)
    return [save(_sweep(runs, frame, name, looks), out, f"sweep-{slug(name)}") for name in varying(runs)]


def measures(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """(column, its words): the time to each target, then the final value."""
    times = [(f"time_to_{name}", heading(f"time_to_{name}")) for name in target_names(frame)]
    final = "gap" if frame["final_gap"].notna().any() else "loss"
    return [*times, (f"final_{final}", f"final {FORMULAS[final]}")]


def _sweep(runs: Sequence[Run], frame: pd.DataFrame, name: str, looks: Mapping[str, Style]) -> Figure:
    others = [other for other in varying(runs) if other != name]
    said = key_words(runs, varying(runs))
    combinations = list(product(*(frame[POINT + other].unique() for other in others)))
    rows = measures(frame)
    size = theme().text / 10.8
    drawn = figure(size * max(7.0, 2.2 + 3.4 * len(combinations)), size * (1.5 + 2.8 * len(rows)))
    panels = drawn.subplots(len(rows), len(combinations), sharex=True, sharey="row", squeeze=False)
    for row, (column, words) in zip(panels, rows, strict=True):
        for axes, values in zip(row, combinations, strict=True):
            chosen = _chosen(frame, dict(zip(others, values, strict=True)))
            _panel(axes, frame, chosen, name, column, looks)
            _scale(axes, frame, name, column)
        row[0].set_ylabel(words)
    for axes, values in zip(panels[0], combinations, strict=True):
        axes.set_title(_words([said[other] for other in others], values), fontsize=0.97 * theme().text)
    for axes in panels[-1]:
        axes.set_xlabel(plain(with_unit(said[name], stand(frame, name).unit)))
    labels = list(dict.fromkeys(frame["label"]))
    legend(drawn, [_point_key(looks[label], label, stand(frame, name).joined) for label in labels])
    what = "Time to target and final value" if target_names(frame) else "Final value"
    about = f"{runs[0].scenario} · {time_name(runs)[:-4]}, {_spread(frame)}"
    headline(drawn, f"{what} against {said[name]}", about)
    return drawn


def _point_key(style: Style, label: str, joined: bool) -> Line2D:
    drawn = key(style, label)
    if not joined:
        drawn.set_linestyle("none")
    return drawn


def _spread(frame: pd.DataFrame) -> str:
    return "median over seeds, bootstrap intervals" if frame["seeds"].max() > 1 else "one seed"


def _words(names: Sequence[str], values: Sequence[Any]) -> str:
    return plain(", ".join(f"{name} = {cell(value)}" for name, value in zip(names, values, strict=True)))


def _chosen(frame: pd.DataFrame, point: dict[str, Any]) -> pd.DataFrame:
    for name, value in point.items():
        frame = frame[frame[POINT + name] == value]
    return frame


def by_ratio(values: Sequence[float]) -> bool:
    """Whether numbers ask for a logarithmic axis."""
    return bool(min(values) > 0 and max(values) / min(values) >= 8)


@dataclass(frozen=True)
class Stand:
    """Where the values of a swept key stand across, and what is said of them."""

    at: Mapping[Any, float]
    words: Mapping[Any, str]
    unit: str
    """What all of them are in, where they are numbers of one unit; it is said at the axis."""
    joined: bool
    """Whether they are numbers, so that a line may go from one to the next."""


def stand(frame: pd.DataFrame, name: str) -> Stand:
    """Where the values of a key stand: numbers at themselves unless they crowd, words in their order."""
    column = frame[POINT + name]
    values = list(column.unique())
    found = quantities(values)
    if found is None:
        return Stand(
            {v: float(k) for k, v in enumerate(values)}, {v: cell(v) for v in values}, "", joined=False
        )
    numbers, unit = found
    values.sort(key=lambda value: numbers[value])
    sizes = [numbers[value] for value in values]
    words = {value: cell(numbers[value]) for value in values}
    at = np.log(sizes) if by_ratio(sizes) else np.asarray(sizes)
    if len(at) < 2 or np.diff(at).min() >= CROWDED * (at[-1] - at[0]):
        return Stand(numbers, words, unit, joined=True)
    return Stand({value: float(k) for k, value in enumerate(values)}, words, unit, joined=True)


def quantities(values: Sequence[Any]) -> tuple[dict[Any, float], str] | None:
    """The values as numbers, and the unit that all of them have; None where they are not that."""
    if all(isinstance(v, (int, float, np.number)) and not isinstance(v, (bool, np.bool_)) for v in values):
        numbers = {v: float(v) for v in values}
        return (numbers, "") if all(np.isfinite(number) for number in numbers.values()) else None
    found = {v: re.fullmatch(r"(\d+(?:\.\d+)?(?:e-?\d+)?) ?([a-zA-Zµ%/]+)", str(v)) for v in values}
    units = {match[2] for match in found.values() if match}
    if len(units) != 1 or not all(found.values()):
        return None
    return {v: float(match[1]) for v, match in found.items() if match}, units.pop()


def with_unit(words: str, unit: str) -> str:
    return f"{words} ({unit})" if unit else words


def shift(labels: Sequence[str], label: str, joined: bool) -> float:
    """How far beside its category a label stands, that none covers another; numbers stand where they are."""
    middle = (len(labels) - 1) / 2
    return 0.0 if joined else BESIDE * (labels.index(label) - middle) / len(labels)


def _scale(axes: Axes, frame: pd.DataFrame, name: str, column: str) -> None:
    where = stand(frame, name)
    if by_ratio(list(where.at.values())):
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(
        list(where.at.values()), [plain(where.words[value]).replace(" ", "\n") for value in where.at]
    )
    axes.margins(x=0.12)
    if not where.joined:
        axes.set_xlim(-0.5, len(where.at) - 0.5)
        axes.grid(visible=False, axis="x")
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
    axes: Axes, frame: pd.DataFrame, chosen: pd.DataFrame, name: str, column: str, looks: Mapping[str, Style]
) -> None:
    timed, strip = column.startswith("time_to_"), lanes(frame, column)
    if timed and strip:
        _strip(axes, _strip_height(frame, column))
    where, labels = stand(frame, name), list(dict.fromkeys(frame["label"]))
    for label in dict.fromkeys(chosen["label"]):
        rows = chosen[chosen["label"] == label]
        x = rows[POINT + name].map(where.at) + shift(labels, label, where.joined)
        if not timed:
            rows = rows.assign(**above_rounding(rows, column))
        ends = [whisker(row, column, latest(chosen, column)) for row in rows.to_dict("records")]
        low, high = ([abs(end[k] - m) for end, m in zip(ends, rows[column], strict=True)] for k in (0, 1))
        _points(axes, (x, rows[column], low, high), looks[label], where.joined)
        axes.update_datalim(
            [(float(place), 0.0) for place in x], updatey=False
        )  # also where nothing was reached
        if timed and label in strip:
            missed = x[rows[column].isna().to_numpy()]
            lane = 1 - HEAD - LANE * (strip.index(label) + 0.35)
            style: dict[str, Any] = {"color": colour_of(looks[label]), "marker": looks[label].marker}
            place = axes.get_xaxis_transform()
            axes.plot(missed, [lane] * len(missed), transform=place, linestyle="", **style)


def _points(axes: Axes, numbers: Any, style: Style, joined: bool) -> ErrorbarContainer:
    """Medians with their whiskers; a line through them where the axis is of numbers."""
    x, middle, low, high = numbers
    page = theme()
    return axes.errorbar(
        x,
        middle,
        yerr=[low, high],
        color=colour_of(style),
        linestyle=style.dashes if joined else "none",
        linewidth=0.8 * page.line,
        marker=style.marker,
        markersize=1.1 * page.marker,
        markeredgecolor=page.page,
        markeredgewidth=0.3 * page.line,
        capsize=1.5 * page.line,
    )


ROUNDING = 1e-16
"""What a final value is drawn at that is smaller, or negative by rounding."""


def above_rounding(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    """A final value's columns, none below `ROUNDING` where all are about zero or positive."""
    names = [column + end for end in ("", "_low", "_high") if column + end in rows]
    if not (rows[column].dropna() > -1e-12).all():
        return {}
    return {name: rows[name].clip(lower=ROUNDING) for name in names}


def _strip(axes: Axes, high: float) -> None:
    page = theme()
    axes.fill_between([0, 1], 1 - high, 1, transform=axes.transAxes, color=page.lane, zorder=0.5)
    style: dict[str, Any] = {"color": page.muted, "fontsize": 0.79 * page.text, "ha": "left", "va": "top"}
    axes.text(0.01, 0.99, MISSED, transform=axes.transAxes, **style)
