"""A fully connected network, its gradients taken by torch.func: one call for many workers' models.

This module alone imports torch (a second or more), and `build` imports it only for this kind of problem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, grad_and_value, vmap
from torch.nn.functional import cross_entropy

from rfast_bench.problems.base import Array, read_only
from rfast_bench.problems.data.datasets import Data, Labels
from rfast_bench.problems.sampled import Batching
from rfast_bench.problems.sharded import ShardedProblem

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": torch.relu}


class MLP(ShardedProblem):
    """Cross-entropy of a network; a model is flat: per layer the weights (in, out), then the biases."""

    convex = False

    def __init__(
        self,
        data: Data,
        shards: Sequence[Labels],
        batching: Batching,
        l2: float,
        hidden: Sequence[int],
        activation: str,
        rng: np.random.Generator,
    ) -> None:
        """`rng` draws the start: uniform weights within ±1/√(inputs of the layer), biases 0."""
        super().__init__(data, shards, batching, l2, constant=False)
        widths = [self.columns, *hidden, self.classes]
        self.layers = list(pairwise(widths))
        self.dim = sum((inputs + 1) * outputs for inputs, outputs in self.layers)
        self.start = read_only(
            np.concatenate([_initial(rng, *layer) for layer in self.layers]).astype(self.dtype)
        )
        floats = self.batch_rows * (self.columns + 2 * sum(widths[1:])) + 3 * self.dim
        self.gradient_bytes = floats * self.dtype.itemsize
        self._activation = ACTIVATIONS[activation]
        self.many: Callable[..., Tensor] = vmap(grad(self._weighted_loss))
        self._pooled: Callable[..., tuple[Tensor, Tensor]] = grad_and_value(self._weighted_loss)

    def _scores(self, flat: Tensor, features: Tensor) -> Tensor:
        """Scores (rows, classes) of the flat model (d,)."""
        values, at = features, 0
        for number, (inputs, outputs) in enumerate(self.layers):
            weights = flat[at : at + inputs * outputs].reshape(inputs, outputs)
            biases = flat[at + inputs * outputs : at + (inputs + 1) * outputs]
            values = (self._activation(values) if number else values) @ weights + biases
            at += (inputs + 1) * outputs
        return values

    def _weighted_loss(self, flat: Tensor, features: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        return cross_entropy(self._scores(flat, features), labels, reduction="none") @ weights

    def _loss_gradients(
        self, features: Array, labels: Labels, lengths: Labels, weights: Array, points: Array
    ) -> Array:
        real = np.arange(labels.shape[1]) < lengths[:, None]  # padded rows still see the biases
        flat = torch.from_numpy(points.copy())  # points may be read-only, which torch warns of
        shares = torch.from_numpy(real * weights[:, None])
        gradients = self.many(flat, torch.from_numpy(features), torch.from_numpy(labels), shares)
        answer: Array = gradients.numpy()
        return answer

    def objective(self, x: Array) -> tuple[float, Array]:
        """See `Problem`. The gradient has the dtype of x."""
        model = np.array(x, np.float64)
        loss, gradient = self.l2 / 2 * float(model @ model), self.l2 * model
        flat = torch.from_numpy(model)
        for features, labels in self.chunks():
            shares = torch.full((len(labels),), 1 / self.samples, dtype=torch.float64)
            part, value = self._pooled(flat, torch.from_numpy(features), torch.from_numpy(labels), shares)
            loss, gradient = loss + float(value), gradient + part.numpy()
        return loss, gradient.astype(np.asarray(x).dtype, copy=False)

    def predict(self, features: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[Any]:
        """The class with the largest score."""
        with torch.no_grad():
            scores = self._scores(torch.from_numpy(x.copy()), torch.from_numpy(features))
        return np.asarray(scores.numpy().argmax(axis=1))


def _initial(rng: np.random.Generator, inputs: int, outputs: int) -> NDArray[np.float64]:
    weights = rng.uniform(-1, 1, inputs * outputs) / sqrt(inputs)
    return np.concatenate([weights, np.zeros(outputs)])
