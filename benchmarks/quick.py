"""A study's first seed alone, with the tuned values of its committed table: whether its numbers still come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml
from rich.console import Console

from benchmarks.findings import same
from rfast_bench.analysis.cell_text import POINT
from rfast_bench.analysis.tables import render
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.files import write_text
from rfast_bench.plan.runs import Point, build_topology, complete, load_points, plan
from rfast_bench.records.reading import find_runs
from rfast_bench.scenario.sections.tuning import Grid
from rfast_bench.study.sweep import RunsFailed, run_all


def first_seed(scenario: Path, committed: pd.DataFrame, out: Path, jobs: int, console: Console) -> Path:
    """Do one seed of every point, and leave table.md and table.csv in the folder that is returned.

    Raises UserError where the committed table lacks a tuned value, RunsFailed when a run fails.
    """
    points = [_settled(point, committed) for point in load_points(scenario, ("seeds=1",))]
    runs = plan(points)
    failed = run_all(runs, out, jobs, fresh=False, console=console)
    if failed:
        raise RunsFailed(failed, len(runs))
    home = out / runs[0].scenario.name
    found = find_runs([out / run.folder for run in runs])
    for style in ("md", "csv"):
        write_text(home / f"table.{style}", render(found, style))
    return home


def _settled(point: Point, committed: pd.DataFrame) -> Point:
    """The point with the committed values in the place of its grids."""
    for k, algorithm in enumerate(point.scenario.algorithms):
        grids = {name: grid for name, grid in algorithm.parameters.items() if isinstance(grid, Grid)}
        if not grids:
            continue
        told = _tuned(committed, point, str(algorithm.label)) if _runs(point, k) else dict.fromkeys(grids)
        missing = [name for name in grids if name not in told]
        if missing:
            raise UserError(f"{point.source}: table.csv has no tuned {missing[0]} of {algorithm.label}")
        values = {name: _as_given(grid, told[name]) for name, grid in grids.items()}
        point = _with(point, k, {**algorithm.parameters, **values})
    return point


def _with(point: Point, k: int, parameters: dict[str, object]) -> Point:
    algorithms = list(point.scenario.algorithms)
    algorithms[k] = algorithms[k].model_copy(update={"parameters": parameters})
    scenario = point.scenario.model_copy(update={"algorithms": tuple(algorithms)})
    if _runs(point, k):
        algorithms[k] = complete(scenario, k, point)
    return replace(point, scenario=scenario.model_copy(update={"algorithms": tuple(algorithms)}))


def _runs(point: Point, k: int) -> bool:
    try:
        build_topology(point.scenario.algorithms[k], point)
    except CannotRun:
        return False
    return True


def _as_given(grid: Grid, value: object) -> object:
    return {"effective": value} if grid.effective and value is not None else value


def _tuned(committed: pd.DataFrame, point: Point, label: str) -> dict[str, object]:
    """What `tuned` says in the row of a label at a point: `step_size=0.16; tau=1`."""
    rows = committed[committed["label"] == label]
    for key, value in point.values.items():
        if POINT + key in rows:
            rows = rows[[same(given, value) for given in rows[POINT + key]]]
    if rows.empty:
        raise UserError(f"{point.source}: table.csv has no row of {label}")
    parts = [part.partition("=") for part in str(rows["tuned"].iloc[0]).split("; ") if part]
    return {name: yaml.safe_load(text) for name, _, text in parts}
