"""Least squares: the mean of `(a·x - y)²` over samples with numbers y as targets, and `(l2/2)‖x‖²`.

A constant column of ones takes the place of an intercept, so it is regularised like every other coordinate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.problems.base import Array, read_only
from rfast_bench.problems.data.datasets import Data, Labels
from rfast_bench.problems.sampled import Batching
from rfast_bench.problems.sharded import ShardedProblem

Vector = NDArray[np.float64]
REFINEMENTS = 3


class LinearRegression(ShardedProblem):
    """See the module. A model has a weight a column and the intercept last."""

    convex = True

    def __init__(self, data: Data, shards: Sequence[Labels], batching: Batching, l2: float) -> None:
        super().__init__(data, shards, batching, l2, constant=True)
        self.labels = self.labels.astype(self.dtype)
        self.dim = self.columns
        self.start = read_only(np.zeros(self.dim, self.dtype))
        floats = self.batch_rows * (self.columns + 2) + 2 * self.dim
        self.gradient_bytes = floats * self.dtype.itemsize

    def _loss_gradients(
        self, features: Array, labels: Array, lengths: Labels, weights: Array, points: Array
    ) -> Array:
        errors = np.matmul(features, points[:, :, None])[:, :, 0]
        errors -= labels
        errors *= 2 * weights[:, None]
        gradients: Array = np.matmul(errors[:, None, :], features)[:, 0, :]
        return gradients

    def objective(self, x: Array) -> tuple[float, Array]:
        """See `Problem`. The gradient has the dtype of x."""
        model = np.asarray(x, np.float64)
        loss, gradient = 0.0, np.zeros(self.dim)
        for features, targets in self.chunks():
            errors = features @ model - targets
            loss += float(errors @ errors)
            gradient += 2 * (errors @ features)
        gradient = gradient / self.counted + self.l2 * model
        loss = loss / self.counted + self.l2 / 2 * float(model @ model)
        return loss, gradient.astype(np.asarray(x).dtype, copy=False)

    def reference(self) -> Array:
        """The minimiser by the normal equations `(2/M AᵀA + l2) x = 2/M Aᵀy`, in float64; of several the shortest.

        They square the condition number; steps along the gradient at what they give mend that.
        """
        hessian = self.l2 * np.eye(self.dim)
        for features, _ in self.chunks():
            hessian += 2 / self.counted * (features.T @ features)
        inverse = np.linalg.pinv(hessian, hermitian=True)
        x = np.zeros(self.dim)
        for _ in range(1 + REFINEMENTS):
            x = x - inverse @ self.objective(x)[1]
        return x

    def predict(self, features: Vector, x: Vector) -> NDArray[Any]:
        """The target of each row."""
        return features @ x

    def accuracy(self, x: Array) -> float:
        """nan: there are no classes."""
        return float("nan")
