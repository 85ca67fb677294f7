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
from rfast_bench.problems.data.datasets import Data, load
from rfast_bench.problems.data.partition import deal
from rfast_bench.problems.linear import LinearRegression
from rfast_bench.problems.logistic import BinaryLogistic, Softmax
from rfast_bench.problems.plug_in import plugged_in
from rfast_bench.problems.quadratic import Quadratic
from rfast_bench.problems.reference import Reference, reference
from rfast_bench.problems.sampled import Batching
from rfast_bench.scenario.sections.problem import (
    LinearSpec,
    LogisticSpec,
    MlpSpec,
    PlugInSpec,
    ProblemSpec,
    QuadraticSpec,
    TorchSpec,
)

__all__ = ["Batch", "Problem", "ProblemSpec", "Reference", "build", "placed", "reference"]


def build(spec: ProblemSpec, workers: int, seed: int, where: str = "problem") -> Problem:
    """The problem that `spec` describes, dealt to `workers` workers (at least 1).

    `seed` (0 or more) decides how samples are dealt and where a network starts; data, split and optimum do
    not depend on it. Raises UserError, its keys starting with `where`, when data cannot be read or dealt.
    """
    if isinstance(spec, QuadraticSpec):
        return Quadratic(spec, workers)
    if isinstance(spec, PlugInSpec):
        return plugged_in(spec, workers, seed, where)
    dealing, starting = np.random.default_rng(seed).spawn(2)
    data = load(spec.dataset, spec.test_fraction, spec.dtype, where)
    if not isinstance(spec, TorchSpec):  # whose loss says what it learns
        _check_targets(spec, data, where)
    shards = deal(spec.partition, data.labels, workers, dealing, f"{where}.partition")
    size = None if spec.batch_size == "full" else spec.batch_size
    batching = Batching(size, spec.sampling == "with-replacement")
    if isinstance(spec, MlpSpec):
        from rfast_bench.problems.mlp import MLP  # imports torch, which takes a second or more

        return MLP(data, shards, batching, spec.l2, spec.hidden, spec.activation, starting)
    if isinstance(spec, TorchSpec):
        from rfast_bench.problems.network import build as build_network  # imports torch

        return build_network(spec, data, shards, batching, seed, where)
    if isinstance(spec, LinearSpec):
        return LinearRegression(data, shards, batching, spec.l2)
    kind = BinaryLogistic if data.classes == 2 else Softmax
    return kind(data, shards, batching, spec.l2)


def _check_targets(spec: LinearSpec | LogisticSpec | MlpSpec, data: Data, where: str) -> None:
    """Raises UserError when classes are to be learned from numbers, or the other way round."""
    if isinstance(spec, LinearSpec) and data.classes:
        raise UserError(
            f"{where}.dataset: {spec.dataset.kind} has {data.classes} classes, and linear-regression learns numbers; "
            "allowed: diabetes, synthetic-regression, or problem.kind: logistic-regression"
        )
    if not isinstance(spec, LinearSpec) and not data.classes:
        raise UserError(
            f"{where}.dataset: {spec.dataset.kind} has numbers as targets, and {spec.kind} learns classes; "
            "allowed: another data set, or problem.kind: linear-regression"
        )


def placed(problem: Problem, device: str) -> Problem:
    """The problem with its tensors on `device`, such as `cuda:0`; on the `cpu` it stays a matter of NumPy."""
    if device == "cpu":
        return problem
    from rfast_bench.problems.tensors import OnDevice  # imports torch

    return OnDevice(problem, device)
