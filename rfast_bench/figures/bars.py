"""Bars: the time to a target, a bar a label with its interval and its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from rfast_bench.analysis.cell_text import not_reached, target_names, target_words
from rfast_bench.analysis.tables import summarise
from rfast_bench.errors import UserError
from rfast_bench.figures.looks import Style, styles
from rfast_bench.figures.style import colour_of, in_lines, plain, theme, time_name
from rfast_bench.records.reading import Run


def draw_times(
    axes: Axes,
    runs: Sequence[Run],
    target: str | None = None,
    looks: Mapping[str, Style] | None = None,
    baseline: str | None = None,
) -> pd.DataFrame:
    """Draw the median time of each label to `target` (`gap_0.03`; the first where None) on `axes`; its table.

    Raises UserError where the runs have no such target, or `baseline` is none of their labels. The runs are of one
    scenario, world and sweep point.
    """
    shown = [run for run in runs if run.status != "skipped"]
    frame = summarise(shown, baseline)
    names = target_names(frame.columns)
    if not names or (target is not None and target not in names):
        raise UserError(
            f"no target '{target or ''}'; the runs have {', '.join(names)}" if names else "no targets"
        )
    name = target or names[0]
    draw_bars(axes, frame, name, looks or styles(runs), time_name(shown))
    axes.set_title(plain(target_words(name)), fontsize=theme().text * 0.97)
    return frame


def draw_bars(axes: Axes, frame: pd.DataFrame, name: str, looks: Mapping[str, Style], time: str) -> None:
    """A bar for each median that is known; where there is none, words alone and no axis of times."""
    longest = latest(frame, f"time_to_{name}") or 1.0
    page = theme()
    for at, row in enumerate(frame.to_dict("records")):
        middle = row.get(f"time_to_{name}", np.nan)
        end = 0.0
        if np.isfinite(middle):
            low, high = whisker(row, f"time_to_{name}", longest)
            colour, end = colour_of(looks[row["label"]]), high
            axes.barh(at, middle, color=colour, height=0.62)
            if high > low:
                _whisker(axes, at, (low, middle, high))
        axes.text(
            end + 0.03 * longest,
            at,
            plain(bar_words(row, name)),
            va="center",
            color=page.muted,
            fontsize=0.88 * page.text,
        )
    axes.set_yticks(range(len(frame)), [in_lines(label) for label in frame["label"]])
    room = 1.9 if any("/" in bar_words(row, name) for row in frame.to_dict("records")) else 1.45
    axes.set(xlim=(0, room * longest), ylim=(len(frame) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    if any_bar(frame, name):
        axes.set_xlabel(time)
    else:
        axes.set_xticks([])


def _whisker(axes: Axes, at: int, numbers: tuple[float, float, float]) -> None:
    """Of the ink's colour with a rim of the page's, so that it is seen on a bar of any colour."""
    page, (low, middle, high) = theme(), numbers
    style: dict[str, Any] = {"color": page.ink, "linewidth": 0.6 * page.line, "capsize": 1.5 * page.line}
    drawn = axes.errorbar(middle, at, xerr=[[middle - low], [high - middle]], **style)
    for artist in drawn.get_children():
        artist.set_path_effects([withStroke(linewidth=1.4 * page.line, foreground=page.page)])


def any_bar(rows: pd.DataFrame, name: str) -> bool:
    """Whether a median time to this target is known of somebody."""
    return bool(np.isfinite(rows[f"time_to_{name}"]).any())


def bar_words(row: Any, name: str) -> str:
    """`11.5 s · 1.8×`; `> 60 s`, `not reached` as in tables; or how all seeds ended that got nowhere."""
    reached, seeds = int(row[f"time_to_{name}_reached"]), row["seeds"]
    missed = not_reached(row.get(f"time_to_{name}_above", np.nan), " s")
    if not reached:
        return next(
            (word for word in ("invariant broken", "damaged", "diverged", "void") if row.get(word) == seeds),
            missed,
        )
    speedup = row.get(f"speedup_{name}", np.nan)
    middle = row[f"time_to_{name}"]
    said = [f"{middle:.3g} s" if np.isfinite(middle) else missed]
    said += [f"{speedup:.2g}×"] if np.isfinite(speedup) and row["label"] != row["baseline"] else []
    return " · ".join(said + ([f"{reached}/{seeds} reached"] if reached < seeds else []))


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
