"""Runs of a sweep on an existing Dask or Ray cluster, each in a fresh interpreter there.

A process of the cluster was started by somebody else, in whatever folder. What it is sent is therefore a function by
value, which needs nothing of ours (`carried`), and a task that is read only when the right package is imported.
"""

from __future__ import annotations

import importlib
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType
from typing import Any, Literal

from rfast_bench.errors import UserError
from rfast_bench.processes.environment import ROOT
from rfast_bench.processes.isolated import Died, spawned
from rfast_bench.study.backends import Failure, Result, Task, attempt
from rfast_bench.study.run import Record, perform

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
        planned = {client.submit(by_value(carried), *_packed(task), pure=False): task for task in tasks}
        for future in distributed.as_completed(list(planned), loop=client.loop):
            task = planned.pop(future)
            lost = future.status != "finished"
            yield task, _lost(future.exception()) if lost else pickle.loads(future.result())
            future.release()


def _over_ray(tasks: Sequence[Task], address: str) -> Iterator[Result]:
    ray = _client("ray", "ray")
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as problem:
        raise _unreachable("Ray cluster", address, problem) from problem
    try:
        submit = ray.remote(num_cpus=1, max_retries=0)(by_value(carried)).remote
        planned = {submit(*_packed(task)): task for task in tasks}
        while planned:
            (future,), _ = ray.wait(list(planned), num_returns=1)
            task = planned.pop(future)
            try:
                result = pickle.loads(ray.get(future))
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
def carried(task: bytes, root: str) -> bytes:
    """On a process of the cluster: import the package that the launcher has, and do the task with it.

    Where the launcher's folder does not exist, the package that is installed there; never what happens to lie in the
    working folder. It travels by value: it may name nothing outside itself.
    """
    import importlib
    import importlib.util
    import os
    import sys

    if "rfast_bench" not in sys.modules:
        before, here = list(sys.path), os.getcwd()
        sys.path[:] = [folder for folder in before if folder and os.path.realpath(folder) != here]
        found = importlib.util.find_spec("rfast_bench")
        package = os.path.join(root, "rfast_bench")
        origin = None if found is None else found.origin
        if os.path.isdir(package) and (
            origin is None or os.path.dirname(os.path.realpath(origin)) != package
        ):
            sys.path.insert(0, root)
            importlib.invalidate_caches()
        try:
            importlib.import_module("rfast_bench.study.cluster")
        finally:
            sys.path[:] = before
    answer: bytes = importlib.import_module("rfast_bench.study.cluster").answer(task)
    return answer


def by_value(function: Any) -> Callable[..., bytes]:
    """The same function as one of `__main__`: pickled for a cluster, it takes its code along."""
    copy = FunctionType(function.__code__, {"__name__": "__main__", "__builtins__": __builtins__})
    copy.__module__ = "__main__"
    return copy


def _packed(task: Task) -> tuple[bytes, str]:
    return pickle.dumps(task), str(ROOT)


def answer(task: bytes) -> bytes:
    """A record or a failure, pickled: the run is done in a process of its own."""
    try:
        found: Record | Failure = spawned(_checked, pickle.loads(task))
    except Died as how:
        found = Failure(f"on {socket.gethostname()}: {how}")
    return pickle.dumps(found)


def _checked(task: Task) -> Record | Failure:
    """The run, if the files that it names are here what they are there."""
    result: Record | Failure = attempt(partial(_same, task))
    return result


def _same(task: Task) -> Record:
    if replace(task.run).hash != task.run.hash:  # a copy knows no hash yet
        raise UserError(
            f"{task.run.point.source}: {socket.gethostname()} of the cluster has another version of rfast-bench, "
            "of the algorithm or of the data than this machine, or lacks the files that the scenario names"
        )
    return perform(task.run, task.reference, lambda share: None)
