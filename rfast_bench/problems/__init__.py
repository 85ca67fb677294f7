"""What the workers optimise. `build` makes a problem from its scenario, `reference` finds its optimum.

Takes: the `problem` section of a scenario.
Gives: gradients, objectives, optima, and what is measured of models (`evaluation.py`).
May import: scenario, and the contract (`api`, `errors`, `files`).

`base.py` is the contract of a problem, `conformance/` tries whether one keeps it; `data/` reads data sets and deals
them to workers; `networks/` makes problems of torch modules.
"""

from __future__ import annotations

import numpy as np

from rfast_bench.errors import UserError
from rfast_bench.problems.base import Batch, Problem
from rfast_bench.problems.data.datasets import Data, Labels, load
from rfast_bench.problems.data.partition import deal
from rfast_bench.problems.data.targets import Task
from rfast_bench.problems.linear import LinearRegression
from rfast_bench.problems.logistic import BinaryLogistic, Softmax
from rfast_bench.problems.plug_in import plugged_in
from rfast_bench.problems.quadratic import Quadratic
from rfast_bench.problems.reference import Reference, has_reference, reference
from rfast_bench.problems.sampled import Batching
from rfast_bench.problems.seats import Seats, bare, seated
from rfast_bench.scenario.problem.kinds import (
    LearningSpec,
    LinearSpec,
    MlpSpec,
    PlugInSpec,
    ProblemSpec,
    QuadraticSpec,
    TorchSpec,
)
from rfast_bench.scenario.problem.partitions import ColumnPartition
from rfast_bench.scenario.values.base import is_code

__all__ = [
    "Batch",
    "Problem",
    "ProblemSpec",
    "Reference",
    "build",
    "dealt",
    "evaluated_on",
    "has_reference",
    "placed",
    "reference",
    "seated",
]

TASKS: dict[str, Task] = {
    **{"logistic-regression": "classes", "mlp": "classes", "linear-regression": "numbers"},
    **{"cross-entropy": "classes", "mse": "numbers"},
}
"""What a kind of problem, or a network with that loss, learns; of others the targets' type decides."""
NUMBERS = ("diabetes", "synthetic-regression")
CLASSES = (
    *("digits", "breast_cancer", "wine", "synthetic", "text"),
    *("mnist", "fashion-mnist", "cifar-10", "cifar-100", "svhn", "femnist"),
)
"""Data sets by what their targets are; of the others they may be either."""
MOST_TOLD = 5
"""Values that a message names."""


def build(spec: ProblemSpec, workers: int, seed: int, where: str = "problem") -> Problem:
    """The problem that `spec` describes, dealt to `workers` workers (at least 1).

    `seed` (0 or more) decides how samples are dealt and where a network starts; data, split and optimum do
    not depend on it. Raises UserError, its keys starting with `where`, when data cannot be read or dealt.
    """
    if isinstance(spec, QuadraticSpec):
        return Quadratic(spec, workers)
    if isinstance(spec, PlugInSpec):
        return plugged_in(spec, workers, seed, where)
    data, shards = dealt(spec, workers, seed, where)
    _, starting = np.random.default_rng(seed).spawn(2)
    size = None if spec.batch_size == "full" else spec.batch_size
    batching = Batching(size, spec.sampling == "with-replacement")
    if isinstance(spec, MlpSpec):
        from rfast_bench.problems.mlp import MLP  # imports torch, which takes a second or more

        return MLP(data, shards, batching, spec.l2, spec.hidden, spec.activation, starting)
    if isinstance(spec, TorchSpec):
        from rfast_bench.problems.network import build as build_network  # imports torch

        network = build_network(spec, data, shards, batching, seed, where)
        network.note = _numbered(spec, data, where)
        return network
    if isinstance(spec, LinearSpec):
        return LinearRegression(data, shards, batching, spec.l2)
    kind = BinaryLogistic if data.classes == 2 else Softmax
    return kind(data, shards, batching, spec.l2)


def dealt(spec: LearningSpec, workers: int, seed: int, where: str = "problem") -> tuple[Data, list[Labels]]:
    """The data of a problem, and each worker's rows of them; see `build`."""
    dealing, _ = np.random.default_rng(seed).spawn(2)
    partition, task = spec.partition, _task(spec, where)
    owner = partition.column if isinstance(partition, ColumnPartition) else None
    shaped = isinstance(spec, TorchSpec)
    data = load(spec.dataset, spec.test_fraction, spec.dtype, where, task=task, owner=owner, shaped=shaped)
    return data, deal(partition, data, workers, dealing, f"{where}.partition")


def _task(spec: LearningSpec, where: str) -> Task | None:
    """What is learned. Raises UserError when it is numbers and the data set's targets are known to be classes, or the
    other way round."""
    task = TASKS.get(spec.loss if isinstance(spec, TorchSpec) else spec.kind)
    if isinstance(spec, TorchSpec) and spec.targets:
        task = spec.targets
    kind = spec.dataset.kind
    if task == "numbers" and kind in CLASSES:
        raise UserError(
            f"{where}.dataset: {kind} has classes, and {spec.kind} learns numbers here; "
            f"allowed: {', '.join(NUMBERS)}, data of your own, or a problem that learns classes"
        )
    if task == "classes" and kind in NUMBERS:
        raise UserError(
            f"{where}.dataset: {kind} has numbers as targets, and {spec.kind} learns classes here; "
            "allowed: another data set, or problem.kind: linear-regression"
        )
    return task


def _numbered(spec: TorchSpec, data: Data, where: str) -> str:
    """What to say where a loss of the user's own gets the places of whole numbers in place of these, unless asked."""
    names = data.names or ()
    if not is_code(spec.loss) or spec.targets or not names or not all(map(_is_whole, names)):
        return ""
    some = ", ".join(names[:MOST_TOLD]) + (", ..." if len(names) > MOST_TOLD else "")
    return (
        f"{where}.targets: whole numbers ({some}) are taken as classes, and problem.loss gets 0 to {len(names) - 1}; "
        "say targets: numbers if it shall get them as they are, or targets: classes"
    )


def _is_whole(word: str) -> bool:
    return word.removeprefix("-").isdecimal()


def placed(problem: Problem, device: str) -> Problem:
    """The problem with its tensors on `device`, such as `cuda:0`; on the `cpu` it stays a matter of NumPy."""
    if device == "cpu":
        return problem
    if isinstance(problem, Seats):
        return Seats(placed(problem.dealt, device), problem.computing, problem.workers)
    from rfast_bench.problems.tensors import OnDevice  # imports torch

    return OnDevice(problem, device)


def evaluated_on(problem: Problem, device: str) -> Problem:
    """What measures the problem's models on `device`, such as `cuda`; models come and answers go on the host.

    It is the problem itself on the `cpu`, and for all that is no network: there the host is as good.
    """
    if device == "cpu":
        return problem
    from rfast_bench.problems.tensors import looking  # imports torch

    return looking(bare(problem), device)
