"""Simulated against real: runs of both worlds side by side, and the error of the simulation.

`compare` gives numbers, one row per (scenario, sweep point, label); `render` prints them. Of several seeds the
median counts, and a run that did not reach a target reached it never. Errors are (simulated - real) / real in
percent, of times only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rfast_bench.cells import DAGGER, NOTHING, POINT, cell, label
from rfast_bench.errors import UserError
from rfast_bench.formats import WRITERS
from rfast_bench.records import Run, find_runs, point_key, varying

WORLDS = ("simulated", "real")
ERROR = "_error_percent"
Numbers = dict[str, float]


# ------------------------------------------------------------------------------------------------ pairs
@dataclass(frozen=True)
class Pair:
    """One algorithm at one sweep point: its runs in each world, a run a seed; one side may be empty."""

    scenario: str
    point: Mapping[str, Any]
    label: str
    runs: Mapping[str, Sequence[Run]]

    @property
    def any(self) -> Run:
        return next(run for world in WORLDS for run in self.runs[world])

    @property
    def notes(self) -> str:
        """What speaks against comparing them, or `ok`."""
        edge = self.any.tuned_at_edge
        missing = [f"no {world} run" for world in WORLDS if not self.runs[world]]
        bad = [
            f"{world} {run.status}{f': {run.reason}' if run.reason else ''}"
            for world in WORLDS
            for run in self.runs[world]
            if run.status != "finished"
        ]
        tuned = [f"tuned at the edge ({edge})"] if edge else []
        return "; ".join(dict.fromkeys([*missing, *bad, *tuned])) or "ok"


def find_both(simulated: Path, real: Path) -> list[Run]:
    """The simulated runs in or below one folder and the real ones in or below the other.

    The folders may be the same. Raises UserError when a world is missing.
    """
    found = []
    for place, world in ((simulated, "simulated"), (real, "real")):
        runs = find_runs([place])
        own = [run for run in runs if run.world == world]
        if not own:
            raise UserError(f"{place}: no {world} run; {len(runs)} of another world")
        found += own
    return found


def pairs(runs: Iterable[Run]) -> list[Pair]:
    """Runs of both worlds put together by scenario, sweep point and label.

    One scenario in each world may have two names: a calibrated counterpart has a name of its own. Raises
    UserError when nothing has a counterpart.
    """
    ordered = sorted(runs, key=Run.sort_key)
    names = {world: list(dict.fromkeys(r.scenario for r in ordered if r.world == world)) for world in WORLDS}
    common = _common_names(names)
    groups: dict[tuple[Any, ...], dict[str, list[Run]]] = {}
    for run in sorted(ordered, key=lambda r: (common[r.world, r.scenario], point_key(r.point), r.order)):
        key = (common[run.world, run.scenario], point_key(run.point), run.label)
        groups.setdefault(key, {world: [] for world in WORLDS})[run.world].append(run)
    found = [Pair(key[0], _first(both).point, key[2], both) for key, both in groups.items()]
    if not any(all(pair.runs[world] for world in WORLDS) for pair in found):
        labels = {
            world: ", ".join(dict.fromkeys(p.label for p in found if p.runs[world])) for world in WORLDS
        }
        raise UserError(f"nothing to compare: simulated {labels['simulated']}; real {labels['real']}")
    return found


def _common_names(names: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    simulated, real = (names[world] for world in WORLDS)
    if len(simulated) == len(real) == 1:
        return {("simulated", simulated[0]): real[0], ("real", real[0]): real[0]}
    if not set(simulated) & set(real):
        raise UserError(
            f"nothing to compare: scenarios simulated {', '.join(simulated)}; real {', '.join(real)}"
        )
    return {(world, name): name for world in WORLDS for name in names[world]}


def _first(both: Mapping[str, Sequence[Run]]) -> Run:
    return next(run for world in WORLDS for run in both[world])


# ---------------------------------------------------------------------------------------------- numbers
def measure(run: Run) -> Numbers:
    """One run's numbers: seconds per iteration, seconds to each target (infinite: never), gap, staleness."""
    reached = {
        f"time_to_{metric}_{target:g}": run.time_to(metric, target)
        for metric, targets in run.targets.items()
        for target in targets
    }
    if not run.valid:
        return {}
    curves = run.curves()
    return {
        **per_iteration(run),
        **{name: math.inf if math.isnan(time) else time for name, time in reached.items()},
        "final_gap": float(curves["gap"].iloc[-1]),
        "staleness": staleness(run),
    }


def per_iteration(run: Run) -> Numbers:
    """Seconds an iteration: the run's length over the worker's gradients; mean and median over workers."""
    workers = run.workers()
    length = workers["busy"] + workers["waiting"]
    each = (length / workers["gradients"].where(workers["gradients"] > 0)).dropna()
    if each.empty:
        return {}
    return {"iteration_mean": float(each.mean()), "iteration_median": float(each.median())}


def staleness(run: Run) -> float:
    """Mean over all readings, in gradients of the sender; NaN when nothing was read."""
    counts = run.staleness()
    readings = float(counts["count"].sum())
    return float((counts["staleness"] * counts["count"]).sum()) / readings if readings else math.nan


def median(runs: Sequence[Run]) -> Numbers:
    """Over seeds, of those that are valid."""
    measured = [numbers for numbers in map(measure, runs) if numbers]
    names = dict.fromkeys(name for numbers in measured for name in numbers)
    return {name: _median([n[name] for n in measured if name in n]) for name in names}


def _median(values: Sequence[float]) -> float:
    known = sorted(value for value in values if not math.isnan(value))
    if not known:
        return math.nan
    low, high = known[(len(known) - 1) // 2], known[len(known) // 2]
    return low if low == high else (low + high) / 2


def compare(runs: Iterable[Run]) -> pd.DataFrame:
    """One numeric row per (scenario, sweep point, label): each number simulated and real, and the errors.

    `same_order_<target>`: whether the algorithms of that point reach a target in the same order in both worlds.
    """
    found = pairs(runs)
    keys = varying([pair.any for pair in found])
    rows = [_row(pair, keys) for pair in found]
    frame = pd.DataFrame(rows)
    leads = ["scenario", *[POINT + key for key in keys]]
    parts = [part for _, part in frame.groupby(leads, sort=False, dropna=False)]
    for name in targets(frame):
        same = [pd.Series(_same_order(part, name), index=part.index) for part in parts]
        frame[f"same_order_{name}"] = pd.concat(same)
    return frame


def _row(pair: Pair, keys: Iterable[str]) -> dict[str, Any]:
    simulated, real = (median(pair.runs[world]) for world in WORLDS)
    row: dict[str, Any] = {
        "scenario": pair.scenario,
        **{POINT + key: pair.point.get(key) for key in keys},
        "label": pair.label,
        "tuned_at_edge": pair.any.tuned_at_edge,
        **{f"seeds_{world}": len(pair.runs[world]) for world in WORLDS},
    }
    for name in dict.fromkeys([*real, *simulated]):
        ours, true = simulated.get(name, math.nan), real.get(name, math.nan)
        row |= {f"{name}_simulated": ours, f"{name}_real": true}
        if name.startswith(("iteration_", "time_to_")):
            row[name + ERROR] = error(ours, true)
    return row | {"status": pair.notes}


def error(simulated: float, real: float) -> float:
    """Of the simulation, in percent of the real value; NaN where one of them does not exist."""
    if not (math.isfinite(simulated) and math.isfinite(real) and real > 0):
        return math.nan
    return 100 * (simulated - real) / real


# ------------------------------------------------------------------------------------------------ order
def same_order(simulated: Sequence[float], real: Sequence[float]) -> bool:
    """Whether no two algorithms come in one order here and in the other there; equal times are no order."""
    return all(
        (ours - others) * (true - their) >= 0
        for k, (ours, true) in enumerate(zip(_finite(simulated), _finite(real), strict=True))
        for others, their in zip(_finite(simulated[:k]), _finite(real[:k]), strict=True)
    )


def _finite(times: Sequence[float]) -> list[float]:
    """Never is later than any time."""
    return [min(time, 1e300) for time in times]


def targets(frame: pd.DataFrame) -> list[str]:
    """The targets `<metric>_<value>` of a comparison, in order."""
    names = [str(name) for name in frame if str(name).startswith("time_to_") and str(name).endswith("_real")]
    return [name.removeprefix("time_to_").removesuffix("_real") for name in names]


def _known(part: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of algorithms that have valid runs in both worlds."""
    return part.dropna(subset=[f"time_to_{name}_{world}" for world in WORLDS])


def _same_order(part: pd.DataFrame, name: str) -> bool:
    both = _known(part, name)
    times = [both[f"time_to_{name}_{world}"].astype(float).tolist() for world in WORLDS]
    return same_order(times[0], times[1])


# --------------------------------------------------------------------------------------------- rendering
def render(runs: Iterable[Run], format: str, width: int | None = None) -> str:
    """The comparison as text. `csv` holds the numbers, `terminal` and `md` readable cells."""
    frame = compare(runs)
    if format == "csv":
        return frame.to_csv(index=False, lineterminator="\n")
    parts = [(str(name), tables(rows), verdict(rows)) for name, rows in frame.groupby("scenario", sort=False)]
    return WRITERS[format](parts, width)


def tables(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Titled tables of readable cells of one scenario."""
    found = [("Time per iteration", _table(frame, _iteration, status=True))]
    for name in targets(frame):
        columns = _times(f"time_to_{name}", 1.0, "s")
        found.append((f"Time to {name.replace('_', ' ')}", _table(frame, columns)))
    return [*found, ("How well, and how stale", _table(frame, _quality))]


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
    name: str, scale: float, unit: str, lead: str = ""
) -> dict[str, Callable[[Mapping[Any, Any]], str]]:
    def of(world: str) -> Callable[[Mapping[Any, Any]], str]:
        return lambda row: _time(row.get(f"{name}_{world}", math.nan), scale)

    found = {f"{lead}{world} ({unit})": of(world) for world in WORLDS}
    return {**found, f"{lead}error": lambda row: _percent(row.get(name + ERROR, math.nan))}


def _time(value: float, scale: float) -> str:
    return "not reached" if math.isinf(value) else cell(value * scale, 4)


def _percent(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:+.1f} %"


_iteration: Columns = {
    **_times("iteration_mean", 1e3, "ms", "mean "),
    **_times("iteration_median", 1e3, "ms", "median worker "),
}
_quality: Columns = {
    f"{words} {world}": lambda row, key=f"{name}_{world}": cell(row.get(key, math.nan))  # type: ignore[misc]
    for name, words in (("final_gap", "final gap"), ("staleness", "staleness"))
    for world in WORLDS
}


def verdict(frame: pd.DataFrame) -> str:
    """Whether the algorithms come in the same order in both worlds, target by target."""
    keys = [name for name in map(str, frame) if name.startswith(POINT)]
    said = []
    for _, part in frame.groupby(keys, sort=False, dropna=False) if keys else [((), frame)]:
        where = ", ".join(f"{key.removeprefix(POINT)} = {cell(part[key].iloc[0])}" for key in keys)
        said += [f"{where + ': ' if where else ''}{_verdict(part, name)}" for name in targets(frame)]
    edge = [f"{DAGGER}."] if frame["tuned_at_edge"].any() else []
    return "Error: (simulated − real) / real. " + " ".join([*said, *edge])


def _verdict(part: pd.DataFrame, name: str) -> str:
    both, words = _known(part, name), name.replace("_", " ")
    if len(both) < 2:
        return f"Order by time to {words}: fewer than two algorithms to compare."
    if part[f"same_order_{name}"].all():
        return f"Order by time to {words}: the same in both worlds."
    orders = [_order(both, f"time_to_{name}_{world}") for world in WORLDS]
    return f"Order by time to {words}: simulated {orders[0]}; real {orders[1]}."


def _order(part: pd.DataFrame, column: str) -> str:
    ordered = part[["label", column]].sort_values(column, kind="stable")
    return " < ".join(str(label) for label in ordered["label"])
