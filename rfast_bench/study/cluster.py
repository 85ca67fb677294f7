"""Runs of a sweep on an existing Dask or Ray cluster, each in a fresh interpreter there.

A process of the cluster was started by somebody else, in whatever folder: see `processes/fresh.py`. The run is done
only by the same suite, algorithm and data as here.
"""

from __future__ import annotations

import importlib
import pickle
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from rfast_bench.errors import UserError
from rfast_bench.processes.environment import digest
from rfast_bench.processes.fresh import Ending, by_value, fresh, packed
from rfast_bench.processes.isolated import Died
from rfast_bench.study.backends import Failure, Result, Task, attempt, done
from rfast_bench.study.run import Record

PATIENCE = 10
"""Seconds that a cluster is given to answer."""


@dataclass(frozen=True)
class Cluster:
    """An existing cluster and its address, as its own client takes it."""

    kind: Literal["dask", "ray"]
    address: str


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
        planned = {client.submit(by_value(fresh), *_packed(task), pure=False): task for task in tasks}
        for future in distributed.as_completed(list(planned), loop=client.loop):
            task = planned.pop(future)
            lost = future.status != "finished"
            yield task, _lost(future.exception()) if lost else _result(future.result())
            future.release()


def _over_ray(tasks: Sequence[Task], address: str) -> Iterator[Result]:
    ray = _client("ray", "ray")
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as problem:
        raise _unreachable("Ray cluster", address, problem) from problem
    try:
        submit = ray.remote(num_cpus=1, max_retries=0)(by_value(fresh)).remote
        planned = {submit(*_packed(task)): task for task in tasks}
        while planned:
            (future,), _ = ray.wait(list(planned), num_returns=1)
            task = planned.pop(future)
            try:
                result = _result(ray.get(future))
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
            f"pip install '.[{extra}]' in the folder of rfast-bench"
        ) from problem


def _unreachable(what: str, address: str, problem: Exception) -> UserError:
    return UserError(f"no {what} answers at {address}: {' '.join(str(problem).split())}")


def _lost(problem: BaseException | None) -> Failure:
    return Failure(f"the cluster lost it: {type(problem).__name__}: {problem}")


# ------------------------------------------------------------------------------------------------ there
def _packed(task: Task) -> tuple[bytes, str, dict[str, str]]:
    return packed(_checked, task, digest())


def _result(ending: Ending) -> Record | Failure:
    code, answer, said, host = ending
    if not answer:
        return Failure(f"on {host}: {Died(code, said)}")
    found: Record | Failure = pickle.loads(answer)
    return found


def _checked(task: Task, sources: str) -> Record | Failure:
    """The run, if the suite and the files that it names are here what they are there."""
    result: Record | Failure = attempt(partial(_same, task, sources))
    return result


def _same(task: Task, sources: str) -> Record:
    if digest() != sources or replace(task.run).hash != task.run.hash:  # a copy knows no hash yet
        raise UserError(
            f"{task.run.point.source}: {socket.gethostname()} of the cluster has another version of rfast-bench, "
            "of the algorithm or of the data than this machine, or lacks the files that the scenario names"
        )
    return done(task)
