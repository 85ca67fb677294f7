"""A line through points with outliers, by the pseudo-Huber loss √(1 + (a·x − b)²) − 1."""

import numpy as np

from rfast_bench.problems.base import read_only
from rfast_bench.problems.sampled import Batching, SampledProblem


class RobustLine(SampledProblem):
    def __init__(self, workers: int, seed: int, *, points: int = 400, outliers: float = 0.1, batch: int = 16):
        data, order = np.random.default_rng(0), np.random.default_rng(seed).permutation(points)
        a = np.column_stack([data.normal(size=points), np.ones(points)])
        noise = data.normal(size=points) * np.where(data.random(points) < outliers, 20, 0.1)
        self.a, self.b = a[order], (a @ [2.0, -1.0] + noise)[order]  # in the workers' order
        super().__init__(np.array_split(order, workers), Batching(batch))
        self.dim, self.start, self.convex = 2, read_only(np.zeros(2)), True

    def gradients(self, workers, points, batches):
        asked = zip(workers, points, batches, strict=True)
        means = [self.objective(x, self.rows(i, batch))[1] for i, x, batch in asked]
        return self.shares[list(workers)][:, None] * np.array(means)

    def objective(self, x, rows=slice(None)):
        roots = np.sqrt(1 + (errors := self.a[rows] @ x - self.b[rows]) ** 2)
        return float(np.mean(roots - 1)), (errors / roots) @ self.a[rows] / len(errors)
