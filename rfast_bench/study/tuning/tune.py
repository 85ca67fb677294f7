"""Parameters chosen before they are reported: every candidate on the tuning seeds, the best one into the plan.

    load_points (a `Grid` where a value is to be found)  ->  settle  ->  points that can run

All runs of tuning are ordinary simulated runs, kept in `NAME/tuning/`; they resume as others do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rfast_bench.errors import CannotRun, UserError
from rfast_bench.files import write_text
from rfast_bench.plan.graphs import TOPOLOGY
from rfast_bench.plan.runs import (
    Point,
    Run,
    build_topology,
    complete,
    each_seed,
    why_skipped,
    with_parameters,
)
from rfast_bench.plan.sources import Source, read_raw
from rfast_bench.records.writing import amend
from rfast_bench.scenario.reading import assign, validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.scenario.sections.tuning import Grid, TuneSpec
from rfast_bench.study.tuning.search import Search, plain

FOLDER = "tuning"
Do = Callable[[Sequence[Run]], object]
Say = Callable[[str], object]


def settle(
    points: list[Point],
    scenario: Source,
    overrides: tuple[str, ...],
    out: Path,
    do: Do,
    say: Say,
    is_done: Callable[[Run], bool] = lambda run: False,
    check: Callable[[Sequence[Run]], object] = lambda runs: None,
) -> list[Point]:
    """The points with the best value in the place of every grid. Raises UserError.

    `do` does runs, or finds them done, and leaves their records below `out`; `is_done`: whether one would be found.
    `check` raises UserError, before anything is said, where a scenario asks for what its problem does not have.
    """
    tune = points[0].scenario.tune
    if tune is None:
        return points
    if not any(_grids(point, k) for point in points for k in _orders(point)):
        raise UserError(f"{scenario}: {_why_nothing(tune)}")
    searches = _searches(points, scenario, overrides, tune, is_done)
    distinct = list(dict.fromkeys(searches.values()))
    check([s.as_given for s in distinct if not all(is_done(run) for run in s.missing())])
    if distinct:
        _announce(distinct, tune, len(points), say)
    todo, runs = distinct, [run for search in distinct for run in search.next_runs()]
    while runs:
        do(runs)
        for search in todo:
            search.read(out)
        more = [(search, search.next_runs()) for search in todo]
        todo = [search for search, own in more if own]
        runs = [run for _, own in more for run in own]
        decided = [search for search, own in more if not own]
        for search in _widened(decided, say):
            todo.append(search)
            runs += search.next_runs()
    if distinct:
        _write_table(distinct, out / points[0].scenario.name / FOLDER / "tuning.csv")
    return [_settled(point, searches, tune) for point in points]


def asked(points: list[Point], path: Path, overrides: tuple[str, ...]) -> list[Run]:
    """The runs of tuning as far as the ranges go that are given; none where nothing is tuned. Raises UserError."""
    tune = points[0].scenario.tune
    if tune is None:
        return []
    searches = _searches(points, path, overrides, tune, lambda run: False)
    return [run for search in dict.fromkeys(searches.values()) for run in search.missing()]


def reported(points: Sequence[Point]) -> list[Run]:
    """The runs that are reported once all values are found, with why some will be skipped. Raises UserError."""
    return [
        run
        for point in points
        for k in _orders(point)
        for run in each_seed(point, k, _reason(point, k) if _grids(point, k) else why_skipped(point, k))
    ]


def is_open(run: Run) -> bool:
    """Whether one of its values is still to be found."""
    return bool(_grids(run.point, run.order))


def _why_nothing(tune: TuneSpec) -> str:
    """Why no algorithm has anything to tune."""
    if tune.parameters:
        names = " and ".join(tune.parameters)
        return (
            f"tune.parameters: there is nothing to tune: every algorithm gives its own {names}, or has none; leave it "
            "out there, or leave tune out"
        )
    return "tune: there is nothing to tune; give tune.parameters, or a parameter a grid"


def refuse(points: Sequence[Point], why: str) -> None:
    """Raises UserError when a parameter is still to be tuned."""
    for point in points:
        for k in _orders(point):
            for name in _grids(point, k):
                raise UserError(f"{point.source}: algorithms.{k}.{name}: cannot be tuned {why}")


def note(runs: Sequence[Run], out: Path) -> None:
    """Tell records that were already there how their values were found this time."""
    for run in runs:
        amend(out / run.folder, tuned=dict(run.point.tuned.get(run.order, {})))


def _orders(point: Point) -> range:
    return range(len(point.scenario.algorithms))


def _grids(point: Point, k: int) -> dict[str, Grid]:
    parameters = point.scenario.algorithms[k].parameters
    return {name: value for name, value in parameters.items() if isinstance(value, Grid)}


# --------------------------------------------------------------------------------------------- searches
Key = tuple[tuple[str, ...], int]
"""The values of the keys in `tune.per`, and the place of the algorithm."""


def _key(point: Point, k: int, tune: TuneSpec) -> Key:
    return tuple(repr(point.values[name]) for name in tune.per), k


def _searches(
    points: Sequence[Point],
    scenario: Source,
    overrides: tuple[str, ...],
    tune: TuneSpec,
    is_done: Callable[[Run], bool],
) -> dict[Key, Search]:
    """One search for each algorithm and each value of `tune.per`; those whose runs are the same are one."""
    raw = read_raw(scenario, overrides)
    found: dict[Key, Search] = {}
    alike: dict[str, Search] = {}
    for point in points:
        for k in _orders(point):
            key, grids = _key(point, k, tune), _grids(point, k)
            if key in found or not grids or _reason(point, k):
                continue
            anchor = _anchor(raw, str(scenario), point, tune)
            reason = _reason(anchor, k)
            if reason:
                label = point.scenario.algorithms[k].label
                raise UserError(f"{scenario}: tune.anchor: {label} cannot be tuned there: {reason}")
            search = Search(anchor, k, _possible(anchor, k), tune, is_done)
            found[key] = alike.setdefault(search.fingerprint, search)
    return found


def _reason(point: Point, k: int) -> str:
    """Why an algorithm cannot run at a point; empty when it can, on one of its graphs at least."""
    reasons = [_why_not(point, k, graph) for graph in _graphs(point, k)]
    return "" if "" in reasons else reasons[0]


def _graphs(point: Point, k: int) -> list[TopologySpec | None]:
    """The graphs that are tried, or the one there is."""
    grid = _grids(point, k).get(TOPOLOGY)
    if grid is None:
        return [point.scenario.algorithms[k].topology]
    return [TopologySpec.model_validate(value, context={"folder": point.folder}) for value in grid.tried()]


def _why_not(point: Point, k: int, graph: TopologySpec | None) -> str:
    try:
        build_topology(point.scenario.algorithms[k].model_copy(update={"topology": graph}), point)
    except CannotRun as why:
        return str(why)
    return ""


def _possible(point: Point, k: int) -> dict[str, Grid]:
    """The grids of an algorithm, without the graphs that it cannot run on there."""
    grids = _grids(point, k)
    if TOPOLOGY not in grids:
        return grids
    tried = zip(grids[TOPOLOGY].tried(), _graphs(point, k), strict=True)
    values = tuple(value for value, graph in tried if not _why_not(point, k, graph))
    return {**grids, TOPOLOGY: grids[TOPOLOGY].model_copy(update={"values": values})}


def _anchor(raw: dict[str, Any], file: str, point: Point, tune: TuneSpec) -> Point:
    """Where tuning for a point happens: the file as written, the anchor's values, those of `tune.per`."""
    per = {name: point.values[name] for name in tune.per}
    for name, value in {**tune.anchor, **per}.items():
        raw = assign(raw, name, point.scenario.meant(name, value))
    moved = f" (where it is tuned{f', {per}' if per else ''})" if per or tune.anchor else ""
    source = f"{file}{moved}"
    scenario = with_parameters(validate(Scenario, raw, source, point.folder), source, point.folder)
    return Point(per, scenario, point.folder, source, FOLDER, purpose=FOLDER)


# ----------------------------------------------------------------------------------------- what is said
def _announce(searches: Sequence[Search], tune: TuneSpec, points: int, say: Say) -> None:
    runs = sum(len(search.missing()) for search in searches)
    more = sum(search.most_further_runs() for search in searches)
    per = f", for each of {', '.join(tune.per)}" if tune.per else ""
    seeds = ", ".join(map(str, tune.all_seeds))
    where = f" at {', '.join(f'{k} = {v}' for k, v in tune.anchor.items())}" if tune.anchor else ""
    say(
        f"Tuning by {tune.objective.words}{where}{per}: {runs} runs (seeds {seeds}), "
        f"at most {more} more where the best value is the first or last of its range; "
        f"{'one setting is' if points == 1 else f'{points} settings are'} reported after that"
    )


def _widened(searches: Sequence[Search], say: Say) -> list[Search]:
    """Those that go further, their best value lying at an end; says so."""
    ends = [", ".join(f"{name} {plain(search.best[name]):g}" for name in search.ends) for search in searches]
    further = [(search, end) for search, end in zip(searches, ends, strict=True) if search.widen()]
    if further:
        runs = sum(len(search.missing()) for search, _ in further)
        told = "; ".join(f"{search.label} ({end})" for search, end in further)
        say(f"Tuning: {runs} more runs, the best value being the first or last tried: {told}")
    return [search for search, _ in further]


def _write_table(searches: Sequence[Search], path: Path) -> None:
    import pandas as pd

    rows = [row for search in searches for row in search.rows()]
    write_text(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


# --------------------------------------------------------------------------------------------- the result
def _settled(point: Point, searches: Mapping[Key, Search], tune: TuneSpec) -> Point:
    """The point with the values found; None where its algorithm cannot run and will be skipped."""
    algorithms = list(point.scenario.algorithms)
    found: dict[int, Search] = {}
    for k in _orders(point):
        grids = _grids(point, k)
        if not grids:
            continue
        parameters = dict(algorithms[k].parameters)
        if _reason(point, k):
            parameters = _nothing_found(parameters)
        else:
            found[k] = searches[_key(point, k, tune)]
            best = found[k].best
            parameters |= {name: best[name] for name in grids}  # what the point itself gives stays
        algorithms[k] = algorithms[k].model_copy(update={"parameters": parameters})
    scenario = point.scenario.model_copy(update={"algorithms": tuple(algorithms)})
    for k in found:
        algorithms[k] = complete(scenario, k, point)
    scenario = scenario.model_copy(update={"algorithms": tuple(algorithms)})
    tuned = {
        k: {name: how for name, how in search.told().items() if name in _grids(point, k)}
        for k, search in found.items()
    }
    return replace(point, scenario=scenario, tuned=tuned)


def _nothing_found(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an algorithm that cannot run: None for what was to be found."""
    open_ = {name for name, value in parameters.items() if isinstance(value, Grid | dict)}
    return {name: None if name in open_ else value for name, value in parameters.items() if name != TOPOLOGY}
