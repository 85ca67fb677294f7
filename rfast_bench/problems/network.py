"""A mean loss over samples, of any torch module: `f_i(x) = (n m_i / M) · mean loss over shard i + (l2/2)‖x‖²`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rfast_bench.problems.base import Array, Batch, read_only
from rfast_bench.problems.data.datasets import Data, Labels
from rfast_bench.problems.networks import together
from rfast_bench.problems.networks.backward import cut, in_parts
from rfast_bench.problems.networks.build import Prepared, prepare
from rfast_bench.problems.networks.engine import Rows
from rfast_bench.problems.networks.flat import as_array
from rfast_bench.problems.networks.randomness import Drawn
from rfast_bench.problems.sampled import Batching, SampledProblem
from rfast_bench.scenario.problem.kinds import TorchSpec

LOOKED_AT = 10_000
"""Training samples that the objective is of, at most and unless said otherwise: a fixed choice among more."""


class TorchProblem(SampledProblem):
    """The loss of a module in training mode; its objective and metric are those of evaluation mode.

    Where the two differ (BatchNorm, dropout) the mean of the workers' gradients is not the objective's gradient.
    """

    convex = False

    def __init__(self, prepared: Prepared, shards: Sequence[Labels], batching: Batching, l2: float) -> None:
        super().__init__(shards, batching)
        self.engine, self._joins, self.l2 = prepared.engine, prepared.joins, l2
        engine, self._order = prepared.engine, np.concatenate(shards)
        start = engine.flat.vector.numpy().copy()
        self.dim, self.dtype, self.start = len(start), start.dtype, read_only(start)
        self.together = together.pays(engine)
        self.largest_batch = 64 if self.together else 1
        self.gradient_bytes = prepared.gradient_bytes + 4 * start.nbytes
        self.looked_at = _some(np.sort(self._order), LOOKED_AT)
        self.features = engine.train.inputs.numpy()

    def on(self, device: torch.device) -> TorchProblem:
        """The same with its module and data on a device; its `start` stays on the host."""
        other = copy(self)
        other.engine = self.engine.on(device)
        return other

    def looking_at(self, most: int | None) -> TorchProblem:
        """The same with an objective over so many samples at most, a fixed choice; None is all."""
        other = copy(self)
        rows = np.sort(self._order)
        other.looked_at = rows if most is None else _some(rows, most)
        return other

    # ----------------------------------------------------------------------------------- mini-batches
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """See `Problem`; batches of a module that draws are numbered."""
        batches = super().sampler(worker, rng)
        if not self.engine.random:
            return batches
        return (Drawn(rows, number) for number, rows in enumerate(batches))

    def _passes(self, worker: int, size: int, rng: np.random.Generator) -> Iterator[list[Batch]]:
        for batches in super()._passes(worker, size, rng):
            yield _joined(batches) if self._joins else batches

    def size(self, worker: int, batch: Batch) -> int:
        """See `Problem`."""
        return super().size(worker, batch.rows if isinstance(batch, Drawn) else batch)

    def rows(self, worker: int, batch: Batch) -> Any:
        """Which of the samples, in the workers' order, a batch holds: numbers, or a slice for the whole shard."""
        picked = batch.rows if isinstance(batch, Drawn) else batch
        return slice(*self.bounds[worker : worker + 2]) if picked is None else picked

    def samples_of(self, worker: int, batch: Batch) -> Rows:
        """The rows of the data set that a batch of a worker holds."""
        held: Rows = self._order[self.rows(worker, batch)]
        return held

    # -------------------------------------------------------------------------------------- gradients
    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        """See `Problem`."""
        gradients = as_array(self.tensors(workers, points, batches))
        if self.l2:
            gradients += self.l2 * np.asarray(points, self.dtype)
        return gradients

    def tensors(self, workers: Sequence[int], points: Any, batches: Sequence[Batch]) -> Sequence[Tensor]:
        """The same without l2, as tensors (d,) on the engine's device, where points may be."""
        engine = self.engine
        rows = [self.samples_of(worker, batch) for worker, batch in zip(workers, batches, strict=True)]
        shares = self._shares[np.asarray(workers)]
        if self.together and len(rows) > 1 and len({len(own) for own in rows}) == 1:
            return together.gradients(engine, points, rows, shares)
        return [
            engine.gradient(x, own, share, worker, batch.number if isinstance(batch, Drawn) else 0)
            for x, own, share, worker, batch in zip(
                points, rows, shares.tolist(), workers, batches, strict=True
            )
        ]

    def parts(self, full: float) -> Sequence[slice]:
        """See `Problem`: whole parameters, filled from the last one on."""
        return cut(self.engine.flat, full)

    def in_parts(
        self, worker: int, x: Array, batch: Batch, parts: Sequence[slice], there: Callable[[Tensor], None]
    ) -> Array:
        """See `Problem`."""
        engine, rows = self.engine, self.samples_of(worker, batch)
        number = batch.number if isinstance(batch, Drawn) else 0
        loss = engine.training_loss(x, rows, float(self._shares[worker]), worker, number)

        def given(part: slice, values: Tensor) -> None:
            if self.l2:
                values.add_(engine.flat.vector[part], alpha=self.l2)
            there(values)

        gradient: Array = in_parts(engine.flat, loss, parts, given).numpy()
        return gradient

    # --------------------------------------------------------------------------------------- evaluation
    def objective(self, x: Array) -> tuple[float, Array]:
        """See `Problem`: of evaluation mode, over the samples looked at. The module computes in its own type,
        sums are in float64."""
        self.engine.settle(x)
        loss, slope = self.engine.loss_and_gradient(self.looked_at)
        gradient = slope.cpu().numpy() + self.l2 * np.asarray(x, np.float64)
        return loss + self._penalty(x), gradient.astype(np.asarray(x).dtype, copy=False)

    def loss(self, x: Array) -> float:
        """See `Problem`."""
        self.engine.settle(x)
        return self.engine.loss(self.looked_at) + self._penalty(x)

    def _penalty(self, x: Array) -> float:
        model = np.asarray(x, np.float64)
        return self.l2 / 2 * float(model @ model)

    def accuracy(self, x: Array) -> float:
        """The metric of the model x (d,) over the held-out samples; nan without one."""
        self.engine.settle(x)
        return self.engine.measure()

    def named(self, x: Array) -> dict[str, Array]:
        """The state of the module as it is evaluated at x (d,): parameters, and buffers with its statistics."""
        self.engine.settle(x)
        state = self.engine.flat.module.state_dict()
        odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
        if odd:
            raise TypeError(f"'{odd[0]}' is a {type(state[odd[0]]).__name__}, no tensor")
        return {name: value.detach().cpu().numpy() for name, value in state.items()}


def _joined(batches: list[Batch]) -> list[Batch]:
    """Batches of some local passes, none of one sample: such a last one joins the batch before it."""
    whole: list[Batch] = []
    for batch in batches:
        if len(batch) == 1 and whole:
            whole[-1] = np.concatenate([whole[-1], batch])
        else:
            whole.append(batch)
    return whole


def _some(rows: Rows, most: int) -> Rows:
    """All rows, or a fixed choice among more."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def build(
    spec: TorchSpec, data: Data, shards: Sequence[Labels], batching: Batching, seed: int, where: str
) -> TorchProblem:
    """The problem. Raises UserError, its keys starting with `where`, for a module that cannot be trained."""
    prepared = prepare(spec, data, shards, batching.size, seed, where)
    return TorchProblem(prepared, shards, batching, spec.l2)
