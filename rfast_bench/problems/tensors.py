"""A problem whose data, points and gradients are torch tensors on one device, such as `cuda:0`.

The closed forms are those of `logistic.py` and `quadratic.py`, the network's gradients those of `mlp.py`. Sampling
and evaluation stay on the host, so that a device changes nothing but rounding.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rfast_bench.problems.base import Array, Batch, Problem, on_host
from rfast_bench.problems.linear import LinearRegression
from rfast_bench.problems.logistic import BinaryLogistic, Softmax
from rfast_bench.problems.mlp import MLP
from rfast_bench.problems.network import TorchProblem
from rfast_bench.problems.quadratic import Quadratic
from rfast_bench.problems.sharded import ShardedProblem


class OnDevice(Problem):
    """The same problem as `problem`, its models of shape (d,) on `device`; its `start` is such a model."""

    def __init__(self, problem: Problem, device: str) -> None:
        self._host = problem
        self.device = torch.device(device)
        self.workers, self.dim, self.samples = problem.workers, problem.dim, problem.samples
        self.dtype, self.convex = problem.dtype, problem.convex
        self.passes, self.additive = problem.passes, problem.additive
        self.gradient_bytes = problem.gradient_bytes
        if self.device.type != "cpu":
            self.batch_bytes = 2**28
            self.largest_batch = 4096 if problem.largest_batch > 1 else 1
        self.start: Any = torch.from_numpy(problem.start.copy()).to(self.device)
        self._kernel = kernel_of(problem, self.device)
        self._looks: Problem = self._kernel.looks or problem

    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """See `Problem`."""
        return self._host.sampler(worker, rng)

    def size(self, worker: int, batch: Batch) -> int:
        """See `Problem`."""
        return self._host.size(worker, batch)

    def stack(self, points: Sequence[Any]) -> Any:
        """See `Problem`."""
        return torch.stack(list(points))

    def split(self, values: Any) -> list[Any]:
        """See `Problem`."""
        return [row.clone() for row in values]

    def gradients(self, workers: Sequence[int], points: Any, batches: Sequence[Batch]) -> Any:
        """See `Problem`; tensors in and out."""
        return self._kernel(workers, points, batches)

    def objective(self, x: Any) -> tuple[float, Array]:
        """See `Problem`; computed on the host, but for a network's."""
        return self._looks.objective(on_host(x))

    def loss(self, x: Any) -> float:
        """See `Problem`; computed where the objective is."""
        return self._looks.loss(on_host(x))

    def losses(self, models: Sequence[Any]) -> list[float]:
        """See `Problem`; computed where the objective is."""
        return self._looks.losses([on_host(x) for x in models])

    def accuracy(self, x: Any) -> float:
        """See `Problem`; computed where the objective is."""
        return self._looks.accuracy(on_host(x))

    def named(self, x: Any) -> dict[str, Array]:
        """See `Problem`; computed where the objective is."""
        return self._looks.named(on_host(x))

    def reference(self) -> Array | None:
        """See `Problem`; on the host."""
        return self._host.reference()


def looking(problem: Problem, device: str) -> Problem:
    """A network's problem with an engine of its own on a device; any other as it is."""
    return problem.on(torch.device(device)) if isinstance(problem, TorchProblem) else problem


class Kernel(ABC):
    """Many workers' gradients on one device."""

    looks: Problem | None = None
    """What evaluates models in the place of the problem on the host; models come and answers go on the host."""

    @abstractmethod
    def __call__(self, workers: Sequence[int], points: Tensor, batches: Sequence[Batch]) -> Tensor:
        """Points (k, d) to gradients (k, d)."""


@singledispatch
def kernel_of(problem: Problem, device: torch.device) -> Kernel:
    """The kernel of a kind of problem; of one that has none, such as a user's own, gradients from the host."""
    return HostKernel(problem, device)


class HostKernel(Kernel):
    """Gradients are computed on the host as ever; only models and messages live on the device."""

    def __init__(self, problem: Problem, device: torch.device) -> None:
        self._problem, self._device = problem, device

    def __call__(self, workers: Sequence[int], points: Tensor, batches: Sequence[Batch]) -> Tensor:
        rows = self._problem.gradients(workers, on_host(points), batches)
        return torch.from_numpy(np.ascontiguousarray(rows)).to(self._device)


class QuadraticKernel(Kernel):
    """`H_i (x − b_i)` plus the noise."""

    def __init__(self, problem: Quadratic, device: torch.device) -> None:
        self._hessians = torch.from_numpy(problem.hessians).to(device)
        self._minima = torch.from_numpy(problem.minima).to(device)

    def __call__(self, workers: Sequence[int], points: Tensor, batches: Sequence[Batch]) -> Tensor:
        ids = torch.as_tensor(workers, device=points.device)
        gaps = points - self._minima[ids]
        gradients = torch.matmul(self._hessians[ids], gaps[:, :, None])[:, :, 0]
        if batches[0] is None:
            return gradients
        return gradients + torch.from_numpy(np.stack(batches)).to(points.device)


class ShardedKernel(Kernel):
    """What problems over samples share: rows are gathered on the device by numbers that come from the host."""

    def __init__(self, problem: ShardedProblem, device: torch.device) -> None:
        self._problem, self._device = problem, device
        self._features = torch.from_numpy(problem.features).to(device)
        self._labels = torch.from_numpy(problem.labels).to(device)

    def __call__(self, workers: Sequence[int], points: Tensor, batches: Sequence[Batch]) -> Tensor:
        ids = np.asarray(workers)
        lengths = self._problem.lengths(ids, batches)
        weights = self._put(self._problem.weights(ids, lengths))
        if len(ids) == 1 and batches[0] is None:
            shard = slice(*self._problem.bounds[ids[0] : ids[0] + 2])
            features, labels = self._features[None, shard], self._labels[None, shard]
        else:
            block = self._put(self._problem.block(ids, batches, lengths))
            features, labels = self._features[block], self._labels[block]
        gradients = self._loss_gradients(features, labels, self._put(lengths), weights, points)
        return gradients + self._problem.l2 * points

    def _put(self, array: Array) -> Tensor:
        return torch.from_numpy(array).to(self._device, non_blocking=True)

    @abstractmethod
    def _loss_gradients(
        self, features: Tensor, labels: Tensor, lengths: Tensor, weights: Tensor, points: Tensor
    ) -> Tensor:
        """As `ShardedProblem._loss_gradients`: shapes (k, b, p), (k, b), (k,), (k,), (k, d) to (k, d)."""


class BinaryKernel(ShardedKernel):
    """See `BinaryLogistic`."""

    def _loss_gradients(
        self, features: Tensor, labels: Tensor, lengths: Tensor, weights: Tensor, points: Tensor
    ) -> Tensor:
        slopes = torch.matmul(features, points[:, :, None])[:, :, 0].tanh_().add_(1)
        slopes *= weights[:, None]
        return torch.matmul(slopes[:, None, :], features)[:, 0, :]


class SoftmaxKernel(ShardedKernel):
    """See `Softmax`."""

    def __init__(self, problem: Softmax, device: torch.device) -> None:
        super().__init__(problem, device)
        self._shape = problem.columns, problem.classes

    def _loss_gradients(
        self, features: Tensor, labels: Tensor, lengths: Tensor, weights: Tensor, points: Tensor
    ) -> Tensor:
        errors = torch.matmul(features, points.reshape(-1, *self._shape)).softmax(2)
        errors.scatter_add_(2, labels[:, :, None], errors.new_full((*labels.shape, 1), -1))
        errors *= weights[:, None, None]
        return torch.matmul(features.transpose(1, 2), errors).reshape(points.shape)


class LinearKernel(ShardedKernel):
    """See `LinearRegression`."""

    def _loss_gradients(
        self, features: Tensor, labels: Tensor, lengths: Tensor, weights: Tensor, points: Tensor
    ) -> Tensor:
        errors = torch.matmul(features, points[:, :, None])[:, :, 0] - labels
        errors *= 2 * weights[:, None]
        return torch.matmul(errors[:, None, :], features)[:, 0, :]


class NetworkKernel(ShardedKernel):
    """See `MLP`."""

    def __init__(self, problem: MLP, device: torch.device) -> None:
        super().__init__(problem, device)
        self._many = problem.many

    def _loss_gradients(
        self, features: Tensor, labels: Tensor, lengths: Tensor, weights: Tensor, points: Tensor
    ) -> Tensor:
        real = torch.arange(labels.shape[1], device=labels.device) < lengths[:, None]
        return self._many(points, features, labels, real * weights[:, None])


class TorchKernel(Kernel):
    """See `TorchProblem`: the same on an engine of its own, which evaluates too."""

    def __init__(self, problem: TorchProblem, device: torch.device) -> None:
        self.looks = self._problem = problem.on(device)

    def __call__(self, workers: Sequence[int], points: Tensor, batches: Sequence[Batch]) -> Tensor:
        gradients = torch.stack(list(self._problem.tensors(workers, points, batches)))
        return gradients.add_(points, alpha=self._problem.l2) if self._problem.l2 else gradients


kernel_of.register(Quadratic, QuadraticKernel)
kernel_of.register(BinaryLogistic, BinaryKernel)
kernel_of.register(Softmax, SoftmaxKernel)
kernel_of.register(LinearRegression, LinearKernel)
kernel_of.register(MLP, NetworkKernel)
kernel_of.register(TorchProblem, TorchKernel)
