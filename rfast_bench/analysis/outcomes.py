"""One run's headline numbers as bounds, and several seeds' as columns of a summary.

Columns of a number `x`: `x` the median, empty when it is not known; `x_above` and `x_below` then hold what is known of
it; `x_low` and `x_high` the bootstrap interval, `inf` for an open end, empty with one seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rfast_bench.analysis.cell_text import FINALS, OWN
from rfast_bench.analysis.statistics import NEVER, Bounds, Estimate, estimate, exactly, ratio
from rfast_bench.records.reading import DAMAGED, Run

Known = dict[str, Bounds]
EPOCH = "time_per_epoch"


def known(run: Run) -> Known:
    """Bounds of `time_to_<metric>_<target>`, `final_<metric>` and `time_per_epoch` (s); nothing of a skipped,
    void or damaged run.

    A diverged run reached nothing and never will; its final loss and gap are infinite, its accuracy is below any: it
    counts as the worst in a median, and none of the three is ever printed as a number.
    """
    if run.status in ("skipped", "void", DAMAGED):
        return {}
    times = {
        f"time_to_{metric}_{target:g}": time_to(run, metric, target)
        for metric, targets in run.targets.items()
        for target in targets
    }
    return {**times, **_finals(run), **_rates(run)}


def absent(rows: Any) -> Any:
    """How many seeds gave no record that counts, of rows of a summary, or of one: skipped, or damaged."""
    return rows["skipped"] + rows.get(DAMAGED, 0)


def time_to(run: Run, metric: str, target: float) -> Bounds:
    """When a target was reached; after the run's end, if it might have been; or never."""
    time = run.time_to(metric, target)
    if not math.isnan(time):
        return exactly(time)
    curves = run.curves()
    over = run.status != "finished" or curves.empty
    return NEVER if over else Bounds(float(curves["time"].iloc[-1]), math.inf)


def _finals(run: Run) -> Known:
    curves = run.curves()
    names = [*FINALS, *(name for name in OWN if name in curves and curves[name].notna().any())]
    if not run.valid:
        return {f"final_{name}": exactly(-math.inf if "accuracy" in name else math.inf) for name in names}
    last = {name: float(curves[name].iloc[-1]) for name in names if len(curves)}
    return {f"final_{name}": exactly(value) for name, value in last.items() if not math.isnan(value)}


def _rates(run: Run) -> Known:
    curves = run.curves()
    if curves.empty or not curves["epoch"].iloc[-1] > 0:
        return {}
    return {EPOCH: exactly(float(curves["time"].iloc[-1] / curves["epoch"].iloc[-1]))}


def speedups(own: Known, baseline: Known) -> Known:
    """The baseline's times, to targets and of an epoch, over one's own, in the same conditions."""
    shared = {name: ratio(baseline[name], own[name]) for name in own if name in baseline}
    names = {name: name.replace("time_to_", "speedup_", 1) for name in shared if name.startswith("time_to_")}
    return {
        column: shared[name] for name, column in {**names, EPOCH: "speedup_epoch"}.items() if name in shared
    }


def over_itself(own: Known) -> Known:
    """The baseline's speed-ups of one seed: 1 where it got there, nothing where it did not."""
    return {
        name: exactly(1.0)
        for name in speedups(own, own)
        if _got_there(own[EPOCH if name == "speedup_epoch" else name.replace("speedup_", "time_to_", 1)])
    }


def _got_there(time: Bounds) -> bool:
    return time.exact and math.isfinite(time.low)


def columns(runs: Sequence[Known]) -> dict[str, float]:
    """The columns of every number that some of these runs, one a seed, know of."""
    names = dict.fromkeys(name for run in runs for name in run)
    found: dict[str, float] = {}
    for name in names:
        values = [run[name] for run in runs if name in run]
        found |= _columns(name, estimate(values)) | _extremes(name, values)
    return found


def _columns(name: str, told: Estimate | None) -> dict[str, float]:
    if told is None:
        return {}
    median, several = told.median, told.count > 1
    sure = median.exact and math.isfinite(median.low)
    return {
        name: median.low if sure else math.nan,
        f"{name}_above": math.nan if sure else median.low,
        f"{name}_below": math.nan if sure else median.high,
        f"{name}_low": told.lower.low if several else math.nan,
        f"{name}_high": told.upper.high if several else math.nan,
    }


def _extremes(name: str, values: Sequence[Bounds]) -> dict[str, float]:
    """The smallest and the largest that were seen, and how many reached a target."""
    seen = [value.low for value in values if value.exact and math.isfinite(value.low)]
    low, high = (min(seen), max(seen)) if seen else (math.nan, math.nan)
    count = {f"{name}_reached": len(seen)} if name.startswith("time_to_") else {}
    return {f"{name}_min": low, f"{name}_max": high, **count}
