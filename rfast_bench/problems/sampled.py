"""What every problem over samples has in common: shards in worker order, mini-batches, what each sample counts.

Worker i's shard is the samples `bounds[i]:bounds[i + 1]`, once they are put into the workers' order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np

from rfast_bench.problems.base import Array, Batch, Problem
from rfast_bench.problems.data.datasets import Labels

AHEAD = 256
"""Samples of a small shard whose order is drawn at a time: a generator costs several times what it draws when
nothing of it is in cache."""
WHOLE: Iterator[Batch] = repeat(None)
"""Full shards for ever."""


@dataclass(frozen=True)
class Batching:
    """How a worker draws mini-batches from its shard; `size` None stands for the full shard."""

    size: int | None
    with_replacement: bool = False


class SampledProblem(Problem):
    """A mean loss over samples that are dealt to workers."""

    def __init__(self, shards: Sequence[Labels], batching: Batching) -> None:
        """`shards`: each worker's rows of the data set. Sets `workers`, `samples`, `sizes`, `bounds`."""
        self.workers, self.samples = len(shards), sum(map(len, shards))
        self.batching = batching
        self.passes = not batching.with_replacement
        self.sizes = np.array([len(shard) for shard in shards])
        self.bounds = np.concatenate([[0], np.cumsum(self.sizes)])
        self._shares = self.workers * self.sizes / self.samples  # n m_i / M

    @property
    def shares(self) -> Array:
        """By what each worker's mean loss counts in f_i: `n m_i / M`, shape (n,)."""
        return self._shares

    def rows(self, worker: int, batch: Batch) -> Any:
        """Which of the samples, in the workers' order, a batch holds: numbers, or a slice for the whole shard."""
        return slice(*self.bounds[worker : worker + 2]) if batch is None else batch

    @property
    def batch_rows(self) -> int:
        """The most rows that one gradient looks at."""
        largest = int(self.sizes.max())
        return largest if self.batching.size is None else min(largest, self.batching.size)

    # ------------------------------------------------------------------------------------ mini-batches
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """See `Problem`: a fresh permutation of the shard each local pass, cut into batches."""
        size = self.batching.size
        if size is None:
            return WHOLE
        if self.batching.with_replacement:
            return self._with_replacement(worker, size, rng)
        return chain.from_iterable(self._passes(worker, size, rng))

    def _with_replacement(self, worker: int, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        first, last = self.bounds[worker : worker + 2]
        while True:
            yield rng.integers(first, last, size)

    def _passes(self, worker: int, size: int, rng: np.random.Generator) -> Iterator[list[Batch]]:
        """The batches of some local passes at a time."""
        first, last = self.bounds[worker : worker + 2]
        length = int(last - first)
        passes, starts = max(1, AHEAD // length), range(0, length, size)
        while True:
            orders = [first + rng.permutation(length) for _ in range(passes)]
            yield [rows[i : i + size] for rows in orders for i in starts]

    def size(self, worker: int, batch: Batch) -> int:
        """See `Problem`."""
        return int(self.sizes[worker]) if batch is None else len(batch)

    def lengths(self, ids: Labels, batches: Sequence[Batch]) -> Labels:
        """How many samples each batch holds, shape (k,)."""
        if all(batch is None for batch in batches):
            own: Labels = self.sizes[ids]
            return own
        return np.array(list(map(self.size, ids, batches)))

    def weights(self, ids: Labels, lengths: Labels) -> Array:
        """What each sample of a batch counts: `n m_i / (M · batch size)`, shape (k,)."""
        shares: Array = self._shares[ids] / lengths
        return shares.astype(self.dtype, copy=False)
