"""Where the runs of a sweep are done: here, or on the cores of this machine (`cluster.py`: or on a cluster).

Every way gives the same records. On this machine a run writes its own folder; on a cluster it hands its
records back and the launcher writes them, so that no file system need be shared. Nothing that happens to one
run touches another: what it raises, and that its process dies, comes back as a `Failure`.
"""

from __future__ import annotations

import importlib
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import Parallel, delayed

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Reference
from rfast_bench.problems.evaluation import NOBODY, Watcher
from rfast_bench.processes.isolated import Died, Living, forked, tidy
from rfast_bench.study.first_look import Cautions
from rfast_bench.study.keeping.writable import NoRoom, kept
from rfast_bench.study.run import Record, describe, perform
from rfast_bench.study.watching.watch import Place, Watch

if TYPE_CHECKING:
    from rfast_bench.real.world import Launch

LATER = "rfast_bench.analysis.tables"
"""What the launcher needs after the last run, and can import while it waits: it takes 0.4 s."""


@dataclass(frozen=True)
class Failure:
    """Why a run gave nothing. `reason` is a line, `details` a traceback if there is one."""

    reason: str
    details: str = ""
    by_user: bool = False
    """Whether it is the kind of mistake that `UserError` stands for."""
    no_room: bool = False
    """Whether it is that nothing can be written any more: the others need not try."""


@dataclass(frozen=True)
class Task:
    """A run with all it needs; `line` is its place in the shared file of numbers."""

    run: Run
    reference: Reference | None
    line: int
    cautions: Cautions = ()
    """What is known of its method before it runs."""


Result = tuple[Task, Record | Failure | None]
"""A record that is to be written, a failure, or None when the run has written its folder itself."""


# --------------------------------------------------------------------------------------- on this machine
def one_by_one(tasks: Sequence[Task], out: Path, place: Place, launch: Launch | None) -> Iterator[Result]:
    """In this very process."""
    for task in tasks:
        yield task, _write(task, out, place, launch)


def over_cores(tasks: Sequence[Task], out: Path, place: Place, jobs: int) -> Iterator[Result]:
    """`jobs` at a time, each run in a process of its own; joblib's threads do nothing but wait for them."""
    parallel = Parallel(
        n_jobs=min(jobs, len(tasks)), backend="threading", batch_size=1, return_as="generator_unordered"
    )
    with tidy() as living, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*have been cancelled", UserWarning)  # whoever ends it says why
        results = parallel(delayed(_apart)(living, task, out, place) for task in tasks)
        threading.Thread(target=importlib.import_module, args=(LATER,), daemon=True).start()
        yield from results


def _apart(living: Living, task: Task, out: Path, place: Place) -> Result:
    try:
        return task, forked(living, _write, task, out, place, None)
    except Died as how:
        return task, Failure(str(how))


def _write(task: Task, out: Path, place: Place, launch: Launch | None) -> Failure | None:
    """Do a run and write its folder; whoever watches sees how far it is."""
    failure: Failure | None = attempt(partial(_watched, task, out, place, launch))
    return failure


def _watched(task: Task, out: Path, place: Place, launch: Launch | None) -> None:
    with Watch(task.run, out, place, task.line, partial(describe, task.run)) as watch:
        record = done(task, watch, launch)
        with kept(out / task.run.folder):
            record.write(out)
        watch.finish(record.frames["curves"])


def done(task: Task, watcher: Watcher = NOBODY, launch: Launch | None = None) -> Record:
    """Its record, with what was known before."""
    record = perform(task.run, task.reference, watcher, launch)
    if task.cautions:
        record.manifest["cautions"] = [*record.manifest.get("cautions", []), *task.cautions]
    return record


def attempt(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except NoRoom as problem:
        return Failure(str(problem), "", True, True)
    except UserError as problem:
        by_user = problem.exit_code == UserError.exit_code
        return Failure(str(problem), "" if by_user else traceback.format_exc(), by_user)
    except Exception as problem:  # noqa: BLE001 - whatever an algorithm of somebody else's may raise
        return Failure(f"{type(problem).__name__}: {problem}", traceback.format_exc())
