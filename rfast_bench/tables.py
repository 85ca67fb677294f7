"""Records into tables: who reached the target when, how good the model became, and what it cost.

`summarise` gives numbers, one row per (scenario, sweep point, label); `render` prints them as readable
cells (see `cells.py`). Times are the median over seeds, with the smallest and the largest; a speed-up is
the baseline's time over one's own, seed by seed; final values are mean and standard deviation.
A run that diverged reached nothing, whatever its curve touched on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rfast_bench.cells import FINALS, POINT, WRITERS, footnote, present, split, target_names
from rfast_bench.errors import UserError, nearest
from rfast_bench.records import Run, baselines, point_key, varying

ENDINGS = ("skipped", "void", "diverged", "stalled")
"""How a run may end other than well; columns of the summary that count them."""
COSTS = ("time_per_epoch", "idle_percent", "bytes_sent")


# --------------------------------------------------------------------------------------------- the numbers
def measure(run: Run) -> dict[str, float]:
    """One run's numbers: `time_to_<metric>_<target>` (s), finals (NaN when it diverged), costs."""
    times = {
        f"time_to_{metric}_{target:g}": run.time_to(metric, target)
        for metric, targets in run.targets.items()
        for target in targets
    }
    curves, workers = run.curves(), run.workers()
    if run.status == "skipped" or curves.empty:
        return times
    last = curves.iloc[-1]
    waiting, busy = workers["waiting"].sum(), workers["busy"].sum()
    return {
        **times,
        **{f"final_{name}": last[name] if run.valid else np.nan for name in FINALS},
        "time_per_epoch": _ratio(last["time"], last["epoch"]),
        "idle_percent": 100 * _ratio(waiting, busy + waiting),
        "bytes_sent": float(last["bytes_sent"]),
    }


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


def summarise(runs: Sequence[Run], baseline: str | None = None) -> pd.DataFrame:
    """One numeric row per (scenario, sweep point, label); seconds, percent, bytes.

    Raises UserError when `baseline` is no label of these runs.
    """
    ordered = sorted(runs, key=Run.sort_key)
    reference = baselines(ordered, baseline)
    keys = varying(ordered)
    measured = [measure(run) for run in ordered]
    by_run = {_seat(run, run.label): numbers for run, numbers in zip(ordered, measured, strict=True)}
    groups: dict[tuple[Any, ...], list[tuple[Run, dict[str, float]]]] = {}
    for run, numbers in zip(ordered, measured, strict=True):
        against = by_run.get(_seat(run, reference[run.scenario]), {})
        group = groups.setdefault((run.scenario, run.world, point_key(run.point), run.label), [])
        group.append((run, {**numbers, **_speedups(numbers, against)}))
    both = len({run.world for run in ordered}) > 1
    return pd.DataFrame([_row(group, keys, reference, both) for group in groups.values()])


def _seat(run: Run, label: str | None) -> tuple[Any, ...]:
    return (run.scenario, run.world, point_key(run.point), run.seed, label)


def _speedups(own: Mapping[str, float], against: Mapping[str, float]) -> dict[str, float]:
    names = [name for name in own if name.startswith("time_to_") and name in against]
    return {name.replace("time_to_", "speedup_", 1): _ratio(against[name], own[name]) for name in names}


def _row(
    group: Sequence[tuple[Run, dict[str, float]]],
    keys: Iterable[str],
    reference: Mapping[str, str | None],
    both: bool,
) -> dict[str, Any]:
    runs = [run for run, _ in group]
    first = runs[0]
    world = {"world": first.world} if both else {}
    numbers = pd.DataFrame([values for _, values in group])
    row: dict[str, Any] = {
        "scenario": first.scenario,
        **world,
        **{POINT + key: first.point.get(key) for key in keys},
        "label": first.label,
        "algorithm": first.algorithm,
        "topology": first.topology_info.name if first.topology_info else None,
        "step_size": first.step_size,
        "effective_step": pd.Series([run.effective_step for run in runs], dtype=float).median(),
        "baseline": reference[first.scenario],
        "seeds": len(runs),
        **{word: sum(run.status == word for run in runs) for word in ENDINGS},
    }
    for name in map(str, numbers):
        if name.startswith(("time_to_", "speedup_")):
            row |= _spread(name, numbers[name])
    for name in FINALS:
        row |= _mean_and_deviation(f"final_{name}", numbers.get(f"final_{name}"))
    row |= {name: _mean(numbers.get(name, ())) for name in COSTS}
    return row | {"status": _status(runs, row)}


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _spread(name: str, values: pd.Series[float]) -> dict[str, float]:
    spread = {name: values.median(), f"{name}_min": values.min(), f"{name}_max": values.max()}
    return spread | ({f"{name}_reached": int(values.count())} if name.startswith("time_to_") else {})


def _mean_and_deviation(name: str, values: pd.Series[float] | None) -> dict[str, float]:
    known = pd.Series(dtype=float) if values is None else values.astype(float)
    return {name: known.mean(), f"{name}_std": known.std()}


def _status(runs: Sequence[Run], row: Mapping[str, Any]) -> str:
    said = []
    if any(run.topology_info is not None and not run.topology_info.sound for run in runs):
        said.append("no common root")
    for word in ENDINGS:
        if row[word]:
            reason = next(run.reason for run in runs if run.status == word)
            share = _share(row[word], len(runs), always=word != "skipped")
            said.append(f"{word}{share}{': ' if reason else ''}{reason}")
    missed = [name for name in target_names(row) if row[f"time_to_{name}_reached"] == 0]
    if missed and any(run.valid for run in runs):
        said.append("did not reach " + ", ".join(name.replace("_", " ") for name in missed))
    return "; ".join(said) or "ok"


def _share(count: int, of: int, always: bool = True) -> str:
    return f" ({count}/{of})" if of > 1 and (always or count < of) else ""


# ---------------------------------------------------------------------------------------------- rendering
def render(runs: Sequence[Run], format: str, baseline: str | None = None, width: int | None = None) -> str:
    """The runs' summary as text. `width` is for the terminal, in columns (its own, or 110 in a file).

    `csv` holds the numbers, all other formats the readable cells. Raises UserError for an unknown format.
    """
    if format == "csv":
        return summarise(runs, baseline).to_csv(index=False, lineterminator="\n")
    if format not in WRITERS:
        allowed = ("csv", *WRITERS)
        raise UserError(f"no format '{format}'; one of {', '.join(allowed)}{nearest(format, allowed)}")
    frame = summarise(runs, baseline)
    parts = [
        (str(scenario), split(present(rows)), footnote(rows))
        for scenario, rows in frame.groupby("scenario", sort=False)
    ]
    return WRITERS[format](parts, width)
