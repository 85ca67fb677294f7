"""What a problem answers: one worker's stochastic gradient, many workers' at once, and the pooled objective.

`f_i(x) = (n m_i / M) · mean loss over shard i + (l2/2)‖x‖²`, so that `f(x) = (1/n) Σ f_i(x)` is the pooled,
regularised mean loss however the data are dealt to the n workers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""An array of floats, in the problem's own dtype unless said otherwise."""

Batch = Any
"""Opaque to callers: None for the whole shard, row numbers for a mini-batch, or a vector of noise."""


def on_host(vector: Any) -> Array:
    """An array, a tensor on whatever device, or a number, as a NumPy array."""
    return np.asarray(vector.cpu() if hasattr(vector, "cpu") else vector)


COPY_ABOVE = 4096
"""Bytes of a row that is worth a copy of its own."""


class Problem(ABC):
    """A sum of n objectives, one per worker. Nothing here changes after construction, nothing is random."""

    workers: int
    """n."""
    dim: int
    """d, how many coordinates a model has."""
    samples: int
    """M, how many training samples there are in all (n for the quadratic)."""
    dtype: np.dtype[Any]
    start: Array
    """x⁰, shape (d,), the same for every worker; read-only."""
    convex: bool
    gradient_bytes: int
    """Rough working set of one gradient within a batched call."""
    batch_bytes: int = 2**20
    """Working set from which a larger batched call is no faster: what stays in cache."""
    largest_batch: int = 64
    """Gradients from which a larger batched call is no faster."""

    @abstractmethod
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Endless mini-batches of one worker's shard. `rng` is not touched before the first is asked for."""

    @abstractmethod
    def size(self, worker: int, batch: Batch) -> int:
        """How many samples a batch of this worker holds."""

    def stack(self, points: Sequence[Any]) -> Array:
        """Models of shape (d,) as the rows that `gradients` takes."""
        return np.asarray(points[0])[None] if len(points) == 1 else np.array(points)

    def split(self, values: Array) -> list[Array]:
        """What `gradients` gives, row by row; a long row does not keep the others in memory."""
        long = len(values) > 1 and values[0].nbytes > COPY_ABOVE
        return [row.copy() for row in values] if long else list(values)

    @abstractmethod
    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        """Stochastic gradients of `f_i` for i in `workers`, row by row: (k, d) points to (k, d) gradients.

        Row r is `(n m_i / M) · mean loss gradient over batches[r] + l2 · points[r]`. The rows do not depend
        on each other, but for rounding. `points` is only read.
        """

    @abstractmethod
    def objective(self, x: Array) -> tuple[float, Array]:
        """`f(x)` and its full gradient, shape (d,), computed in float64 whatever the problem's dtype is."""

    def loss(self, x: Array) -> float:
        """`f(x)` alone, where that is cheaper."""
        return self.objective(x)[0]

    @abstractmethod
    def accuracy(self, x: Array) -> float:
        """Share of the held-out samples that the model x (shape (d,)) classifies rightly; nan without any."""


def read_only(array: Array) -> Array:
    """The same array, no longer writable."""
    array.flags.writeable = False
    return array
