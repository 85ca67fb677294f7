"""The contract between a problem and the worlds that solve it. Read this file before you write one.

A problem is a sum of n objectives, one a worker: `f(x) = (1/n) Σ f_i(x)`. Of M samples, m_i of them worker i's,

    f_i(x) = (n m_i / M) · mean loss over shard i + (l2/2)‖x‖²,

so that f is the pooled, regularised mean loss however the samples are dealt. One object serves all n workers; in the
real world each process builds its own, from the same arguments.

Rules for problems
 1. Nothing changes after construction and nothing is random: what is drawn comes from the `rng` of `sampler`, and is
    in the batch. The same seed gives the same problem; f does not depend on it, only who holds what.
 2. A gradient depends on its worker, its point and its batch alone: not on the order of calls, nor on the other rows
    of the call, but for rounding. Gradients may be evaluated late.
 3. Shards weigh by their size: the factor is `n m_i / M`. The mean over all workers of the gradients of their whole
    shards (batch None) is the gradient of `objective`.
 4. Each local pass over the batches covers the shard once (`passes`), and a batch's gradient is the mean of those of
    its samples (`additive`); say so where it is not.
 5. Arrays that come in are only read: they may be read-only, and others hold them. What goes out is new.
 6. Models are flat vectors of shape (d,) in `dtype`; `objective` computes in float64.

`conformance/` tries all of these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""An array of floats, in the problem's own dtype unless said otherwise."""

Batch = Any
"""Opaque to callers: None for the whole shard, row numbers for a mini-batch, or a vector of noise."""


class Problem(ABC):
    """A sum of n objectives, one per worker. One of the user's own is built as `Class(workers, seed, **parameters)`."""

    # --------------------------------------------------------------------------- what every problem sets
    workers: int
    """n."""
    dim: int
    """d, how many coordinates a model has."""
    samples: int
    """M, how many training samples there are in all (n for the quadratic)."""
    start: Array
    """x⁰, shape (d,), the same for every worker; read-only."""

    # ------------------------------------------------------------------------------- what it may set
    dtype: np.dtype[Any] = np.dtype(np.float64)
    """Of models and messages; or float32."""
    convex: bool = False
    passes: bool = True
    """Whether each local pass covers the shard once; False where batches are drawn with replacement."""
    additive: bool = True
    """Whether a batch's gradient is the mean of its samples'; False with noise, or where samples of a batch act on one
    another."""
    gradient_bytes: int = 2**16
    """Rough working set of one gradient within a batched call."""
    batch_bytes: int = 2**20
    """Working set from which a larger batched call is no faster: what stays in cache."""
    largest_batch: int = 64
    """Gradients from which a larger batched call is no faster."""
    note: str = ""
    """What is told of it before its runs start, in one line; empty when nothing is."""

    # ----------------------------------------------------------------------------- what it must answer
    @abstractmethod
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Endless mini-batches of one worker's shard. `rng` is not touched before the first is asked for."""

    @abstractmethod
    def size(self, worker: int, batch: Batch) -> int:
        """How many samples a batch of this worker holds; None is its whole shard."""

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

    def losses(self, models: Sequence[Array]) -> list[float]:
        """`f` of several models, where that is cheaper together."""
        return [self.loss(x) for x in models]

    # ------------------------------------------------------------------------------ what it may answer
    def accuracy(self, x: Array) -> float:
        """Share of the held-out samples that the model x (shape (d,)) classifies rightly; nan without any."""
        return float("nan")

    def reference(self) -> Array | None:
        """A minimiser of f, shape (d,), where one is known; gaps are measured from f there. None: there is no gap."""
        return None

    def of_some(self, workers: Sequence[int]) -> Problem | None:
        """The problem of some workers alone: its f is the mean of their f_i, (1/|S|) Σ_{i in S} f_i, which is what they
        solve while the others are away. Only `objective`, `loss` and the optimum are asked of it. None: not said."""
        return None

    def parts(self, full: float) -> Sequence[slice] | None:
        """The parts of a gradient as `in_parts` has them one after another while the rest is computed, the last
        coordinates first; each but the last holds at least `full` of them. None: all of a gradient comes at once."""
        return None

    def in_parts(
        self, worker: int, x: Array, batch: Batch, parts: Sequence[slice], there: Callable[[Any], None]
    ) -> Array:
        """One row of `gradients`, shape (d,). `there` is given each part, in the order of `parts`, once it is
        computed: a tensor that shares the row's memory, and may be overwritten from then on."""
        raise NotImplementedError

    def named(self, x: Array) -> dict[str, Array]:
        """The model x (d,) as a checkpoint holds it: arrays by name."""
        return {"x": x}

    def stack(self, points: Sequence[Any]) -> Array:
        """Models of shape (d,) as the rows that `gradients` takes."""
        return np.asarray(points[0])[None] if len(points) == 1 else np.array(points)

    def split(self, values: Array) -> list[Array]:
        """What `gradients` gives, row by row; a long row does not keep the others in memory."""
        long = len(values) > 1 and values[0].nbytes > COPY_ABOVE
        return [row.copy() for row in values] if long else list(values)


COPY_ABOVE = 4096
"""Bytes of a row that is worth a copy of its own."""


def on_host(vector: Any) -> Array:
    """An array, a tensor on whatever device, or a number, as a NumPy array."""
    return np.asarray(vector.cpu() if hasattr(vector, "cpu") else vector)


def read_only(array: Array) -> Array:
    """The same array, no longer writable."""
    array.flags.writeable = False
    return array
