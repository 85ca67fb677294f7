"""All runs of a scenario: spread over cores, resumed where an earlier call stopped, with progress."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from threadpoolctl import threadpool_limits

from rfast_bench import problems
from rfast_bench.errors import UserError
from rfast_bench.plan import Run
from rfast_bench.problems import Problem, Reference
from rfast_bench.records import MANIFEST
from rfast_bench.runner import execute, problem_of, record_skipped

if TYPE_CHECKING:
    from rfast_bench.real.world import Crew


def run_all(
    runs: Sequence[Run], out: Path, jobs: int, fresh: bool, console: Console, crew: Crew | None = None
) -> list[Path]:
    """Do what is missing of `runs` and return all their folders. Raises UserError before the first run.

    A run counts as done when its folder holds the same hash; `fresh` does all again.
    """
    if all(run.skipped for run in runs):
        reasons = dict.fromkeys(f"{run.algorithm.label}: {run.skipped}" for run in runs)
        raise UserError("no algorithm of this scenario can run:\n  " + "\n  ".join(reasons))
    missing = [run for run in runs if fresh or not is_done(run, out)]
    todo = [run for run in missing if not run.skipped]
    if len(missing) < len(runs):
        console.print(
            f"{len(runs) - len(missing)} of {len(runs)} runs are already there (--fresh starts over)"
        )
    references = find_references(todo)
    check_writable(out)
    for run in missing:
        if run.skipped:
            record_skipped(run, out)
    if any(run.scenario.world == "real" for run in todo):
        jobs = 1  # a real run has a process a worker, and times that others would disturb
    out = out.resolve()  # jobs may land in processes that were started in another folder
    with progress_bars(todo, console) as file:
        tasks = [
            delayed(_job)(run, out, references[_reference_key(run)], file, k, crew)
            for k, run in enumerate(todo)
        ]
        for _ in Parallel(n_jobs=min(jobs, max(1, len(todo))), return_as="generator_unordered")(tasks):
            pass
    return [out / run.folder for run in runs]


def _job(run: Run, out: Path, reference: Reference | None, file: Path, k: int, crew: Crew | None) -> None:
    """One run in whatever process it lands; says how far it is through a shared file of numbers."""
    shares = np.lib.format.open_memmap(file, mode="r+")

    def progress(share: float) -> None:
        shares[k] = share

    execute(run, out, reference, progress, crew)
    shares[k] = 2.0


def is_done(run: Run, out: Path) -> bool:
    """Whether a folder of this very run is there."""
    try:
        manifest = json.loads((out / run.folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("hash") == run.hash


def check_writable(out: Path) -> None:
    """Raises UserError when records cannot be written below `out`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as problem:
        raise UserError(f"cannot write to the output folder {out}: {problem.strerror}") from problem


# ------------------------------------------------------------------------------------------- references
def find_references(runs: Sequence[Run]) -> dict[str, Reference | None]:
    """The optimum of each distinct objective, computed once and here, so that jobs cannot change it."""
    found: dict[str, Reference | None] = {}
    built: set[tuple[str, int]] = set()
    with threadpool_limits(limits=1):
        for run in runs:
            dealt = (run.scenario.problem.model_dump_json(), run.seed * (1 << 20) + run.scenario.workers)
            if dealt in built:
                continue
            built.add(dealt)
            problem = problem_of(run)  # also tells of bad data before anything runs
            key = _reference_key(run)
            if key not in found:
                found[key] = problems.reference(problem)
            check_targets(run, problem, found[key])
    return found


def check_targets(run: Run, problem: Problem, reference: Reference | None) -> None:
    """Raises UserError for a target on what this problem does not have."""
    stop = run.scenario.stop.target
    wanted = {*run.scenario.evaluate.targets, *(stop.model_dump(exclude_none=True) if stop else ())}
    source = run.point.source
    if "gap" in wanted and reference is None:
        raise UserError(
            f"{source}: a target on gap needs a known optimum (convex, l2 > 0); use loss or accuracy"
        )
    if "accuracy" in wanted and np.isnan(problem.accuracy(problem.start)):
        raise UserError(f"{source}: a target on accuracy needs held-out samples; problem.test_fraction is 0")


def _reference_key(run: Run) -> str:
    """The objective f does not depend on how the samples are dealt, cut into batches or drawn."""
    spec = run.scenario.problem
    dull = {"partition", "batch_size", "sampling"}
    kind = spec.model_dump_json(exclude=dull & set(type(spec).model_fields))
    return f"{kind} {run.scenario.workers if 'dataset' not in type(spec).model_fields else ''}"


# --------------------------------------------------------------------------------------------- progress
@contextmanager
def progress_bars(runs: Sequence[Run], console: Console) -> Iterator[Path]:
    """A bar for all runs and one for each that is under way; yields the file that jobs write shares to."""
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with tempfile.TemporaryDirectory(prefix="rfast-bench-") as folder:
        file = Path(folder, "shares.npy")
        shares = np.lib.format.open_memmap(file, mode="w+", dtype=np.float64, shape=(max(1, len(runs)),))
        shares[:] = 0.0
        stop = threading.Event()
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
            watch = threading.Thread(target=_watch, args=(bars, runs, shares, stop), daemon=True)
            watch.start()
            try:
                yield file
            finally:
                stop.set()
                watch.join()


def _watch(bars: Progress, runs: Sequence[Run], shares: np.ndarray, stop: threading.Event) -> None:
    overall = bars.add_task("all runs", total=len(runs))
    shown: dict[int, TaskID] = {}
    while not stop.wait(0.2):
        now = shares.copy()
        bars.update(overall, completed=int((now > 1).sum()))
        for k in np.flatnonzero((now > 0) & (now <= 1)).tolist():
            if k not in shown:
                shown[k] = bars.add_task(_title(runs[k]), total=100)
            bars.update(shown[k], completed=round(100 * float(now[k])))
        for k in [k for k in shown if now[k] > 1]:
            bars.remove_task(shown.pop(k))


def _title(run: Run) -> str:
    point = f" {run.point.slug}" if run.point.slug else ""
    return f"  {run.algorithm.label}{point} seed {run.seed}"
