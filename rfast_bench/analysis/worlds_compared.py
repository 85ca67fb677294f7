"""Simulated against real: the numbers of both worlds side by side, and the error of the simulation.

One row per (scenario, sweep point, label). Of several seeds the median counts, and a run that did not reach a
target reached it never. Errors are (simulated - real) / real in percent, of times only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from rfast_bench.analysis.both_worlds import WORLDS, Pair, pairs
from rfast_bench.analysis.cell_text import FINALS, POINT
from rfast_bench.analysis.outcomes import time_to
from rfast_bench.records.reading import Run, varying

ERROR = "_error_percent"
ABOVE = "above_"
"""What the columns start with that hold what the time to a target that was not reached exceeds, in seconds."""
Numbers = dict[str, float]


def measure(run: Run) -> Numbers:
    """One run's numbers: seconds an iteration and to each target (infinite: not reached), final values, staleness.

    `above_<target>`: the time, or what it is known to exceed: the run's length, infinite where it never would be.
    """
    times = {
        f"{metric}_{target:g}": time_to(run, metric, target)
        for metric, targets in run.targets.items()
        for target in targets
    }
    if not run.valid:
        return {}
    curves = run.curves()
    return {
        **per_iteration(run),
        **{f"time_to_{name}": time.high for name, time in times.items()},
        **{f"{ABOVE}{name}": time.low for name, time in times.items()},
        **{f"final_{name}": float(curves[name].iloc[-1]) for name in FINALS},
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

    `same_order_<target>`: whether the algorithms of that point reach a target in the same order in both worlds; empty
    where there is none to compare (see `same_order`).
    """
    found = pairs(runs)
    keys = varying([pair.any for pair in found])
    rows = [_row(pair, keys) for pair in found]
    frame = pd.DataFrame(rows)
    leads = ["scenario", *[POINT + key for key in keys]]
    parts = [part for _, part in frame.groupby(leads, sort=False, dropna=False)]
    for name in targets(frame):
        same = [pd.Series(_same_order(part, name), index=part.index, dtype="boolean") for part in parts]
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
def same_order(simulated: Sequence[float], real: Sequence[float]) -> bool | None:
    """Whether every two algorithms come in the same order in both worlds; infinite: never, later than any time.

    False where two come in one order here and in the other there. None where neither holds: equal times are no order,
    so that a tie in one world neither confirms nor contradicts an order in the other, and all ties are no order at all.
    """
    here, there = _signs(simulated), _signs(real)
    if any(ours * true < 0 for ours, true in zip(here, there, strict=True)):
        return False
    return True if here == there and any(here) else None


def _signs(times: Sequence[float]) -> list[int]:
    """Of every two: -1 where the earlier one in the list is sooner, 1 where it is later, 0 where they are together."""
    return [(one > other) - (one < other) for k, other in enumerate(times) for one in times[:k]]


def targets(frame: pd.DataFrame) -> list[str]:
    """The targets `<metric>_<value>` of a comparison, in order."""
    names = [str(name) for name in frame if str(name).startswith("time_to_") and str(name).endswith("_real")]
    return [name.removeprefix("time_to_").removesuffix("_real") for name in names]


def known(part: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of algorithms that have valid runs in both worlds."""
    return part.dropna(subset=[f"time_to_{name}_{world}" for world in WORLDS])


def _same_order(part: pd.DataFrame, name: str) -> bool | None:
    both = known(part, name)
    times = [both[f"time_to_{name}_{world}"].astype(float).tolist() for world in WORLDS]
    return same_order(times[0], times[1])
