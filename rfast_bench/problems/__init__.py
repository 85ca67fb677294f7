"""What the workers optimise. `build` makes a problem from its scenario, `reference` finds its optimum.

Takes: the `problem` section of a scenario.
Gives: gradients, objectives, optima, and what is measured of models (`evaluation.py`).
May import: scenario, and the contract (`api`, `errors`, `files`).

`base.py` is the contract of a problem; `data/` reads data sets and deals them to workers.
"""

from __future__ import annotations

import numpy as np

from rfast_bench.problems.base import Batch, Problem
from rfast_bench.problems.data.datasets import Data, Labels, load
from rfast_bench.problems.data.partition import deal
from rfast_bench.problems.data.targets import Task
from rfast_bench.problems.logistic import BinaryLogistic, Softmax
from rfast_bench.problems.quadratic import Quadratic
from rfast_bench.problems.reference import Reference, reference
from rfast_bench.problems.sampled import Batching
from rfast_bench.scenario.sections.data import ColumnPartition
from rfast_bench.scenario.sections.problem import LearningSpec, MlpSpec, ProblemSpec, QuadraticSpec

__all__ = ["Batch", "Problem", "ProblemSpec", "Reference", "build", "dealt", "placed", "reference"]

TASKS: dict[str, Task] = {"logistic-regression": "classes", "mlp": "classes", "linear-regression": "numbers"}
"""What a kind of problem learns; of others the targets' type decides."""


def build(spec: ProblemSpec, workers: int, seed: int, where: str = "problem") -> Problem:
    """The problem that `spec` describes, dealt to `workers` workers (at least 1).

    `seed` (0 or more) decides how samples are dealt and where a network starts; data, split and optimum do
    not depend on it. Raises UserError, its keys starting with `where`, when data cannot be read or dealt.
    """
    if isinstance(spec, QuadraticSpec):
        return Quadratic(spec, workers)
    data, shards = dealt(spec, workers, seed, where)
    _, starting = np.random.default_rng(seed).spawn(2)
    size = None if spec.batch_size == "full" else spec.batch_size
    batching = Batching(size, spec.sampling == "with-replacement")
    if isinstance(spec, MlpSpec):
        from rfast_bench.problems.mlp import MLP  # imports torch, which takes a second or more

        return MLP(data, shards, batching, spec.l2, spec.hidden, spec.activation, starting)
    kind = BinaryLogistic if data.classes == 2 else Softmax
    return kind(data, shards, batching, spec.l2)


def dealt(spec: LearningSpec, workers: int, seed: int, where: str = "problem") -> tuple[Data, list[Labels]]:
    """The data of a problem, and each worker's rows of them; see `build`."""
    dealing, _ = np.random.default_rng(seed).spawn(2)
    partition = spec.partition
    owner = partition.column if isinstance(partition, ColumnPartition) else None
    data = load(spec.dataset, spec.test_fraction, spec.dtype, where, task=TASKS.get(spec.kind), owner=owner)
    return data, deal(partition, data, workers, dealing, f"{where}.partition")


def placed(problem: Problem, device: str) -> Problem:
    """The problem with its tensors on `device`, such as `cuda:0`; on the `cpu` it stays a matter of NumPy."""
    if device == "cpu":
        return problem
    from rfast_bench.problems.tensors import OnDevice  # imports torch

    return OnDevice(problem, device)
