"""One figure into one file: a number against time, epochs, gradients or bytes, of one scenario or several."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.figure import Figure

from rfast_bench.analysis.cell_text import cell, words
from rfast_bench.errors import UserError, nearest
from rfast_bench.figures.curves import X, draw_curves, main_number, x_name
from rfast_bench.figures.legends import NARROW, keys, legend
from rfast_bench.figures.looks import Style, assigned
from rfast_bench.figures.plots import seeds_words
from rfast_bench.figures.style import SUFFIXES, by_label, figure, headline, look, save_as
from rfast_bench.records.key_words import key_words
from rfast_bench.records.reading import Run, varying

MOST_CURVES = 16
"""More in one figure nobody can tell apart."""
OTHERS = (".eps", ".ps", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".webp", ".bmp")
"""Endings of pictures that are not written here."""
UNITS = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4}
LEAST, MOST = 1.0, 40.0
"""Inches of a side."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a figure; None is what suits it."""

    x: str = "time"
    y: str | None = None
    style: str | None = None
    """`paper` for a narrow figure, else `screen`."""
    size: tuple[float, float] | None = None
    log: bool | None = None
    title: bool = True
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None


def is_file(out: Path) -> bool:
    """Whether a path names a figure and not a folder for many. Raises UserError for a picture of another kind."""
    if out.suffix in OTHERS and not out.is_dir():
        raise UserError(f"--out: found '{out}'; a figure ends in {', '.join(SUFFIXES)}")
    return out.suffix in SUFFIXES


def size_of(text: str) -> tuple[float, float]:
    """`3.25x2.4in` in inches. Raises UserError."""
    found = re.fullmatch(r"\s*(\d*\.?\d+)\s*[x×]\s*(\d*\.?\d+)\s*(in|cm|mm)\s*", text)
    if not found:
        raise UserError(f"--size: found '{text}'; expected WIDTHxHEIGHT with in, cm or mm: 3.25x2.4in")
    width, height = (float(part) * UNITS[found[3]] for part in found.groups()[:2])
    if not all(LEAST <= side <= MOST for side in (width, height)):
        raise UserError(f"--size: found '{text}'; each side is from {LEAST:g} to {MOST:g} inches")
    return width, height


def draw_one(
    runs: Sequence[Run], path: Path, wanted: Wanted | None = None, every: Sequence[Run] | None = None
) -> str:
    """Draw one number of these runs into a file; returns the caption that it needs.

    Labels that several scenarios, worlds or sweep points share bear their names too. `every` are the runs that `runs`
    were chosen from: a label looks the same whatever was chosen. Raises UserError for a number that the runs do not
    have, and for more than `MOST_CURVES` curves.
    """
    wanted = wanted or Wanted()
    shown = _in_order(run for run in apart(runs) if run.status != "skipped")
    _check(shown, wanted)
    y = wanted.y or main_number(shown)
    looks = carried(shown, apart(every or runs))
    with look(wanted.style or _style(wanted.size), path.suffix) as page:
        drawn = figure(*(wanted.size or page.size))
        axes = drawn.subplots()
        found = draw_curves(axes, shown, wanted.x, y, looks, wanted.log, wanted.xlim, wanted.ylim)
        legend(drawn, keys(found, shown, looks))
        title = f"{words(y).capitalize()} against {_against(shown, wanted.x)}"
        about = f"{_of(runs)} · {seeds_words(shown)}"
        if wanted.title:
            headline(drawn, title, about)
        caption = f"{title}. {_of(runs)}; {seeds_words(shown)}."
        _save(drawn, path, caption)
    return caption


def _save(drawn: Figure, path: Path, caption: str) -> None:
    """Raises UserError where title, axes and legend leave no room for the curves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "constrained_layout not applied")
        try:
            save_as(drawn, path, caption)
        except UserWarning as problem:
            width, height = drawn.get_size_inches()
            raise UserError(
                f"--size: {width:.3g}x{height:.3g}in has no room for the curves beside their title and legend; "
                "--style paper has smaller letters, --no-title leaves the title out"
            ) from problem


def limits(option: str, text: str) -> tuple[float, float]:
    """`0,8` as numbers, the smaller first. Raises UserError."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low, high = math.nan, math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(
            f"{option}: found '{text}'; expected LOW,HIGH, two numbers with the smaller one first: 0,8"
        )
    return low, high


def _style(size: tuple[float, float] | None) -> str:
    return "paper" if size and size[0] < NARROW else "screen"


def _against(runs: Sequence[Run], x: str) -> str:
    return {"epoch": "epochs", "bytes": "bytes sent"}.get(x, x_name(runs, x).partition(" (")[0])


def _check(runs: Sequence[Run], wanted: Wanted) -> None:
    if not runs:
        raise UserError("nothing to draw: every run was skipped")
    tables = [run.curves() for run in runs]
    has = sorted(
        {str(name) for table in tables for name in table if table[name].notna().any()} - {"time", X[wanted.x]}
    )
    if wanted.y is not None and wanted.y not in has:
        raise UserError(f"--y: found '{wanted.y}'; these runs have {', '.join(has)}{nearest(wanted.y, has)}")
    labels = list(by_label(runs))
    if len(labels) > MOST_CURVES:
        raise UserError(
            f"{len(labels)} curves would be in one figure, at most {MOST_CURVES} can be told apart; choose some by "
            "--select, or give the folders of fewer sweep points"
        )


def _in_order(runs: Iterable[Run]) -> list[Run]:
    """Labels in the order of tables, then scenarios."""
    return sorted(runs, key=lambda run: (run.order, *run.sort_key()))


def _of(runs: Sequence[Run]) -> str:
    """Scenario and, where there is one point alone, its values."""
    names = ", ".join(dict.fromkeys(run.scenario for run in runs))
    point = runs[0].point if len(runs) and not varying(runs) else {}
    said = key_words(runs, list(point))
    return ", ".join([names, *(f"{said[name]} {cell(value)}" for name, value in point.items())])


def apart(runs: Sequence[Run]) -> list[Run]:
    """The runs, those that share a label across scenarios, worlds or sweep points under names of their own."""
    told = _named(_named(runs, lambda run: run.scenario), lambda run: run.world)
    keys = varying(told)
    said = key_words(told, keys)
    return _named(told, lambda run: ", ".join(f"{said[key]} {cell(run.point.get(key))}" for key in keys))


def _named(runs: Sequence[Run], part: Callable[[Run], str]) -> list[Run]:
    several = {label for label, group in by_label(runs).items() if len(set(map(part, group))) > 1}
    return [replace(run, label=f"{run.label}, {part(run)}") if run.label in several else run for run in runs]


def carried(shown: Sequence[Run], every: Sequence[Run]) -> Mapping[str, Style]:
    """The looks that the labels of `shown` have among `every`, whatever they are called there."""
    ordered = _in_order(every)
    algorithms = {run.label: run.algorithm for run in reversed(ordered)}
    looks = assigned(algorithms, [run.label for run in ordered])
    names = {run.folder: run.label for run in every}
    return {run.label: looks[names[run.folder]] for run in reversed(shown)}
