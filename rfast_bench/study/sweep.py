"""All runs of a scenario: spread over cores, resumed where an earlier call stopped, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from threadpoolctl import threadpool_limits

from rfast_bench import problems
from rfast_bench.errors import UserError
from rfast_bench.plan import saturation
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem, Reference
from rfast_bench.records.reading import find_runs
from rfast_bench.records.writing import FAILURE, write_failure
from rfast_bench.scenario.problem.kinds import PlugInSpec
from rfast_bench.scenario.values.metrics import metric_of
from rfast_bench.study import first_look
from rfast_bench.study.backends import Failure, Result, Task, one_by_one, over_cores
from rfast_bench.study.cluster import Cluster, over_cluster
from rfast_bench.study.keeping import checkpoint
from rfast_bench.study.keeping.done import check_world, damaged, is_done
from rfast_bench.study.keeping.writable import check_writable, kept
from rfast_bench.study.memory import Sizes, jobs_that_fit, needs_of, problem_key, sizes_of
from rfast_bench.study.run import Record, problem_of, record_skipped
from rfast_bench.study.watching.bars import progress_bars, title
from rfast_bench.study.watching.tensorboard import Board, folder_of
from rfast_bench.study.watching.watch import Place

if TYPE_CHECKING:
    from rfast_bench.real.world import Launch

FAILED = 1
"""Exit code when runs failed that were rightly asked for."""


@dataclass(frozen=True)
class Failed:
    """A run that gave nothing, and why."""

    run: Run
    failure: Failure

    def __str__(self) -> str:
        return f"{title(self.run).strip()}: {self.failure.reason}"


class RunsFailed(UserError):
    """Some runs gave nothing; the others are there. `str(error)` says which, why and how to go on."""

    def __init__(self, failed: Sequence[Failed], asked: int) -> None:
        lines = "\n".join(f"  {one}" for one in failed)
        again = "The same command takes up only what is missing"
        where = f"{FAILURE} in a run's folder says more"
        super().__init__(f"{len(failed)} of {asked} runs failed. {again}; {where}.\n{lines}")
        self.exit_code = UserError.exit_code if all(one.failure.by_user for one in failed) else FAILED
        self.stacks = [f"{one}\n{one.failure.details}" for one in failed if one.failure.details]


def run_all(
    runs: Sequence[Run],
    out: Path,
    jobs: int,
    fresh: bool,
    console: Console,
    launch: Launch | None = None,
    cluster: Cluster | None = None,
    tensorboard: Path | None = None,
    hold: Callable[[Path], object] = lambda home: None,
) -> list[Failed]:
    """Do what is missing of `runs` and return those that failed. Raises UserError before the first run.

    A run counts as done when its folder holds the same hash; `fresh` does all again. With a `cluster` its
    machines do the runs, instead of `jobs` processes here. `tensorboard`: a folder for curves, of the runs that are
    already there too. `hold` is called with the scenario's folder before anything is written there.
    """
    if all(run.skipped for run in runs):
        reasons = dict.fromkeys(f"{run.algorithm.label}: {run.skipped}" for run in runs)
        raise UserError("no algorithm of this scenario can run:\n  " + "\n  ".join(reasons))
    missing = [run for run in runs if fresh or not is_done(run, out)]
    todo = sorted((run for run in missing if not run.skipped), key=expected_work, reverse=True)
    if len(missing) < len(runs):
        console.print(
            f"{len(runs) - len(missing)} of {len(runs)} runs are already there (--fresh starts over)"
        )
    for text in () if fresh else damaged(missing, out):
        console.print(text, highlight=False, soft_wrap=True, markup=False)
    references, sizes = survey(todo, partial(console.print, highlight=False, soft_wrap=True, markup=False))
    for text in saturation.cautions(todo, lambda run: sizes[problem_key(run)].vector):
        console.print(text, highlight=False, soft_wrap=True, markup=False)
    if cluster is None:
        jobs = jobs_that_fit(needs_of(todo, sizes), jobs, console)
    check_writable(out)
    hold(out / runs[0].scenario.name)
    if not fresh:
        check_world(missing, out)
    _record_skipped(missing, out)
    out = out.resolve()  # runs may land in processes that were started in another folder
    told = first_look.cautions(todo)
    tasks = [Task(run, references[_reference_key(run)], line, told[line]) for line, run in enumerate(todo)]
    failed = []
    if tensorboard is not None:
        check_writable(tensorboard, "folder of --tensorboard")
        tensorboard, doing = tensorboard.resolve(), {run.folder for run in missing}
        _show([run for run in runs if not run.skipped and run.folder not in doing], out, tensorboard)
    with progress_bars(todo, console, tensorboard) as (place, tick):
        for task, result in _spread(tasks, out, place, jobs, launch, cluster):
            tick(task.line)
            if isinstance(result, Record):
                with kept(out / task.run.folder):
                    result.write(out)
                _show([task.run], out, tensorboard)
            elif result is not None:
                failed.append(_failed(task.run, result, out))
                console.print(f"failed: {failed[-1]}", style="red", markup=False, soft_wrap=True)
    return sorted(failed, key=lambda one: runs.index(one.run))


def _record_skipped(runs: Sequence[Run], out: Path) -> None:
    for run in runs:
        if run.skipped:
            with kept(out / run.folder):
                record_skipped(run, out)


def _failed(run: Run, why: Failure, out: Path) -> Failed:
    """Leaves why in the run's folder. Raises UserError where there was no room: no other run would have any."""
    if why.no_room:
        raise UserError(why.reason)
    with kept(out / run.folder):
        write_failure(out / run.folder, f"{why.reason}\n{why.details}")
    return Failed(run, why)


def _show(runs: Sequence[Run], out: Path, home: Path | None) -> None:
    """Curves for TensorBoard of runs whose records are there."""
    for run in runs:
        folder = folder_of(run, home)
        if folder is not None:
            with closing(Board(folder)) as board:
                board.add_all(find_runs([out / run.folder])[0].curves())


def _spread(
    tasks: Sequence[Task], out: Path, place: Place, jobs: int, launch: Launch | None, cluster: Cluster | None
) -> Iterator[Result]:
    """A real run has a process a worker, and times that others would disturb: one at a time, from here."""
    real = any(task.run.scenario.world == "real" for task in tasks)
    if cluster is not None and tasks and not real:
        return over_cluster(tasks, cluster)
    if jobs == 1 or real or not tasks:
        return one_by_one(tasks, out, place, launch)
    return over_cores(tasks, out, place, jobs)


def expected_work(run: Run) -> float:
    """Roughly how many gradients a run computes: the longest are to be started first, lest one ends alone."""
    stop = run.scenario.stop
    time = None if stop.time is None else stop.time / run.scenario.gradient_seconds
    limits = [limit for limit in (time, stop.iterations, stop.epochs) if limit is not None]
    return run.scenario.workers * min(limits)


# ------------------------------------------------------------------------------------------- references
def survey(
    runs: Sequence[Run], say: Callable[[str], None] = lambda note: None
) -> tuple[dict[str, Reference | None], dict[str, Sizes]]:
    """The optimum of each distinct objective, computed once and here, so that jobs cannot change it; and how
    large each problem is. Also tells of bad data before anything runs, and says what problems have to note."""
    said: set[str] = set()
    found: dict[str, Reference | None] = {}
    sizes: dict[str, Sizes] = {}
    built: set[tuple[str, int]] = set()
    with threadpool_limits(limits=1):
        for run in runs:
            dealt = problem_key(run), run.seed
            if dealt in built:
                continue
            built.add(dealt)
            problem = problem_of(run)
            if problem.note and problem.note not in said:
                said.add(problem.note)
                say(problem.note)
            sizes[problem_key(run)] = sizes_of(problem)
            key = _reference_key(run)
            if key not in found:
                found[key] = problems.reference(problem)
            check_targets(run, problem, found[key] is not None)
            check_buckets(run, problem)
            checkpoint.check(run, problem)
    return found, sizes


def check_asked(runs: Sequence[Run]) -> None:
    """Raises UserError for a target or an objective on what a run's problem does not have. Finds no optimum."""
    built: set[str] = set()
    for run in runs:
        if problem_key(run) not in built:
            built.add(problem_key(run))
            problem = problem_of(run)
            check_targets(run, problem, problems.has_reference(problem))


def check_targets(run: Run, problem: Problem, has_reference: bool) -> None:
    """Raises UserError for a target on what this problem does not have."""
    keys: dict[str, str] = {}
    for key, name in run.scenario.asked:
        what = "a final" if key.endswith(".final") else "a target on"
        keys.setdefault(metric_of(name), f"{run.point.source}: {key}: {what} {metric_of(name)}")
    if "gap" in keys and not has_reference:
        raise UserError(
            f"{keys['gap']} needs a known optimum (convex, l2 > 0; of a problem of your own reference()); "
            "use loss or accuracy"
        )
    if "accuracy" in keys and np.isnan(problem.accuracy(problem.start)):
        raise UserError(f"{keys['accuracy']} needs held-out samples{_why_none(run)}")


def _why_none(run: Run) -> str:
    spec = run.scenario.problem
    if getattr(spec, "metric", "") == "none":
        return " and a metric; problem.metric is none"
    if not hasattr(spec, "test_fraction"):
        return f"; problem.kind: {spec.kind} has none"
    why = "is 0" if spec.test_fraction == 0 else "cannot help: there are no classes"
    return f"; problem.test_fraction {why}"


def check_buckets(run: Run, problem: Problem) -> None:
    """Raises UserError for more buckets than a model has coordinates."""
    for name, value in run.buckets.items():
        if isinstance(value, int) and value > problem.dim:
            raise UserError(
                f"{run.point.source}: algorithms.{run.order}.{name}: {value} buckets of a model of {problem.dim} "
                "coordinates; a bucket holds at least one"
            )


def _reference_key(run: Run) -> str:
    """The objective f does not depend on how the samples are dealt, cut into batches or drawn; of a user's own
    problem nothing is known."""
    spec = run.scenario.problem
    if isinstance(spec, PlugInSpec):
        return f"{spec.model_dump_json()} {run.scenario.workers} {run.computing} {run.seed}"
    dull = {"batch_size", "sampling"}
    if getattr(getattr(spec, "partition", None), "kind", "") not in ("by-column", "file"):
        dull.add("partition")  # those two may leave features or samples out
    kind = spec.model_dump_json(exclude=dull & set(type(spec).model_fields))
    return kind if "dataset" in type(spec).model_fields else f"{kind} {run.scenario.workers} {run.computing}"
