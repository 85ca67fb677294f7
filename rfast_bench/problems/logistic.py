"""Logistic regression in closed form: a sigmoid with one weight column for two classes, softmax for more.

A constant column of ones takes the place of an intercept, so it is regularised like every other coordinate.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.problems.base import Array, read_only
from rfast_bench.problems.data.datasets import Data, Labels
from rfast_bench.problems.sampled import Batching
from rfast_bench.problems.sharded import ShardedProblem

Vector = NDArray[np.float64]
LARGE_SCORE = 500.0
"""From which on an exponential might overflow."""


class Logistic(ShardedProblem):
    """What both forms share; `hessian` serves the Newton steps that find the optimum."""

    convex = True
    chunk_bytes = 2**19
    """Both passes over a chunk, for the scores and for the gradient, find it in cache."""

    def __init__(
        self, data: Data, shards: Sequence[Labels], batching: Batching, l2: float, outputs: int
    ) -> None:
        """`outputs`: how many weight columns there are."""
        super().__init__(data, shards, batching, l2, constant=True)
        self.dim = self.columns * outputs
        self.start = read_only(np.zeros(self.dim, self.dtype))
        floats = self.batch_rows * (self.columns + 2 * outputs) + 2 * self.dim
        self.gradient_bytes = floats * self.dtype.itemsize

    def objective(self, x: Array) -> tuple[float, Array]:
        """See `Problem`. The gradient has the dtype of x."""
        model = np.asarray(x, np.float64)
        parts = [self._loss(features, labels, model) for features, labels in self.chunks()]
        loss = sum(part for part, _ in parts) / self.counted + self.l2 / 2 * float(model @ model)
        gradient = sum((part for _, part in parts), np.zeros(self.dim)) / self.counted + self.l2 * model
        return loss, gradient.astype(np.asarray(x).dtype, copy=False)

    def losses(self, models: Sequence[Array]) -> list[float]:
        """See `Problem`: one product for all of them."""
        rows = np.array(models, np.float64)
        total = sum((self._losses(*part, rows) for part in self.chunks()), np.zeros(len(rows))) / self.counted
        return [float(loss) for loss in total + self.l2 / 2 * np.einsum("kd,kd->k", rows, rows)]

    def hessian(self, x: Vector) -> Callable[[Vector], Vector]:
        """The product of `∇²f(x)`, shape (d, d), with a vector, as a function."""
        products = [self._curvature(features, x) for features, _ in self.chunks()]

        def product(v: Vector) -> Vector:
            return sum((part(v) for part in products), np.zeros(self.dim)) / self.counted + self.l2 * v

        return product

    @abstractmethod
    def _loss(self, features: Vector, labels: Labels, x: Vector) -> tuple[float, Vector]:
        """The summed loss of some training samples and its gradient, shape (d,)."""

    @abstractmethod
    def _losses(self, features: Vector, labels: Labels, models: Vector) -> Vector:
        """The summed losses, shape (k,), of some training samples at models (k, d)."""

    @abstractmethod
    def _curvature(self, features: Vector, x: Vector) -> Callable[[Vector], Vector]:
        """Product of the summed loss's Hessian with a vector."""


class BinaryLogistic(Logistic):
    """Loss `log(1 + exp(s a·x))` with s = −1 for class 1 and +1 for class 0.

    The training features are kept as `h = s a / 2`: then `σ(s a·x) s a = (1 + tanh(h·x)) h`, which needs no
    labels, cannot overflow, and is 0 for a row of zeros.
    """

    labelled = False

    def __init__(self, data: Data, shards: Sequence[Labels], batching: Batching, l2: float) -> None:
        super().__init__(data, shards, batching, l2, outputs=1)
        self.features *= (0.5 - self.labels.astype(self.dtype))[:, None]

    def _loss_gradients(
        self, features: Array, labels: Labels, lengths: Labels, weights: Array, points: Array
    ) -> Array:
        slopes = np.matmul(features, points[:, :, None])[:, :, 0]
        np.tanh(slopes, out=slopes)
        slopes += 1
        slopes *= weights[:, None]
        gradients: Array = np.matmul(slopes[:, None, :], features)[:, 0, :]
        return gradients

    def _loss(self, features: Vector, labels: Labels, x: Vector) -> tuple[float, Vector]:
        half = features @ x
        return float(np.logaddexp(0, 2 * half).sum()), (1 + np.tanh(half)) @ features

    def _losses(self, features: Vector, labels: Labels, models: Vector) -> Vector:
        losses: Vector = np.logaddexp(0, 2 * (models @ features.T)).sum(axis=1)
        return losses

    def _curvature(self, features: Vector, x: Vector) -> Callable[[Vector], Vector]:
        slopes = 1 - np.tanh(features @ x) ** 2
        return lambda v: (slopes * (features @ v)) @ features

    def predict(self, features: Vector, x: Vector) -> NDArray[Any]:
        """Class 1 where `a·x > 0`."""
        return features @ x > 0


class Softmax(Logistic):
    """Cross-entropy of `softmax(a @ W)`; a model is W, shape (p, classes), row after row."""

    def __init__(self, data: Data, shards: Sequence[Labels], batching: Batching, l2: float) -> None:
        super().__init__(data, shards, batching, l2, outputs=data.classes)

    def _loss_gradients(
        self, features: Array, labels: Labels, lengths: Labels, weights: Array, points: Array
    ) -> Array:
        k, b = labels.shape
        scores = np.matmul(features, points.reshape(k, self.columns, self.classes))
        errors = np.ascontiguousarray(scores.transpose(2, 0, 1))  # classes first: fast sums over them
        errors -= errors.max(axis=0)
        np.exp(errors, out=errors)
        errors *= weights[:, None] / errors.sum(axis=0)
        flat = errors.reshape(-1)
        flat[labels.ravel() * (k * b) + np.arange(k * b)] -= weights.repeat(b)
        gradients: Array = np.matmul(features.swapaxes(1, 2), errors.transpose(1, 2, 0))
        return gradients.reshape(k, self.dim)

    def _loss(self, features: Vector, labels: Labels, x: Vector) -> tuple[float, Vector]:
        chances, logs = self._softmax(features, x)
        own = np.arange(len(labels)), labels
        loss = -float(logs[own].sum())
        chances[own] -= 1
        return loss, (features.T @ chances).ravel()

    def _losses(self, features: Vector, labels: Labels, models: Vector) -> Vector:
        k, p, c = len(models), self.columns, self.classes
        columns = models.reshape(k, p, c).transpose(2, 0, 1).reshape(c * k, p)
        scores = (columns @ features.T).reshape(c, k, -1)  # classes first: fast sums over them
        if scores.max() > LARGE_SCORE:
            scores -= scores.max(axis=0)
        own = scores[labels, :, np.arange(len(labels))].sum(axis=0)
        losses: Vector = np.log(np.exp(scores, out=scores).sum(axis=0)).sum(axis=1) - own
        return losses

    def _curvature(self, features: Vector, x: Vector) -> Callable[[Vector], Vector]:
        chances, _ = self._softmax(features, x)

        def product(v: Vector) -> Vector:
            change = chances * (features @ v.reshape(self.columns, self.classes))
            change -= chances * change.sum(axis=1, keepdims=True)
            answer: Vector = (features.T @ change).ravel()
            return answer

        return product

    def _softmax(self, features: Vector, x: Vector) -> tuple[Vector, Vector]:
        """Probabilities (rows, classes) and their logarithms."""
        scores = features @ x.reshape(self.columns, self.classes)
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        total = chances.sum(axis=1, keepdims=True)
        chances /= total
        scores -= np.log(total)
        return chances, scores

    def predict(self, features: Vector, x: Vector) -> NDArray[Any]:
        """The class with the largest score."""
        return np.asarray((features @ x.reshape(self.columns, self.classes)).argmax(axis=1))
