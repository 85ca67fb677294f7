"""A problem that is a class of the user's own: built, and looked at before anything runs."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from rfast_bench.errors import UserError
from rfast_bench.problems.base import Problem, read_only
from rfast_bench.scenario.problem.kinds import PlugInSpec
from rfast_bench.scenario.user_files.modules import MISTAKES


def plugged_in(spec: PlugInSpec, workers: int, seed: int, where: str) -> Problem:
    """The problem of a class of the user's, built with its parameters.

    Raises UserError, its keys starting with `where`, when the class is none, or does not give what it must.
    """
    found = spec.load()
    if not issubclass(found, Problem):
        raise UserError(f"{where}.kind: '{spec.kind}' is not a subclass of rfast_bench.problems.base.Problem")
    if inspect.isabstract(found):
        raise UserError(
            f"{where}.kind: '{spec.kind}' does not define {', '.join(sorted(found.__abstractmethods__))}"
        )
    make: Any = found
    try:
        problem: Problem = make(workers, seed, **spec.parameters)
    except UserError:
        raise
    except MISTAKES as wrong:
        raise UserError(f"{where}: {found.__name__} cannot be built: {raised(wrong)}") from wrong
    if seen := incomplete(problem, workers):
        raise UserError(f"{where}.kind: {found.__name__}: {seen}")
    problem.start = read_only(problem.start)
    return problem


def raised(wrong: BaseException) -> str:
    """`ValueError: too few rows (my_problem.py, line 12)`."""
    at = traceback.extract_tb(wrong.__traceback__)[-1]
    return f"{type(wrong).__name__}: {wrong} ({Path(at.filename).name}, line {at.lineno})"


def incomplete(problem: Problem, workers: int | None = None) -> str:
    """What is missing or wrong of what a problem must have from its start, if anything."""
    missing = [name for name in ("workers", "dim", "samples", "dtype", "start") if not hasattr(problem, name)]
    if missing:
        return f"sets no {', '.join(missing)}"
    if workers is not None and problem.workers != workers:
        return f"workers is {problem.workers}; it was asked for {workers}"
    for name in ("workers", "dim", "samples"):
        value = getattr(problem, name)
        if not isinstance(value, int | np.integer) or value < 1:
            return f"{name} is {value!r}; expected a whole number of at least 1"
    start, dtype = problem.start, np.dtype(problem.dtype)
    if dtype.kind != "f":
        return f"dtype is {dtype}; expected float64 or float32"
    if not isinstance(start, np.ndarray) or start.shape != (problem.dim,) or start.dtype != dtype:
        found = f"{start.dtype} {start.shape}" if isinstance(start, np.ndarray) else repr(start)
        return f"start is {found}; expected an array of {dtype} of shape ({problem.dim},)"
    return "" if np.isfinite(start).all() else "start holds a number that is not finite"
