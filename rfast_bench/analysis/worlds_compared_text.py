"""A comparison of both worlds as text: readable tables, and a sentence on the order of the algorithms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from rfast_bench.analysis.both_worlds import WORLDS
from rfast_bench.analysis.cell_text import DAGGER, NOTHING, POINT, cell, label, listed, not_reached, words
from rfast_bench.analysis.formats import WRITERS
from rfast_bench.analysis.worlds_compared import ABOVE, ERROR, compare, known, targets
from rfast_bench.records.reading import Run


def render(runs: Iterable[Run], format: str, width: int | None = None) -> str:
    """The comparison as text. `csv` holds the numbers, `terminal` and `md` readable cells."""
    frame = compare(runs)
    if format == "csv":
        return frame.to_csv(index=False, lineterminator="\n")
    scenarios = [
        (str(name), rows.dropna(axis=1, how="all")) for name, rows in frame.groupby("scenario", sort=False)
    ]
    parts = [(name, tables(rows), verdict(rows)) for name, rows in scenarios]
    return WRITERS[format](parts, width)


def tables(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Titled tables of readable cells of one scenario."""
    found = [("Time per iteration", _table(frame, _iteration, status=True))]
    for name in targets(frame):
        columns = _times(f"time_to_{name}", 1.0, "s", above=f"{ABOVE}{name}")
        found.append((f"Time to {words(name)}", _table(frame, columns)))
    return [*found, ("How well, and how stale", _table(frame, _quality(frame)))]


Columns = Mapping[str, Callable[[Mapping[Any, Any]], str]]


def _table(frame: pd.DataFrame, columns: Columns, status: bool = False) -> pd.DataFrame:
    shown = {str(n).removeprefix(POINT): frame[n].map(cell) for n in frame if str(n).startswith(POINT)}
    shown["algorithm"] = pd.Series([label(row) for row in frame.to_dict("records")], index=frame.index)
    for heading, make in columns.items():
        shown[heading] = pd.Series(
            [make(row) for row in frame.to_dict("records")], index=frame.index, dtype=str
        )
    if status:
        shown["status"] = frame["status"]
    return pd.DataFrame(shown)


def _times(
    name: str, scale: float, unit: str, lead: str = "", above: str = ""
) -> dict[str, Callable[[Mapping[Any, Any]], str]]:
    def of(world: str) -> Callable[[Mapping[Any, Any]], str]:
        return lambda row: _time(
            row.get(f"{name}_{world}", math.nan), row.get(f"{above}_{world}", math.inf), scale
        )

    found = {f"{lead}{world} ({unit})": of(world) for world in WORLDS}
    return {**found, f"{lead}error": lambda row: _percent(row.get(name + ERROR, math.nan))}


def _time(value: float, above: float, scale: float) -> str:
    return not_reached(above, digits=4) if math.isinf(value) else cell(value * scale, 4)


def _percent(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:+.1f} %"


_iteration: Columns = {
    **_times("iteration_mean", 1e3, "ms", "mean "),
    **_times("iteration_median", 1e3, "ms", "median worker "),
}


def _quality(frame: pd.DataFrame) -> Columns:
    """Gaps where some run has one, else losses; accuracies where there are any; staleness where messages are read."""

    def of(column: str) -> Callable[[Mapping[Any, Any]], str]:
        return lambda row: cell(row.get(column, math.nan))

    some = [name for name in QUALITIES if any(_any(frame, f"{name}_{world}") for world in WORLDS)]
    if "final_gap" in some and "final_loss" in some:
        some.remove("final_loss")  # the gap says the same
    return {f"{name.replace('_', ' ')} {world}": of(f"{name}_{world}") for name in some for world in WORLDS}


QUALITIES = ("final_gap", "final_loss", "final_accuracy", "staleness")


def _any(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def verdict(frame: pd.DataFrame) -> str:
    """Whether the algorithms come in the same order in both worlds, target by target."""
    keys = [name for name in map(str, frame) if name.startswith(POINT)]
    said = []
    for _, part in frame.groupby(keys, sort=False, dropna=False) if keys else [((), frame)]:
        where = ", ".join(f"{key.removeprefix(POINT)} = {cell(part[key].iloc[0])}" for key in keys)
        said += [f"{where + ': ' if where else ''}{_verdict(part, name)}" for name in targets(frame)]
    edge = [f"{DAGGER}."] if frame["tuned_at_edge"].any() else []
    return "Error: (simulated − real) / real. " + " ".join([*said, *edge])


NOBODY = "nobody reached it"


def _verdict(part: pd.DataFrame, name: str) -> str:
    both, lead = known(part, name), f"Order by time to {words(name)}: "
    if len(both) < 2:
        return f"{lead}fewer than two algorithms to compare."
    orders = [_order(both, f"time_to_{name}_{world}") for world in WORLDS]
    if f"same_order_{name}" in part and part[f"same_order_{name}"].fillna(False).all():
        plain = both[f"time_to_{name}_real"].is_unique
        return f"{lead}the same in both worlds{'' if plain else f', {orders[0]}'}."
    if orders[0] == orders[1]:
        return f"{lead}{orders[0]} in {'either world' if orders[0] == NOBODY else 'both worlds'}."
    told = "; ".join(f"{order} in the {world} world" for world, order in zip(WORLDS, orders, strict=True))
    return f"{lead}{told}."


def _order(part: pd.DataFrame, column: str) -> str:
    """`a < b = c, d not reached`; of ties alone `a and b are together`; `nobody reached it`."""
    times = {str(label): float(time) for label, time in zip(part["label"], part[column], strict=True)}
    reached = sorted({time for time in times.values() if math.isfinite(time)})
    missed = [label for label, time in times.items() if math.isinf(time)]
    if not reached:
        return NOBODY
    places = [[label for label, time in times.items() if time == at] for at in reached]
    alone = len(places) == 1 and len(places[0]) > 1
    told = f"{listed(places[0])} are together" if alone else " < ".join(" = ".join(tied) for tied in places)
    return told + (f", not reached by {listed(missed)}" if missed else "")
