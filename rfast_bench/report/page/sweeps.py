"""What a sweep shows, as SVG: the time to each target, or the final value, against each key that varies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from rfast_bench.analysis.cell_text import POINT, cell, target_names, target_words
from rfast_bench.analysis.outcomes import absent
from rfast_bench.figures.bars import latest, whisker
from rfast_bench.figures.curves import AXIS
from rfast_bench.figures.style import time_name
from rfast_bench.figures.sweeps import (
    MISSED,
    Stand,
    above_rounding,
    by_ratio,
    lanes,
    shift,
    stand,
    with_unit,
)
from rfast_bench.records.key_words import key_words
from rfast_bench.records.reading import Run, varying
from rfast_bench.report.page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, Looks, frame_of
from rfast_bench.report.page.svg import WIDTH, Scale, dash, drawing, path, series, shape, tag, text

STRIP_HEAD, LANE = 18.0, 12.0
"""Heights in the strip for what was not reached: what stands above the lanes, and the lane of a label."""
Known = Sequence[tuple[float, Any]]
"""Where a row with a value stands across, and the row."""
MOST_PANELS = 24
"""More panels than these nobody compares by eye: the table has all points."""


def sweep_charts(runs: Sequence[Run], rows: pd.DataFrame, looks: Looks) -> Iterator[tuple[str, Markup]]:
    """(title, drawing) for each varying key (most values first), others' values, measure; at most MOST_PANELS."""
    left = MOST_PANELS
    said = key_words(runs, varying(runs))
    for key in sorted(varying(runs), key=lambda key: -int(rows[POINT + key].nunique())):
        for others, chosen in _panels(rows, key, said):
            for column, words in measures(rows, time_name(runs)):
                if left == 0:
                    return
                left -= 1
                title = f"{words[:1].upper()}{words[1:].partition(' (')[0]} against {said[key]}" + (
                    f", {others}" if others else ""
                )
                yield title, _chart(rows, chosen, (key, said[key]), (column, words), looks)


def measures(rows: pd.DataFrame, time: str) -> list[tuple[str, str]]:
    """(column, its words): the times to each target, then the final value."""
    unit = "simulated s" if time.startswith("simulated") else "s"
    times = [(f"time_to_{name}", f"time to {target_words(name)} ({unit})") for name in target_names(rows)]
    final = "gap" if rows["final_gap"].notna().any() else "loss"
    return [*times, (f"final_{final}", f"final {AXIS[final]}")]


def _panels(rows: pd.DataFrame, key: str, said: Mapping[str, str]) -> Iterator[tuple[str, pd.DataFrame]]:
    others = [other for other in said if other != key]
    for values in product(*(rows[POINT + other].unique() for other in others)):
        chosen = rows
        for other, value in zip(others, values, strict=True):
            chosen = chosen[chosen[POINT + other] == value]
        words = ", ".join(
            f"{said[other]} = {cell(value)}" for other, value in zip(others, values, strict=True)
        )
        if chosen[POINT + key].nunique() > 1:
            yield words, chosen


def _chart(
    rows: pd.DataFrame, chosen: pd.DataFrame, key: tuple[str, str], measure: tuple[str, str], looks: Looks
) -> Markup:
    """`key` and `measure` are columns with their words."""
    column, words = measure
    where = stand(rows, key[0])
    across = _across(where)
    timed = column.startswith("time_to_")
    missed = lanes(rows, column) if timed else []
    strip = STRIP_HEAD + LANE * len(missed) if missed else 0.0
    up = _up(rows, column, timed, strip)
    labels = list(dict.fromkeys(chosen["label"]))
    ticks = {at: where.words[value] for value, at in where.at.items()}
    parts = [frame_of(across, up, with_unit(key[1], where.unit), words, ticks)]
    parts += [_strip(strip)] if missed else []
    for label in labels:
        own = chosen[chosen["label"] == label]
        own = own if timed else own.assign(**above_rounding(own, column))
        beside = shift(labels, label, where.joined)
        at = [across(where.at[value] + beside) for value in own[POINT + key[0]]]
        lane = TOP + STRIP_HEAD + LANE * (missed.index(label) + 0.3) if label in missed else 0.0
        parts.append(_line(own, at, up, column, label, looks, (lane, where.joined)))
    return drawing(HEIGHT, f"{words} against {key[1]}: {', '.join(labels)}", *parts)


def _across(where: Stand) -> Scale:
    low, high = min(where.at.values()), max(where.at.values())
    if not where.joined:
        return Scale(low - 0.5, high + 0.5, LEFT, WIDTH - RIGHT)
    log = by_ratio(list(where.at.values()))
    margin = (high / low) ** 0.1 if log else 0.1 * (high - low)
    return Scale(
        low / margin if log else low - margin,
        high * margin if log else high + margin,
        *(LEFT, WIDTH - RIGHT),
        log,
    )


def _up(rows: pd.DataFrame, column: str, timed: bool, strip: float) -> Scale:
    if timed:
        return Scale(0.0, 1.08 * (latest(rows, column) or 1.0), HEIGHT - BOTTOM, TOP + strip)
    known = rows.assign(**above_rounding(rows, column))[column]
    known = known[np.isfinite(known)]
    if len(known) and known.min() > 0:
        return Scale(known.min() / 2, known.max() * 2, HEIGHT - BOTTOM, TOP, log=True)
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    margin = 0.08 * (high - low) or 0.5
    return Scale(low - margin, high + margin, HEIGHT - BOTTOM, TOP)


def _strip(high: float) -> Markup:
    box = tag("rect", x=LEFT, y=TOP, width=WIDTH - LEFT - RIGHT, height=high - 4, class_="strip")
    return tag("g", box, text(LEFT + 5, TOP + 12, MISSED, kind="note"))


def _line(
    own: pd.DataFrame,
    at: list[float],
    up: Scale,
    column: str,
    label: str,
    looks: Looks,
    lane_and_joined: tuple[float, bool],
) -> Markup:
    lane, joined = lane_and_joined
    index, style = looks[label]
    known = [(x, row) for x, (_, row) in zip(at, own.iterrows(), strict=True) if np.isfinite(row[column])]
    way = [(x, up(row[column])) for x, row in known]
    whiskers = [
        path([(x, up(low)), (x, up(high))])
        for x, row in known
        for low, high in [whisker(row, column, up.high)]
        if high > low
    ]
    full, part = _marks(known, way, column, style.marker)
    if lane:
        for x, (_, row) in zip(at, own.iterrows(), strict=True):
            if np.isnan(row[column]) and absent(row) < row["seeds"]:
                (part if row[f"{column}_reached"] else full).append(shape(style.marker, x, lane))
    through = _unbroken(at, own[column], up) if joined else ""
    parts = [tag("path", d=through, class_="curve", stroke_dasharray=dash(style))] if through else []
    parts += [tag("path", d="".join(whiskers), class_="reach")] if whiskers else []
    parts += [
        tag("path", d="".join(ds), class_=kind) for ds, kind in ((full, "mark"), (part, "mark some")) if ds
    ]
    return series(index, style, label, *parts)


def _unbroken(at: Sequence[float], values: Iterable[float], up: Scale) -> str:
    """A line through neighbours that both have a value; it stops where one has none."""
    known = [(x, up(value)) if np.isfinite(value) else None for x, value in zip(at, values, strict=True)]
    return "".join(path([one, next_]) for one, next_ in pairwise(known) if one and next_)


def _marks(
    known: Known, way: Sequence[tuple[float, float]], column: str, marker: str
) -> tuple[list[str], list[str]]:
    """Markers of what holds for every seed, and of what holds for some."""
    full: list[str] = []
    part: list[str] = []
    for (_, row), (x, y) in zip(known, way, strict=True):
        whole = row.get(f"{column}_reached", row["seeds"]) == row["seeds"]
        (full if whole else part).append(shape(marker, x, y))
    return full, part
