"""Checkpoints: the mean model at the end of a run, as one safetensors file that every framework reads."""

from __future__ import annotations

import numpy as np

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem
from rfast_bench.problems.base import Array
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.records.writing import CHECKPOINT

WRONG = (TypeError, ValueError, LookupError, AttributeError)
"""What arrays that the format does not know raise, and what is no array."""


def wanted(run: Run) -> bool:
    """Whether this run leaves its model; those that only find a step size do not."""
    return run.scenario.checkpoint and run.point.purpose == "report"


def checkpoint(problem: Problem, x: Array) -> bytes:
    """The model x (d,) as the bytes of a file; equal models give equal bytes."""
    from safetensors.numpy import save  # only for those who want it

    arrays = {name: np.ascontiguousarray(array) for name, array in problem.named(x).items()}
    data: bytes = save(arrays, metadata={"format": "pt"})
    return data


def files(run: Run, evaluator: Evaluator) -> dict[str, bytes]:
    """The run's checkpoint, if it is wanted: the model of its last look."""
    return {CHECKPOINT: checkpoint(evaluator.problem, evaluator.mean)} if wanted(run) else {}


def check(run: Run, problem: Problem) -> None:
    """Raises UserError where a checkpoint is wanted and cannot hold what the model consists of."""
    if not wanted(run):
        return
    try:
        checkpoint(problem, problem.start)
    except WRONG as wrong:
        raise UserError(
            f"{run.point.source}: checkpoint: this model cannot be kept as named tensors of numbers: "
            f"{type(wrong).__name__}: {wrong}; leave checkpoint out"
        ) from wrong
