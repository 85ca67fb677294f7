"""A figure of who holds which samples: sizes of shards beside their classes, or their range of targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rfast_bench.analysis.shards import Shards, summary
from rfast_bench.figures.style import figure, headline, look, plain, save_as, theme

MOST_NUMBERS = 20
"""Workers, or classes, up to which every count is written into its cell."""
MOST_TICKS = 25
BLUE = sns.color_palette("colorblind")[0]


def draw_shards(shards: Shards, path: Path) -> Path:
    """Write the figure in the format of the path's suffix. Raises UserError when it cannot be written."""
    with look():
        return save_as(_figure(shards), path)


def _figure(shards: Shards) -> Figure:
    classes = len(shards.classes)
    height = 1.5 + min(9.0, max(1.6, 0.32 * shards.workers))
    width = min(13.0, max(7.5, 3.6 + (0.5 * classes if shards.counts is not None else 4.5)))
    drawn = figure(width, height)
    ratio = min(4.0, max(1.4, 0.22 * classes)) if shards.counts is not None else 2.0
    left, right = drawn.subplots(1, 2, sharey=True, width_ratios=[1, ratio])
    _sizes(left, shards)
    if shards.counts is not None:
        _classes(drawn, right, shards)
    else:
        _targets(right, shards)
    headline(drawn, f"Who holds what: {shards.title}", f"{summary(shards)[-1]} · seed {shards.seed}")
    return drawn


def _sizes(axes: Axes, shards: Shards) -> None:
    axes.barh(range(shards.workers), shards.sizes, height=0.72, color=BLUE)
    if shards.workers <= MOST_TICKS:
        for worker, size in enumerate(shards.sizes):
            axes.annotate(
                str(size),
                (size, worker),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
                color=theme().muted,
            )
    step = max(1, -(-shards.workers // MOST_TICKS))
    names = [_named(shards, worker) for worker in range(0, shards.workers, step)]
    axes.set_yticks(range(0, shards.workers, step), names, fontsize=9)
    axes.set(ylim=(shards.workers - 0.5, -0.5), xlim=(0, 1.22 * float(shards.sizes.max())))
    axes.set(xlabel="samples", ylabel="worker")
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=4)
    axes.spines[["top", "right"]].set_visible(False)


def _named(shards: Shards, worker: int) -> str:
    """Its number, and whose samples it holds where that is another word."""
    owner = shards.owners[worker] if shards.owners else str(worker)
    return str(worker) if owner == str(worker) else plain(f"{worker} ({owner})")


def _classes(drawn: Figure, axes: Axes, shards: Shards) -> None:
    """How many of each class, darker for more; white is none."""
    assert shards.counts is not None
    counts, classes = shards.counts, len(shards.classes)
    shown = np.ma.masked_equal(counts, 0)
    colours = sns.light_palette(BLUE, as_cmap=True).with_extremes(bad="white")
    image = axes.imshow(shown, aspect="auto", cmap=colours, vmin=0, interpolation="nearest")
    if shards.workers <= MOST_NUMBERS and classes <= MOST_NUMBERS:
        dark = 0.6 * counts.max()
        for (worker, k), count in np.ndenumerate(counts):
            style: dict[str, Any] = (
                {"color": "white" if count > dark else "black"} if count else {"color": "#bbbbbb"}
            )
            axes.text(
                k, worker, str(count) if count else "·", ha="center", va="center", fontsize=8.5, **style
            )
    else:
        drawn.colorbar(image, ax=axes, label="samples", pad=0.01, aspect=50)
    step = max(1, -(-classes // MOST_TICKS))
    names = [plain(name if len(name) < 12 else f"{name[:10]}…") for name in shards.classes[::step]]
    turned = max(map(len, names)) > 4
    axes.set_xticks(
        range(0, classes, step),
        names,
        fontsize=9,
        rotation=35 if turned else 0,
        ha="right" if turned else "center",
    )
    axes.set(xlabel="class")
    axes.grid(visible=False)
    axes.tick_params(left=False, labelleft=False)


def _targets(axes: Axes, shards: Shards) -> None:
    """From the smallest to the largest target, thick between the quartiles, a dot at the median."""
    assert shards.quantiles is not None
    rows = np.arange(shards.workers)
    low, first, median, third, high = shards.quantiles.T
    axes.hlines(rows, low, high, color=BLUE, linewidth=1.2)
    axes.hlines(rows, first, third, color=BLUE, linewidth=6)
    axes.plot(median, rows, "o", color="white", markeredgecolor=BLUE, markersize=5)
    axes.set(xlabel="targets: range, quartiles, median")
    axes.tick_params(left=False, labelleft=False)
    axes.spines[["top", "right"]].set_visible(False)
