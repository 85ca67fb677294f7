"""Legends: a key for each label, with how its runs ended, beside the axes or under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from rfast_bench.figures.looks import Style
from rfast_bench.figures.style import by_label, colour_of, in_lines, theme
from rfast_bench.records.reading import Run

NARROW = 5.5
"""Inches below which there is no room for a legend beside the axes."""


def ending(runs: Sequence[Run]) -> str:
    """` (diverged 2/3)`: how runs ended that did not finish as meant."""
    counts = Counter(run.status for run in runs if run.status != "finished")
    shares = {word: "" if count == len(runs) else f" {count}/{len(runs)}" for word, count in counts.items()}
    return f" ({', '.join(word + share for word, share in shares.items())})" if shares else ""


def keys(found: Iterable[str], runs: Sequence[Run], looks: Mapping[str, Style]) -> list[Line2D]:
    """Those of the labels that were drawn, with how their runs ended."""
    groups = by_label(runs)
    return [key(looks[label], label, ending(groups[label])) for label in found]


def key(style: Style, label: str, after: str = "") -> Line2D:
    """A line and marker for a legend, with what is said behind the label."""
    page = theme()
    return Line2D(
        [],
        [],
        color=colour_of(style),
        linestyle=style.dashes,
        linewidth=page.line,
        marker=style.marker,
        markersize=page.marker,
        markeredgecolor=page.page,
        markeredgewidth=0.3 * page.line,
        label=in_lines(label, after),
    )


def legend(drawn: Figure, handles: Sequence[Line2D]) -> Legend | None:
    """Beside the axes at the right; where the figure is narrow, under them in as many columns as fit."""
    if not handles:
        return None
    if not theme().small and drawn.get_figwidth() >= NARROW:
        return drawn.legend(handles=list(handles), loc="outside right center", frameon=False)
    columns = _columns(
        [max(map(len, str(handle.get_label()).split("\n"))) for handle in handles],
        72 * drawn.get_figwidth() / theme().text,
    )
    in_rows = [handle for column in range(columns) for handle in handles[column::columns]]
    return drawn.legend(handles=in_rows, loc="outside lower center", frameon=False, ncols=columns)


def _columns(lengths: Sequence[int], wide: float) -> int:
    """As many columns of labels, read row by row, as are `wide` (in letters' heights) together."""
    for columns in range(len(lengths), 1, -1):
        parts = [lengths[column::columns] for column in range(columns)]
        if sum(0.5 * max(part) + 4.5 for part in parts) <= wide:
            return columns
    return 1
