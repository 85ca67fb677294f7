"""Figures of a study, for notebooks and papers: each is a matplotlib figure, or is drawn on axes that are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rfast_bench.errors import UserError, suggest
from rfast_bench.figures import bars, curves, diagrams, legends, one
from rfast_bench.figures.looks import Style, styles
from rfast_bench.figures.style import THEMES, by_label, figure, look
from rfast_bench.records.reading import DAMAGED, Run, varying

X = Literal["time", "epoch", "gradients", "bytes"]
Size = tuple[float, float]


NOTHING = ("skipped", DAMAGED)
"""What runs are of which nothing is drawn."""


class Plots:
    """What a study shows. `ax`: axes of a figure of your own; without them a new figure is made, of `size` (width and
    height in inches) and `style`: `screen`, `paper` or `dark`. A label looks the same in all figures of a study.

    In a notebook a figure shows itself; elsewhere `savefig("a.pdf")` writes it, with its letters as letters.
    """

    def __init__(self, runs: Sequence[Run], every: Sequence[Run] | None = None) -> None:
        """`every`: the runs that these were chosen from, whose looks they keep."""
        self._every = [run for run in every or runs if run.status not in NOTHING]
        self._runs = [run for run in runs if run.status not in NOTHING]
        if not self._runs:
            raise UserError("nothing to draw: every run was skipped or is damaged")

    def curves(
        self,
        x: X = "time",
        y: str | None = None,
        *,
        ax: Axes | None = None,
        log: bool | None = None,
        legend: bool = True,
        style: str = "screen",
        size: Size | None = None,
        xlim: curves.Limits | None = None,
        ylim: curves.Limits | None = None,
    ) -> Figure:
        """Median and range over seeds of a column of `curves()`, the gap, or else the loss, by default.

        Labels that scenarios, worlds or sweep points share bear their names too. `xlim` and `ylim`, each `(low, high)`,
        are what the axes show. Raises UserError for what the runs do not have.
        """
        shown = one.apart(self._runs)
        looks = one.carried(shown, one.apart(self._every))
        y = y or curves.main_number(shown)
        self._check(x, y)
        with _page(style, ax, size) as (drawn, axes):
            found = curves.draw_curves(axes, shown, x, y, looks, log, xlim, ylim)
            handles = legends.keys(found, shown, looks)
            if legend and ax is None:
                legends.legend(drawn, handles)
            elif legend:
                axes.legend(handles=handles, frameon=False)
        return drawn

    def targets(
        self,
        target: str | None = None,
        *,
        ax: Axes | None = None,
        baseline: str | None = None,
        style: str = "screen",
        size: Size | None = None,
    ) -> Figure:
        """The median time of each label to `target` (`"gap_0.03"`; the first by default), with intervals over seeds.

        Raises UserError where the runs have no such target, or are of several scenarios, worlds or sweep points.
        """
        self._check_one("targets")
        with _page(style, ax, size) as (drawn, axes):
            bars.draw_times(axes, self._runs, target, self._looks, baseline)
        return drawn

    def timeline(
        self,
        label: str | None = None,
        *,
        ax: Axes | None = None,
        until: float | None = None,
        style: str = "screen",
        size: Size | None = None,
    ) -> Figure:
        """When each worker computed, in the first seed of a label (the first by default), up to `until` seconds.

        Raises UserError where no timeline was recorded.
        """
        run = self._first(label)
        with _page(style, ax, size) as (drawn, axes):
            diagrams.draw_timeline(axes, run, self._looks, until)
            axes.set_title(run.label)
        return drawn

    def topology(
        self,
        label: str | None = None,
        *,
        graph: int = 0,
        ax: Axes | None = None,
        style: str = "screen",
        size: Size | None = None,
    ) -> Figure:
        """The graph of a label (the first by default): G(W), or with `graph=1` G(A).

        Raises UserError where it has none, or one that is too large to be drawn.
        """
        with _page(style, ax, size or (4.0, 4.0)) as (drawn, axes):
            diagrams.draw_topology(axes, self._first(label), graph)
        return drawn

    # ---------------------------------------------------------------------------------------------- helpers
    @property
    def _looks(self) -> Mapping[str, Style]:
        return styles(self._every)

    def _first(self, label: str | None) -> Run:
        groups = by_label(self._runs)
        if label is not None and label not in groups:
            raise UserError(f"no label '{label}'{suggest(label, groups)}")
        return groups[label or next(iter(groups))][0]

    def _check(self, x: str, y: str) -> None:
        if x not in curves.X:
            raise UserError(f"x: found '{x}'{suggest(x, curves.X)}")
        tables = [run.curves() for run in self._runs]
        there = {str(name) for table in tables for name in table if table[name].notna().any()}
        has = sorted(there - {"time", curves.X[x]})
        if y not in has:
            raise UserError(f"y: found '{y}'{suggest(y, has)}")

    def _check_one(self, what: str) -> None:
        several = {(run.scenario, run.world) for run in self._runs}
        if len(several) > 1 or varying(self._runs):
            raise UserError(
                f"{what} are of one scenario, world and sweep point; choose one with select(where=...)"
            )


def _is_size(size: object) -> bool:
    return (
        isinstance(size, tuple | list)
        and len(size) == 2
        and all(isinstance(side, Real) and 0.5 <= float(side) <= 100 for side in size)
    )


@contextmanager
def _page(style: str, ax: Axes | None, size: Size | None) -> Iterator[tuple[Figure, Axes]]:
    """A figure and its axes: those that are given, whose style is theirs."""
    if size is not None and not _is_size(size):
        raise UserError(f"size: expected width and height in inches, each from 0.5 to 100, found {size!r}")
    if style not in THEMES:
        raise UserError(f"style: found '{style}'{suggest(style, THEMES)}")
    if ax is not None:
        drawn = ax.get_figure(root=True)
        if drawn is None:
            raise UserError("ax: these axes are in no figure")
        yield drawn, ax
        return
    with look(style) as page:
        drawn = figure(*(size or page.size))
        yield drawn, drawn.subplots()
