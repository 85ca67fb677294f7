"""`rfast_bench.run`: the main job, from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping
from operator import index
from pathlib import Path
from typing import Any, Literal, SupportsIndex

import yaml
from rich.console import Console

from rfast_bench.errors import UserError
from rfast_bench.files import working_folder
from rfast_bench.plan.sources import Given
from rfast_bench.public import given
from rfast_bench.public.study import Study
from rfast_bench.scenario import shipped
from rfast_bench.scenario.reading import assign, read_yaml
from rfast_bench.scenario.schema import Scenario
from rfast_bench.study.warm_up import warm_up

World = Literal["simulated", "real", "both"]


def run(
    scenario: str | Path | Mapping[str, Any] | Scenario,
    *,
    out: str | Path = "results",
    changes: Mapping[str, Any] | None = None,
    world: World | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    plots: bool = False,
    checkpoint: bool = False,
    progress: bool = True,
) -> Study:
    """Do every run of a scenario that is not there yet, and give what came of them.

    `scenario`: a file, the name of a shipped one, a mapping of the keys that such a file has, or a `Scenario`. A class
    may stand in the place of an algorithm's name, and a function or a class wherever FILE.py:NAME may.
    `changes`: values by key path, such as `{"network.loss": 0.2}`.
    `out`: the folder where records go, in a folder of the scenario's name; what is there already is not done again,
    unless `fresh`. `table.md` and `table.csv` are left beside them, and figures with `plots`; with `checkpoint` each
    run's last mean model.
    `jobs`: runs at once; all cores by default. `progress`: whether bars and cautions are shown (on stderr, or in the
    notebook).

    Raises UserError for what is wrong in the scenario, and RunsFailed, a kind of it, when runs gave nothing; the others
    are there then. The messages are those of the command line.
    """
    if not isinstance(out, str | os.PathLike):
        raise UserError(f"out: expected a folder, found {type(out).__name__}")
    if changes is not None and not isinstance(changes, Mapping):
        raise UserError(
            f'changes: expected values by key path, {{"network.loss": 0.2}}, found {type(changes).__name__}'
        )
    if wrong := [key for key in changes or {} if not isinstance(key, str)]:
        raise UserError(f'changes: expected key paths such as "network.loss", found {wrong[0]!r}')
    if "\0" in os.fspath(out):
        raise UserError(f"out: {os.fspath(out)!r} is no folder's name")
    home, jobs = Path(out), _jobs(jobs)
    more = {
        key: value
        for key, value in (("world", world), ("checkpoint", checkpoint or None))
        if value is not None
    }
    source = _given(scenario, {**(changes or {}), **more}, home)
    if jobs > 1 or source.raw.get("world") in ("real", "both"):
        warm_up(text=yaml.safe_dump(source.raw, allow_unicode=True, default_flow_style=False))
    from rfast_bench.study import fork_server_imports  # noqa: F401 - first, see there

    return _done(source, home, jobs, fresh, plots, Console(stderr=True, quiet=not progress))


def _jobs(jobs: object) -> int:
    if jobs is None:
        return os.cpu_count() or 1
    number = index(jobs) if isinstance(jobs, SupportsIndex) and not isinstance(jobs, bool) else 0
    if number < 1:
        raise UserError(f"jobs: expected a whole number from 1 on, found {jobs!r}")
    return number


def _done(source: Given, out: Path, jobs: int, fresh: bool, plots: bool, console: Console) -> Study:
    from rfast_bench.figures.plots import draw
    from rfast_bench.study import told
    from rfast_bench.study.scenario import Way, conducted, keep

    way = Way(out, jobs, fresh, console)
    with conducted(source, (), way) as done:
        keep(done.found, done.home, done.both)
        if plots:
            draw(done.found, done.home)
        told.caution(done.found, way.say)
        done.check()
        return Study(done.found)


def _given(scenario: object, changes: Mapping[str, Any], out: Path) -> Given:
    """Its keys and values, with files named for what is given by itself. Relative paths start at its file's folder,
    or at the working folder."""
    folder, name = working_folder(), "scenario"
    if isinstance(scenario, Scenario):
        raw: dict[str, Any] = scenario.model_dump(mode="json", by_alias=True, exclude_unset=True)
    elif isinstance(scenario, Mapping):
        raw = dict(scenario)
    elif isinstance(scenario, str | os.PathLike):
        path = shipped.find(scenario if isinstance(scenario, str) else Path(scenario))
        raw, folder, name = read_yaml(path), path.resolve().parent, str(path)
    else:
        raise UserError(
            "scenario: expected a file, the name of a shipped scenario, a mapping or a Scenario, found "
            f"{type(scenario).__name__}"
        )
    for key, value in changes.items():
        raw = assign(raw, key, value)
    if "algorithms" in raw:
        raw["algorithms"] = given.algorithms(raw["algorithms"])
    return Given(given.plain(raw, out), folder, name, tuple(changes))
