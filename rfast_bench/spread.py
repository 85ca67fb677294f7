"""Where the runs of a sweep are done: here, on the cores of this machine, or on a Dask or Ray cluster.

Every way gives the same records. On this machine a run writes its own folder; on a cluster it hands its
records back and the launcher writes them, so that no file system need be shared. Nothing that happens to one
run touches another: what it raises, and that its process dies, comes back as a `Failure`.
"""

from __future__ import annotations

import importlib
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Parallel, delayed

from rfast_bench.errors import UserError
from rfast_bench.isolation import Died, forked, spawned, tidy
from rfast_bench.plan import Run
from rfast_bench.problems import Reference
from rfast_bench.runner import Record, perform

if TYPE_CHECKING:
    from rfast_bench.real.world import Crew

PATIENCE = 10
"""Seconds that a cluster is given to answer."""
LATER = "rfast_bench.tables"
"""What the launcher needs after the last run, and can import while it waits: it takes 0.4 s."""


@dataclass(frozen=True)
class Failure:
    """Why a run gave nothing. `reason` is a line, `details` a traceback if there is one."""

    reason: str
    details: str = ""
    by_user: bool = False
    """Whether it is the kind of mistake that `UserError` stands for."""


@dataclass(frozen=True)
class Cluster:
    """An existing cluster and its address, as its own client takes it."""

    kind: Literal["dask", "ray"]
    address: str


@dataclass(frozen=True)
class Task:
    """A run with all it needs; `line` is its place in the shared file of progress."""

    run: Run
    reference: Reference | None
    line: int


Result = tuple[Task, Record | Failure | None]
"""A record that is to be written, a failure, or None when the run has written its folder itself."""


# --------------------------------------------------------------------------------------- on this machine
def one_by_one(tasks: Sequence[Task], out: Path, file: Path, crew: Crew | None) -> Iterator[Result]:
    """In this very process."""
    for task in tasks:
        yield task, _write(task, out, file, crew)


def over_cores(tasks: Sequence[Task], out: Path, file: Path, jobs: int) -> Iterator[Result]:
    """`jobs` at a time, each run in a process of its own; joblib's threads do nothing but wait for them."""
    parallel = Parallel(
        n_jobs=min(jobs, len(tasks)), backend="threading", batch_size=1, return_as="generator_unordered"
    )
    with tidy():
        results = parallel(delayed(_apart)(task, out, file) for task in tasks)
        threading.Thread(target=importlib.import_module, args=(LATER,), daemon=True).start()
        yield from results


def _apart(task: Task, out: Path, file: Path) -> Result:
    try:
        return task, forked(_write, task, out, file, None)
    except Died as how:
        return task, Failure(str(how))


def _write(task: Task, out: Path, file: Path, crew: Crew | None) -> Failure | None:
    """Do a run and write its folder; says how far it is through a shared file of numbers."""
    shares = np.lib.format.open_memmap(file, mode="r+")

    def progress(share: float) -> None:
        shares[task.line] = share

    failure: Failure | None = _attempt(lambda: perform(task.run, task.reference, progress, crew).write(out))
    return failure


def _attempt(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except UserError as problem:
        return Failure(str(problem), by_user=True)
    except Exception as problem:  # noqa: BLE001 - whatever an algorithm of somebody else's may raise
        return Failure(f"{type(problem).__name__}: {problem}", traceback.format_exc())


# ----------------------------------------------------------------------------------------- on a cluster
def over_cluster(tasks: Sequence[Task], cluster: Cluster) -> Iterator[Result]:
    """As many at a time as the cluster has threads or CPUs to give. Raises UserError."""
    return {"dask": _over_dask, "ray": _over_ray}[cluster.kind](tasks, cluster.address)


def _over_dask(tasks: Sequence[Task], address: str) -> Iterator[Result]:
    distributed = _client("dask", "distributed")
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise _unreachable("Dask scheduler", address, problem) from problem
    with client:
        planned = {client.submit(_there, task, pure=False): task for task in tasks}
        for future in distributed.as_completed(list(planned), loop=client.loop):
            task = planned.pop(future)
            lost = future.status != "finished"
            yield task, _lost(future.exception()) if lost else future.result()
            future.release()


def _over_ray(tasks: Sequence[Task], address: str) -> Iterator[Result]:
    ray = _client("ray", "ray")
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as problem:
        raise _unreachable("Ray cluster", address, problem) from problem
    try:
        submit = ray.remote(num_cpus=1, max_retries=0)(_there).remote
        planned = {submit(task): task for task in tasks}
        while planned:
            (future,), _ = ray.wait(list(planned), num_returns=1)
            task = planned.pop(future)
            try:
                result = ray.get(future)
            except ray.exceptions.RayError as problem:
                result = _lost(problem)
            yield task, result
    finally:
        ray.shutdown()


def _client(extra: str, module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise UserError(
            f"--backend {extra} needs a package that is not installed ({problem}): "
            f"pip install 'rfast-bench[{extra}]'"
        ) from problem


def _unreachable(what: str, address: str, problem: Exception) -> UserError:
    return UserError(f"no {what} answers at {address}: {' '.join(str(problem).split())}")


def _lost(problem: BaseException | None) -> Failure:
    return Failure(f"the cluster lost it: {type(problem).__name__}: {problem}")


def _there(task: Task) -> Record | Failure:
    """On a machine of the cluster: the run, in a process of its own."""
    try:
        found: Record | Failure = spawned(_checked, task)
    except Died as how:
        return Failure(f"on {socket.gethostname()}: {how}")
    return found


def _checked(task: Task) -> Record | Failure:
    """The run, if the files that it names are here what they are there."""
    result: Record | Failure = _attempt(partial(_same, task))
    return result


def _same(task: Task) -> Record:
    if replace(task.run).hash != task.run.hash:  # a copy knows no hash yet
        raise UserError(
            f"{task.run.point.source}: {socket.gethostname()} of the cluster has another version of rfast-bench, "
            "of the algorithm or of the data than this machine, or lacks the files that the scenario names"
        )
    return perform(task.run, task.reference, lambda share: None)
