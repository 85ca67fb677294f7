"""What some findings say of whole curves, beside the numbers of `table.csv`; made from the runs.

`tail_gap`                      mean of the gap over the last quarter of a run's time: the height of a plateau, where a
                                single evaluation is luck
`mean_square_gradient_quarter`  mean of ‖∇f(x̄)‖² over the evaluations of the first quarter of a run's time;
`..._half`, `..._whole`         of its first half, of all of it

`speedup_over_LABEL`            the table's speed-ups over another method than its baseline, seed by seed: columns such
                                as `speedup_over_d-psgd_gap_0.05`

`points_over_LABEL`             points of final accuracy over another method, seed by seed; a lost run is below any

A diverged run has infinite ones. Medians over seeds and intervals are columns as those of `table.csv` are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from rfast_bench.analysis.cell_text import POINT
from rfast_bench.analysis.outcomes import columns, known
from rfast_bench.analysis.statistics import exactly
from rfast_bench.analysis.tables import summarise
from rfast_bench.records.order import point_key
from rfast_bench.records.reading import Run, varying


def _tail_gap(curves: pd.DataFrame) -> float:
    late = curves["time"] >= 0.75 * curves["time"].iloc[-1]
    return float(curves.loc[late, "gap"].mean())


def _mean_square_gradient(share: float) -> Callable[[pd.DataFrame], float]:
    def mean(curves: pd.DataFrame) -> float:
        early = curves["time"] <= share * curves["time"].iloc[-1]
        return float((curves.loc[early, "gradient_norm"] ** 2).mean())

    return mean


MEASURES: Mapping[str, Callable[[pd.DataFrame], float]] = {
    "tail_gap": _tail_gap,
    "mean_square_gradient_quarter": _mean_square_gradient(0.25),
    "mean_square_gradient_half": _mean_square_gradient(0.5),
    "mean_square_gradient_whole": _mean_square_gradient(1.0),
}


OVER = "speedup_over_"
POINTS = "points_over_"


def measure(runs: Sequence[Run], names: Sequence[str]) -> pd.DataFrame:
    """One row per (sweep point, label) of one scenario, in the order of its table: its place and these measures."""
    ordered = sorted(runs, key=Run.sort_key)
    keys = varying(ordered)
    groups: dict[tuple[object, str], list[Run]] = {}
    for run in ordered:
        groups.setdefault((point_key(run.point), run.label), []).append(run)
    own = [name for name in names if name in MEASURES]
    told = pd.DataFrame([_row(group, keys, own) for group in groups.values()])
    places = [POINT + key for key in keys] + ["label"]
    for rival in (name.removeprefix(OVER) for name in names if name.startswith(OVER)):
        told = told.merge(_speedups_over(rival, ordered, places), on=places, validate="one_to_one")
    for rival in (name.removeprefix(POINTS) for name in names if name.startswith(POINTS)):
        other = pd.DataFrame(
            [
                _points_over(rival, group, groups.get((place, rival), []), keys)
                for (place, _), group in groups.items()
            ]
        )
        told = told.merge(other, on=places, validate="one_to_one")
    return told


def _points_over(
    rival: str, runs: Sequence[Run], rivals: Sequence[Run], keys: Sequence[str]
) -> dict[str, object]:
    theirs = {run.seed: _last_accuracy(run) for run in rivals}
    apart = [100 * (_last_accuracy(run) - theirs[run.seed]) for run in runs if run.seed in theirs]
    return {
        **_place(runs, keys),
        **columns([{f"{POINTS}{rival}": exactly(found)} for found in apart if not math.isnan(found)]),
    }


def _last_accuracy(run: Run) -> float:
    """Below any where it was lost; nothing (nan) of what is no run, and of two lost ones there is no difference."""
    found = known(run).get("final_accuracy")
    return math.nan if found is None else found.low


def _place(runs: Sequence[Run], keys: Sequence[str]) -> dict[str, object]:
    return {**{POINT + key: runs[0].point.get(key) for key in keys}, "label": runs[0].label}


def _speedups_over(rival: str, runs: Sequence[Run], places: Sequence[str]) -> pd.DataFrame:
    frame = summarise(runs, rival)
    renamed = {
        name: f"{OVER}{rival}_{name.removeprefix('speedup_')}"
        for name in map(str, frame)
        if name.startswith("speedup_")
    }
    return frame[[*places, *renamed]].rename(columns=renamed)


def _row(runs: Sequence[Run], keys: Sequence[str], names: Sequence[str]) -> dict[str, object]:
    told = [
        {name: exactly(_of(run, MEASURES[name])) for name in names} for run in runs if run.status != "skipped"
    ]
    return {**_place(runs, keys), **columns(told)}


def _of(run: Run, make: Callable[[pd.DataFrame], float]) -> float:
    return make(run.curves()) if run.valid else math.inf
