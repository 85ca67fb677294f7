"""What all figures share: the look, one colour per label, log axes that bear zeros, saving.

Figures are matplotlib `Figure` objects without pyplot: nothing global is opened, so nothing is left open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rfast_bench.errors import UserError
from rfast_bench.records.reading import Run

GREY = "#666666"
DPI = 150
AXIS = {
    "gap": "gap f(x̄) − f*",
    "loss": "loss f(x̄)",
    "accuracy": "accuracy",
    "epoch": "epochs (all workers together)",
}
HELD = 0.1
"""How much longer than it was a curve keeps its last value in a median over seeds, as a share."""
Style = tuple[tuple[float, float, float], Any, str]
"""Colour, line dashes and marker of a label."""


@contextmanager
def look() -> Iterator[None]:
    """The style of every figure, for the time of a `with` block."""
    settings: dict[Any, Any] = {
        **sns.axes_style("whitegrid"),
        **sns.plotting_context("notebook", font_scale=0.9),
    }
    with mpl.rc_context(
        {**settings, "grid.color": "#e6e6e6", "axes.titlelocation": "left", "svg.hashsalt": "rfast"}
    ):
        yield


def styles(runs: Sequence[Run]) -> dict[str, Style]:
    """A colour-blind-safe colour per label, and a dash and marker of its own for who sees none."""
    labels = list(dict.fromkeys(run.label for run in sorted(runs, key=lambda run: (run.order, run.label))))
    colours = [*sns.color_palette("colorblind")]
    dashes, markers = ("-", "--", "-.", ":"), "osD^vP*X"
    return {
        label: (
            colours[at % len(colours)],
            dashes[(at + at // len(colours)) % len(dashes)],
            markers[at % len(markers)],
        )
        for at, label in enumerate(labels)
    }


def figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def save(drawn: Figure, out: Path, name: str) -> Path:
    return save_as(drawn, out / f"{name}.png")


def save_as(drawn: Figure, path: Path) -> Path:
    """Write a figure in the format of its suffix. Raises UserError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, dpi=DPI, metadata={"Date": None} if path.suffix == ".svg" else None)
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror}") from problem
    return path


def slug(text: str) -> str:
    """A file name for any label."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.") or "unnamed"


def plain(text: str) -> str:
    """Text that is not read as a formula, nor hidden from a legend for a leading underscore."""
    return re.sub(r"^_", " _", text).replace("$", r"\$")


def time_name(runs: Sequence[Run]) -> str:
    simulated = all(run.world == "simulated" for run in runs)
    return "simulated time (s)" if simulated else "time (s)"


def by_label(runs: Sequence[Run]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    return groups


def headline(drawn: Figure, title: str, subtitle: str) -> None:
    """A bold title and a grey line under it, at the left."""
    style = {"x": 0.012, "ha": "left", "fontsize": 12, "fontweight": "bold", "linespacing": 1.4}
    drawn.suptitle(plain(f"{title}\n"), **style)
    height = drawn.get_size_inches()[1]
    drawn.text(0.012, 1 - 0.38 / height, plain(subtitle), ha="left", va="center", color=GREY, fontsize=9.5)


def band(runs: Sequence[Run], x: str, y: str) -> pd.DataFrame:
    """Median, low and high of `y` over the runs on their common grid of `x`, as far as half of them go.

    Seeds of a run that ends by epochs end at slightly different times: each keeps its last value for a tenth of its
    length more (`HELD`), or the last few points would be of other seeds than those before them.
    """
    curves = [run.curves()[[x, y]].replace([np.inf, -np.inf], np.nan).dropna() for run in runs]
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


def log_range(
    bands: Mapping[str, pd.DataFrame], steady: Sequence[str], marks: Sequence[float]
) -> tuple[float, float] | None:
    """Limits of a log axis: down to the smallest positive value, up to where the sane curves reach.

    A curve that blows up leaves through the top, ten times above all starting points. None when no value
    is positive.
    """
    values = np.concatenate([frame[["low", "median", "high"]].to_numpy().ravel() for frame in bands.values()])
    starts = [frame["high"].iloc[0] for frame in bands.values() if len(frame)]
    sane = [frame["high"].max() for label, frame in bands.items() if label in steady and len(frame)]
    positive = np.concatenate([values[values > 0], [mark for mark in marks if mark > 0]])
    if not (values > 0).any():
        return None
    top = max([10 * max(starts), *sane]) if len(steady) < len(bands) else max(sane)
    return float(max(positive.min() / 1.5, 1e-17)), float(max(top, positive.min()) * 1.5)


def note_targets(axes: Axes, targets: Sequence[float]) -> None:
    """Thin dashed lines, named outside the right edge."""
    for target in targets:
        axes.axhline(target, color=GREY, linestyle=(0, (6, 4)), linewidth=0.8, zorder=1)
        place = axes.get_yaxis_transform()
        axes.text(1.01, target, f"target {target:g}", transform=place, va="center", color=GREY, fontsize=9)


def key(style: Style, label: str) -> Line2D:
    colour, dashes, _ = style
    return Line2D([], [], color=colour, linestyle=dashes, linewidth=2, label=plain(label))
