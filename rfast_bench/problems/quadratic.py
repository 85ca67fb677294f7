"""A quadratic per worker: everything about it is known in closed form.

`f_i(x) = ½ (x − b_i)ᵀ H_i (x − b_i)`, so `f(x) = f* + ½ (x − x*)ᵀ H (x − x*)` with `H = mean H_i` and
`H x* = mean H_i b_i`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from rfast_bench.problems.base import Array, Batch, Problem, read_only
from rfast_bench.scenario.problem.kinds import QuadraticSpec

Matrix = NDArray[np.float64]


class Quadratic(Problem):
    """See the module. A gradient counts as one sample; a batch is its noise, or None without noise."""

    convex = True

    def __init__(self, spec: QuadraticSpec, workers: int) -> None:
        rng = np.random.default_rng(spec.seed)
        hessians = _hessians(spec, workers, rng)
        centre = rng.standard_normal(spec.dim)
        minima = centre + spec.heterogeneity * rng.standard_normal((workers, spec.dim))
        self.workers = self.samples = workers
        self.dim, self.dtype, self.noise = spec.dim, np.dtype(spec.dtype), spec.noise
        self.passes = self.additive = spec.noise == 0
        self.start = read_only(np.zeros(self.dim, self.dtype))
        self.gradient_bytes = (self.dim + 4) * self.dim * self.dtype.itemsize
        self.hessians: Array = hessians.astype(self.dtype)
        self.minima: Array = minima.astype(self.dtype)
        self._solve(self.hessians.astype(np.float64), self.minima.astype(np.float64))

    def _solve(self, hessians: Matrix, minima: Matrix) -> None:
        """The optimum of what the workers really compute with, so after rounding to the dtype."""
        self.hessian: Matrix = hessians.mean(axis=0)
        self.optimum: Matrix = np.linalg.solve(
            self.hessian, np.einsum("nij,nj->i", hessians, minima) / self.workers
        )
        gaps = self.optimum - minima
        self.least = float(np.einsum("ni,nij,nj->", gaps, hessians, gaps)) / (2 * self.workers)

    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """See `Problem`: the noise of the next gradient, drawn by the worker's own generator."""
        while self.noise == 0:
            yield None
        while True:
            yield (self.noise * rng.standard_normal(self.dim)).astype(self.dtype)

    def size(self, worker: int, batch: Batch) -> int:
        """One: a gradient counts as one sample."""
        return 1

    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        """See `Problem`: `H_i (x − b_i)` plus the noise."""
        gaps = np.asarray(points, self.dtype) - self.minima.take(workers, 0)
        gradients: Array = np.matmul(self.hessians.take(workers, 0), gaps[:, :, None])[:, :, 0]
        for row, noise in zip(gradients, batches, strict=True):
            if noise is not None:
                row += noise
        return gradients

    def objective(self, x: Array) -> tuple[float, Array]:
        """See `Problem`. The gradient has the dtype of x."""
        gap = np.asarray(x, np.float64) - self.optimum
        gradient = self.hessian @ gap
        return self.least + float(gap @ gradient) / 2, gradient.astype(np.asarray(x).dtype, copy=False)

    def of_some(self, workers: Sequence[int]) -> Quadratic:
        """See `Problem`."""
        some = copy(self)
        some.workers = some.samples = len(workers)
        some.hessians, some.minima = self.hessians.take(workers, 0), self.minima.take(workers, 0)
        some._solve(some.hessians.astype(np.float64), some.minima.astype(np.float64))
        return some

    def reference(self) -> Array:
        """See `Problem`: of what the workers compute with."""
        return self.optimum


def _hessians(spec: QuadraticSpec, workers: int, rng: np.random.Generator) -> Matrix:
    """Symmetric positive definite (n, d, d) whose mean has exactly the wanted eigenvalues.

    `H_i = H^½ S_i H^½` with positive definite S_i whose mean is the identity (heterogeneity 0: all are).
    """
    basis, _ = np.linalg.qr(rng.standard_normal((spec.dim, spec.dim)))
    root = basis * np.sqrt(np.geomspace(1 / spec.condition, 1, spec.dim)) @ basis.T
    spread = spec.heterogeneity / np.sqrt(spec.dim)
    factors = np.eye(spec.dim) + spread * rng.standard_normal((workers, spec.dim, spec.dim))
    squares = factors @ factors.swapaxes(1, 2)
    values, vectors = np.linalg.eigh(squares.mean(axis=0))
    whiten = vectors / np.sqrt(values) @ vectors.T
    hessians: Matrix = root @ whiten @ squares @ whiten @ root
    return (hessians + hessians.swapaxes(1, 2)) / 2
