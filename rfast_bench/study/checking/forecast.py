"""What a scenario would run, before it does: how many runs, how long, on how much memory, on which data and graphs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rfast_bench.analysis.cautions import ONE_SEED
from rfast_bench.analysis.shards import summary
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.plan import saturation
from rfast_bench.plan.runs import Point, Run, load_points
from rfast_bench.scenario.problem.kinds import LearningSpec
from rfast_bench.scenario.schema import Scenario
from rfast_bench.study.keeping.done import is_done
from rfast_bench.study.memory import available, needs_of, problem_key
from rfast_bench.study.run import perform, unusual_graph
from rfast_bench.study.scenario import setting_notes
from rfast_bench.study.shards import shards_of
from rfast_bench.study.sweep import expected_work, survey
from rfast_bench.study.tuning import tune

ROUNDS, MORE = 20, 5
"""Gradients a worker that a run is tried for, and how many times as long it is tried a second time."""
LONG = 3.0
"""Seconds of computing in the first trial after which there is no second."""


@dataclass(frozen=True)
class Forecast:
    """All that `rfast-bench check SCENARIO` tells; seconds and bytes."""

    name: str
    world: str
    workers: list[int]
    runs: int
    how: str
    """The runs as a product: `6 algorithms x 3 seeds`."""
    there: int
    tuning: int
    """Runs of tuning, before any range is widened; some are cut short."""
    tuning_there: int
    skipped: dict[str, str]
    """Why, by label; where not at every point, of the last point."""
    skipped_runs: int
    seconds: float
    jobs: int
    memory: int
    available: int
    shards: list[str]
    topologies: dict[str, str]
    cautions: list[str] = field(default_factory=list)


def forecast(path: Path, overrides: tuple[str, ...], out: Path, jobs: int) -> Forecast:
    """Look at a scenario from all sides without running it; each method is tried for a moment. Raises UserError."""
    points = load_points(path, overrides)
    tuning = tune.asked(points, path, overrides)
    reported = tune.reported(points)
    skipped = {str(run.algorithm.label): run.skipped for run in reported if run.skipped}
    will = [run for run in reported if not run.skipped]
    sample = [*tuning, *(run for run in will if not tune.is_open(run))]
    if not sample:
        raise UserError(f"{path}: no algorithm can run: {'; '.join(skipped.values())}")
    there = sum(is_done(run, out) for run in will if not tune.is_open(run))
    firsts = list({str(run.algorithm.label): run for run in sample}.values())
    cautions: list[str] = []
    _, sizes = survey(firsts, cautions.append)
    cautions += [
        *setting_notes(sample),
        *saturation.cautions(firsts, lambda run: sizes[problem_key(run)].vector),
    ]
    cautions += _settings(firsts, points[0].scenario)
    todo = [run for run in [*tuning, *will] if tune.is_open(run) or not is_done(run, out)]
    needs = needs_of(firsts, sizes)
    scenario = points[0].scenario
    return Forecast(
        name=scenario.name,
        world=", ".join(dict.fromkeys(point.scenario.world for point in points)),
        workers=sorted({point.scenario.workers for point in points}),
        runs=len(reported),
        how=_how(points),
        there=there,
        tuning=len(tuning),
        tuning_there=sum(is_done(run, out) for run in tuning),
        skipped=skipped,
        skipped_runs=len(reported) - len(will),
        seconds=_seconds(todo, firsts),
        jobs=jobs if scenario.world == "simulated" else 1,
        memory=max((need.estimate.total for need in needs), default=0),
        available=available(),
        shards=_shards(points),
        topologies={str(run.algorithm.label): _graph(run) for run in firsts},
        cautions=list(dict.fromkeys(cautions)),
    )


def _settings(firsts: Sequence[Run], scenario: Scenario) -> list[str]:
    """What the records will say too, as far as it is known by now."""
    graphs = Counter(run.algorithm.name for run in firsts)
    told = [f"{run.algorithm.label} {unusual_graph(run)}." for run in firsts if unusual_graph(run)]
    alone = {str(run.algorithm.label) for run in firsts if graphs[run.algorithm.name] == 1}
    return [ONE_SEED] * (scenario.seeds == 1) + [text for text in told if text.partition(" ")[0] in alone]


def _how(points: Sequence[Point]) -> str:
    scenario = points[0].scenario
    counts = [(len(points), "point"), (len(scenario.algorithms), "algorithm"), (scenario.seeds, "seed")]
    return " x ".join(f"{n} {word}{'s' * (n > 1)}" for n, word in counts if n > 1 or word != "point")


def _shards(points: Sequence[Point]) -> list[str]:
    if not all(isinstance(point.scenario.problem, LearningSpec) for point in points):
        return []
    return [f"{one.title}: {'; '.join(summary(one))}" for one in shards_of(points)]


def _graph(run: Run) -> str:
    try:
        built = run.build_topology()
    except CannotRun as reason:
        return f"cannot run: {reason}"
    if run.algorithm_class.needs == "nothing":
        return "needs no graph"
    if not built.directed:
        return f"{built.name}, {'connected' if built.sound else 'NOT CONNECTED'}"
    roots = ", ".join(map(str, sorted(built.common_roots)[:8]))
    return f"{built.name}, common roots {roots}" if roots else f"{built.name}, NO COMMON ROOT"


# ------------------------------------------------------------------------------------------------------ how long
def _seconds(todo: Sequence[Run], firsts: Sequence[Run]) -> float:
    """Of all runs together, one at a time: those of a simulated run by a trial of its method, in proportion to its
    gradients; those of a real one as the scenario has them."""
    each = {str(run.algorithm.label): _tried(run) / expected_work(run) for run in firsts if _simulated(run)}
    mean = sum(each.values()) / len(each) if each else 0.0
    return sum(
        each.get(str(run.algorithm.label), mean) * expected_work(run)
        if _simulated(run)
        else _on_the_clock(run)
        for run in todo
    )


def _simulated(run: Run) -> bool:
    return run.scenario.world == "simulated"


def _on_the_clock(run: Run) -> float:
    return expected_work(run) / run.scenario.workers * run.scenario.gradient_seconds


def _tried(run: Run) -> float:
    """Seconds of the whole run, from a part of it and a part that is `MORE` times as long."""
    share = min(1.0, ROUNDS * run.scenario.workers / expected_work(run))
    first = _timed(lambda: perform(_part(run, share), None))
    longer = min(1.0, MORE * share)
    if longer == share or first > LONG:
        return first / share
    second = _timed(lambda: perform(_part(run, longer), None))
    slope = max(0.0, second - first) / (longer - share)
    return first + slope * (1 - share)


def _timed(do: Callable[[], Any]) -> float:
    before = time.process_time()
    do()
    return time.process_time() - before


def _part(run: Run, share: float) -> Run:
    stop = run.scenario.stop
    iterations = None if stop.iterations is None else max(1, round(share * stop.iterations))
    scaled = {name: None if (x := getattr(stop, name)) is None else share * x for name in ("time", "epochs")}
    shorter = stop.model_copy(update={**scaled, "iterations": iterations, "target": None})
    scenario = run.scenario.model_copy(update={"stop": shorter, "checkpoint": False})
    return Run(replace(run.point, scenario=scenario), run.order, run.seed)
