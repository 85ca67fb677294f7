"""Curves: a number of the model against time, epochs, gradients or traffic, the median and range over seeds.

`draw_curves` draws on the axes that it is given; `bands` are the numbers behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter

from rfast_bench.analysis.cell_text import FINALS, words
from rfast_bench.errors import UserError
from rfast_bench.figures.legends import ending
from rfast_bench.figures.looks import Style, styles
from rfast_bench.figures.style import by_label, colour_of, in_lines, theme, time_name
from rfast_bench.records.reading import Run

X: Mapping[str, str] = {"time": "time", "epoch": "epoch", "gradients": "gradients", "bytes": "bytes_sent"}
"""What a curve may be drawn against, and its column of `curves.csv`."""
AXIS = {
    "gap": "gap f(x̄) − f*",
    "loss": "loss f(x̄)",
    "accuracy": "accuracy",
    "epoch": "epochs (all workers together)",
}
"""Names of axes in plain text."""
FORMULAS = {
    "gap": r"gap $f(\bar{x}) - f^*$",
    "loss": r"loss $f(\bar{x})$",
    "gradient_norm": r"gradient norm $\Vert\nabla f(\bar{x})\Vert$",
    "consensus": "distance of the models to their mean",
    "residual": "residual of the invariant",
    "local_accuracy": "local accuracy, mean over workers",
    "bytes_sent": "bytes sent",
}
"""Names of axes where there is mathematics."""
LINEAR = ("accuracy", "local_accuracy", "iterations", "messages", "bytes", "gradients", "epoch")
"""How numbers begin that are not drawn on a log axis unless that is asked for."""
HELD = 0.1
"""How much longer than it was a curve keeps its last value in a median over seeds, as a share."""
SHARPEST = 4
"""How many markers a curve has, about."""
Limits = tuple[float, float]
Bands = dict[str, pd.DataFrame]
"""Of each label the columns x, median, low and high."""


# ---------------------------------------------------------------------------------------------- the numbers
def band(runs: Sequence[Run], x: str, y: str) -> pd.DataFrame:
    """Median, low and high of `y` over the runs on their common grid of `x`, as far as half of them go.

    Seeds of a run that ends by epochs end at slightly different times: each keeps its last value for a tenth of its
    length more (`HELD`), or the last few points would be of other seeds than those before them.
    """
    tables = [run.curves() for run in runs]
    curves = [table[[x, y]].replace([np.inf, -np.inf], np.nan).dropna() for table in tables if y in table]
    curves = [curve.drop_duplicates(x, keep="last") for curve in curves if len(curve)]
    if not curves:
        return pd.DataFrame({"x": [], "median": [], "low": [], "high": []}, dtype=float)
    grid = np.unique(np.concatenate([curve[x] for curve in curves]))
    rows = np.array([np.interp(grid, curve[x], curve[y], left=np.nan) for curve in curves])
    rows[grid > np.array([[(1 + HELD) * curve[x].iloc[-1]] for curve in curves])] = np.nan
    keep = np.isfinite(rows).sum(axis=0) * 2 >= len(curves)
    grid, rows = grid[keep], rows[:, keep]
    lines = {"median": np.nanmedian(rows, 0), "low": np.nanmin(rows, 0), "high": np.nanmax(rows, 0)}
    return pd.DataFrame({"x": grid, **lines})


def bands(runs: Sequence[Run], x: str = "time", y: str = "gap") -> Bands:
    """The band of every label that has this number, in the order of the runs; `x` is one of `X`."""
    found = {label: band(group, X[x], y) for label, group in by_label(runs).items()}
    return {label: frame for label, frame in found.items() if len(frame)}


def main_number(runs: Sequence[Run]) -> str:
    """The gap, where it is known; else the loss."""
    return "gap" if any(run.curves()["gap"].notna().any() for run in runs) else "loss"


def is_log(y: str) -> bool:
    """Whether a number is drawn on a log axis where nothing else is asked for."""
    return not y.startswith(LINEAR)


# ---------------------------------------------------------------------------------------------- the drawing
def draw_curves(
    axes: Axes,
    runs: Sequence[Run],
    x: str = "time",
    y: str = "gap",
    looks: Mapping[str, Style] | None = None,
    log: bool | None = None,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
) -> Bands:
    """Draw median and range over seeds of each label on `axes`, and name these; the bands that are drawn.

    `y` is a column of `curves.csv`, `x` one of `X`. Lines are labelled for `axes.legend()`. `log` is of the y axis;
    None: as suits the number. Targets of `y` are dashed lines. Skipped runs are left out. `xlim` and `ylim`: what the
    axes show. Raises UserError where a log axis would begin at 0 or below.
    """
    shown = [run for run in runs if run.status != "skipped"]
    looks = looks or styles(runs)
    groups, found = by_label(shown), bands(shown, x, y)
    targets = sorted({value for run in shown for value in run.targets.get(y, ())})
    if found:
        found = _scaled(axes, found, groups, y, targets, is_log(y) if log is None else log)
    for at, (label, frame) in enumerate(found.items()):
        named = in_lines(label, ending(groups[label]))
        _draw_band(axes, frame, looks[label], named, (at / len(found), len(groups[label]) > 1))
    if ylim is not None:
        if axes.get_yscale() == "log" and ylim[0] <= 0:
            raise UserError(f"ylim: found {ylim[0]:g}; a log axis begins above 0")
        axes.set_ylim(ylim)
    note_targets(axes, targets)
    axes.set(xlabel=x_name(shown, x), ylabel=axis_name(y))
    axes.set_xlim(left=0)
    axes.margins(x=0.02)
    if xlim is not None:
        axes.set_xlim(xlim)
    return found


def x_name(runs: Sequence[Run], x: str) -> str:
    return time_name(runs) if x == "time" else axis_name(X[x])


def axis_name(name: str) -> str:
    """How an axis of a column of `curves.csv` is called."""
    known = FORMULAS.get(name) or AXIS.get(name)
    return known or (words(name) if name.startswith(FINALS) else name.replace("_", " "))


def _scaled(
    axes: Axes,
    found: Bands,
    groups: Mapping[str, Sequence[Run]],
    y: str,
    targets: Sequence[float],
    log: bool,
) -> Bands:
    """Set the scale of the y axis; the bands cut to what it can show."""
    steady = [label for label in found if all(run.status == "finished" for run in groups[label])]
    if not log:
        bottom = foot(found) if "accuracy" in y else None
        if bottom is not None:
            highest = max(float(frame["high"].max()) for frame in found.values())
            axes.set_ylim(bottom, min(1.0, highest + 0.25 * (highest - bottom)))
        return found
    limits = log_range(found, steady, targets)
    if limits is None:
        return found
    axes.set_yscale("log")
    axes.set_ylim(limits)
    if limits[1] < 100 * limits[0]:  # few powers of ten: numbers between them are labelled too, as they are
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda v, _: f"{v:g}" if f"{v:e}"[0] in "235" else ""))
    lines = ["median", "low", "high"]
    return {
        label: frame.assign(**frame[lines].clip(1.2 * limits[0], 10 * limits[1]))
        for label, frame in found.items()
    }


def log_range(
    found: Mapping[str, pd.DataFrame], steady: Sequence[str], marks: Sequence[float]
) -> tuple[float, float] | None:
    """Limits of a log axis: down to the smallest positive value, up to where the sane curves reach.

    A curve that blows up leaves through the top, ten times above all starting points. None when no value
    is positive.
    """
    values = np.concatenate([frame[["low", "median", "high"]].to_numpy().ravel() for frame in found.values()])
    starts = [frame["high"].iloc[0] for frame in found.values() if len(frame)]
    sane = [frame["high"].max() for label, frame in found.items() if label in steady and len(frame)]
    positive = np.concatenate([values[values > 0], [mark for mark in marks if mark > 0]])
    if not (values > 0).any():
        return None
    top = max([10 * max(starts), *sane]) if len(steady) < len(found) else max(sane)
    return float(max(positive.min() / 1.5, 1e-17)), float(max(top, positive.min()) * 1.5)


def foot(found: Mapping[str, pd.DataFrame]) -> float | None:
    """Where an axis of accuracies begins, if not below them all: above the start, where the second look of every curve
    has left it behind. What tells methods apart is at the top."""
    if any(len(frame) < 3 for frame in found.values()):
        return None
    start = max(float(frame["high"].iloc[0]) for frame in found.values())
    later = min(float(frame["low"].iloc[1:].min()) for frame in found.values())
    end = max(float(frame["median"].iloc[-1]) for frame in found.values())
    return later - 0.1 * (end - later) if later - start > end - later else None


def _draw_band(
    axes: Axes, frame: pd.DataFrame, style: Style, label: str, shift_and_several: tuple[float, bool]
) -> None:
    """Markers are shifted from curve to curve, so that those of curves that meet do not cover each other."""
    shift, several = shift_and_several
    colour, page = colour_of(style), theme()
    marks: Any = (0.03 + shift / SHARPEST, 1 / SHARPEST)
    axes.plot(
        frame["x"],
        frame["median"],
        color=colour,
        linestyle=style.dashes,
        linewidth=page.line,
        marker=style.marker,
        markersize=page.marker,
        markevery=marks,
        markeredgecolor=page.page,
        markeredgewidth=0.3 * page.line,
        label=label,
        zorder=3,
    )
    if several:
        axes.fill_between(
            frame["x"], frame["low"], frame["high"], color=colour, alpha=0.2, linewidth=0, zorder=2
        )


def note_targets(axes: Axes, targets: Sequence[float]) -> None:
    """Thin dashed lines, named outside the right edge; on a small figure inside it."""
    page = theme()
    low, high = sorted(axes.get_ylim())
    for target in targets:
        axes.axhline(target, color=page.muted, linestyle=(0, (6, 4)), linewidth=0.4 * page.line, zorder=1)
        if page.small and not low <= target <= high:
            continue
        x, sideways = (0.99, "right") if page.small else (1.01, "left")
        axes.text(
            x,
            target,
            f"target {target:g}",
            transform=axes.get_yaxis_transform(),
            ha=sideways,
            va="bottom" if page.small else "center",
            color=page.muted,
            fontsize=0.85 * page.text,
            path_effects=[withStroke(linewidth=3, foreground=page.page)] if page.small else [],
            zorder=10,
        )
