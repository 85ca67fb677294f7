"""Curves over time and epochs, and bars of the times to each target, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from rfast_bench.analysis.cell_text import label as shown_label
from rfast_bench.analysis.cell_text import words as in_words
from rfast_bench.figures.bars import any_bar, bar_words, latest, whisker
from rfast_bench.figures.curves import AXIS, band, log_range
from rfast_bench.figures.legends import ending
from rfast_bench.figures.looks import Style
from rfast_bench.figures.style import by_label, time_name
from rfast_bench.records.reading import Run
from rfast_bench.report.page.svg import (
    WIDTH,
    Scale,
    dash,
    drawing,
    line,
    number,
    path,
    series,
    shape,
    tag,
    text,
    tick_below,
)

LEFT, RIGHT, TOP, BOTTOM = 64.0, 14.0, 30.0, 46.0
HEIGHT = 320.0
LONGEST_LABEL = 44
"""Letters of a label beside numbers."""
MOST_POINTS = 250
"""Of one curve; more cannot be told apart on a screen."""
Looks = Mapping[str, tuple[int, Style]]
"""Each label's number on the page, and its style."""


# ------------------------------------------------------------------------------------------------- curves
def curves(runs: Sequence[Run], looks: Looks, metric: str, x: str) -> Markup | None:
    """Median and range over seeds against `x` (`time` or `epoch`); None when there is nothing to draw."""
    groups = by_label(runs)
    bands = {label: thinned(band(group, x, metric)) for label, group in groups.items()}
    bands = {label: frame for label, frame in bands.items() if len(frame)}
    if not bands:
        return None
    targets = sorted({value for run in runs for value in run.targets.get(metric, ())})
    steady = [label for label in bands if all(run.status == "finished" for run in groups[label])]
    across = Scale(0.0, max(frame["x"].max() for frame in bands.values()), LEFT, WIDTH - RIGHT)
    up = _up(bands, steady, targets, metric)
    within = [target for target in targets if up.low <= target <= up.high]
    label_of_x = time_name(runs) if x == "time" else AXIS[x]
    return drawing(
        HEIGHT,
        f"{AXIS[metric]} against {label_of_x}: {', '.join(bands)}",
        frame_of(across, up, label_of_x, AXIS[metric]),
        *(line(LEFT, up(target), WIDTH - RIGHT, up(target), "target") for target in within),
        _window([_curve(frame, across, up, label, groups[label], looks) for label, frame in bands.items()]),
        *(text(WIDTH - RIGHT - 3, up(target) - 5, f"target {target:g}", "end", "note") for target in within),
    )


def thinned(frame: pd.DataFrame) -> pd.DataFrame:
    """At most MOST_POINTS rows; a range stays as wide as it was anywhere near."""
    if len(frame) <= MOST_POINTS:
        return frame
    bins = np.arange(len(frame)) * MOST_POINTS // len(frame)
    return frame.groupby(bins).agg({"x": "last", "median": "last", "low": "min", "high": "max"})


def _up(
    bands: Mapping[str, pd.DataFrame], steady: Sequence[str], targets: Sequence[float], metric: str
) -> Scale:
    limits = None if metric == "accuracy" else log_range(bands, steady, targets)
    if limits is not None:
        return Scale(*limits, HEIGHT - BOTTOM, TOP, log=True)
    values = np.concatenate(
        [*(frame[["low", "high"]].to_numpy().ravel() for frame in bands.values()), targets]
    )
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.04 * (high - low) or 0.5
    return Scale(low - margin, high + margin, HEIGHT - BOTTOM, TOP)


def frame_of(across: Scale, up: Scale, x: str, y: str, ticks: Mapping[float, str] | None = None) -> Markup:
    """Grid, tick labels and the names of both axes; `ticks` are those across, when they are not numbers."""
    rows = [(up(tick), number(tick)) for tick in up.ticks()]
    named = {tick: number(tick) for tick in across.ticks()} if ticks is None else ticks
    columns = [(across(tick), words) for tick, words in named.items()]
    return tag(
        "g",
        *(line(across.start, at, across.end, at) for at, _ in rows),
        *(text(across.start - 7, at + 4, words, "end", "tick") for at, words in rows),
        *(tick_below(at, up.start + 18, words) for at, words in columns),
        line(across.start, up.start, across.end, up.start, "axis"),
        text((across.start + across.end) / 2, up.start + 39, x, "middle", "name"),
        text(6, TOP - 14, y, "start", "name"),
    )


def _window(children: Sequence[Markup]) -> Markup:
    """What leaves through the top is cut off there."""
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    box = f"{LEFT} {TOP} {width} {height}"
    return tag("svg", *children, x=LEFT, y=TOP, width=width, height=height, viewBox=box)


def _curve(
    frame: pd.DataFrame, across: Scale, up: Scale, label: str, runs: Sequence[Run], looks: Looks
) -> Markup:
    if up.log:
        lines = ["median", "low", "high"]
        frame = frame.assign(**frame[lines].clip(1.2 * up.low, 10 * up.high))
    xs = [across(value) for value in frame["x"]]
    ways = {
        name: [(x, up(v)) for x, v in zip(xs, frame[name], strict=True)] for name in ("low", "median", "high")
    }
    index, style = looks[label]
    area = [*ways["high"], *reversed(ways["low"])] if len(runs) > 1 else []
    marks = "".join(shape(style.marker, x, y) for x, y in _spaced(ways["median"], index))
    return series(
        index,
        style,
        label + ending(runs),
        *([tag("path", d=path(area, closed=True), class_="band")] if area else []),
        tag("path", d=path(ways["median"]), class_="curve", stroke_dasharray=dash(style)),
        tag("path", d=marks, class_="mark"),
    )


def _spaced(way: Sequence[tuple[float, float]], index: int) -> list[tuple[float, float]]:
    """A few points for markers, shifted by label so that markers of curves that meet do not cover each other."""
    step = max(1, len(way) // 5)
    return list(way[(step // 2 + index * step // 7) % step :: step])


# --------------------------------------------------------------------------------------------------- bars
def bars(runs: Sequence[Run], rows: pd.DataFrame, looks: Looks, name: str) -> Markup:
    """Time to one target, a bar for each label with its interval, its words above it."""
    longest = latest(rows, f"time_to_{name}") or 1.0
    across = Scale(0.0, 1.04 * longest, 10.0, WIDTH - RIGHT)
    below = 8.0 + 40 * len(rows)
    ticks = across.ticks() if any_bar(rows, name) else []
    axis = text(WIDTH / 2, below + 39, time_name(runs), "middle", "name")
    return drawing(
        below + (46 if ticks else 8),
        f"time to {in_words(name)}: " + ", ".join(_spoken(rows, name)),
        *(line(across(tick), 4, across(tick), below) for tick in ticks),
        *(tick_below(across(tick), below + 18, number(tick)) for tick in ticks),
        line(across.start, below, across.end, below, "axis"),
        *([axis] if ticks else []),
        *(_bar(row, name, across, 8.0 + 40 * k, looks) for k, (_, row) in enumerate(rows.iterrows())),
    )


def _spoken(rows: pd.DataFrame, name: str) -> list[str]:
    return [f"{row['label']} {bar_words(row, name)}" for _, row in rows.iterrows()]


def _short(label: str) -> str:
    """As much of a label as leaves room for the numbers."""
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1].rstrip()}…"


def _bar(row: Any, name: str, across: Scale, top: float, looks: Looks) -> Markup:
    index, style = looks[row["label"]]
    middle = row[f"time_to_{name}"]
    low, high = whisker(row, f"time_to_{name}", across.high / 1.04)
    words = text(
        across.start + 2, top + 13, f"{_short(shown_label(row))}: {bar_words(row, name)}", kind="said"
    )
    parts = [words]
    if np.isfinite(middle):
        y = top + 19
        size = {"width": across(middle) - across.start, "height": 13.0}
        parts.append(tag("rect", x=across.start, y=y, **size, class_="bar"))
        if high > low:
            ends = [path([(across(v), y + 2.5), (across(v), y + 10.5)]) for v in (low, high)]
            reach = path([(across(low), y + 6.5), (across(high), y + 6.5)])
            parts.append(tag("path", d="".join([reach, *ends]), class_="whisker"))
    return series(index, style, str(row["label"]), *parts)
