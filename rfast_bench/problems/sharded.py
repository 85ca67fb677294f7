"""What problems over tables of features have in common: samples kept in worker order, batched gradients.

Worker i's shard is the rows `bounds[i]:bounds[i + 1]`. One row of zeros follows the last sample: batches of
different lengths are padded with it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.problems.base import Array, Batch
from rfast_bench.problems.data.datasets import Data, Labels
from rfast_bench.problems.sampled import Batching, SampledProblem

LARGE = 2**20
"""Bytes of features from which a gradient gains nothing from being batched with others."""
Chunk = tuple[NDArray[np.float64], Labels]


class ShardedProblem(SampledProblem):
    """A regularised mean loss over samples that are dealt to workers."""

    labelled = True
    """Whether gradients look at labels, which may have been worked into the features."""
    chunk_bytes = 16 * 2**20
    """Of features in float64 that one step of a pass over all the data looks at."""

    def __init__(
        self, data: Data, shards: Sequence[Labels], batching: Batching, l2: float, constant: bool
    ) -> None:
        """`shards`: each worker's rows of `data`. `constant` appends a column of ones to the features."""
        super().__init__(shards, batching)
        order = np.concatenate(shards)
        self.classes, self.l2, self.dtype = data.classes, l2, data.features.dtype
        self.features = _with_constant(data.features, order, constant, padding=1)
        self.labels = np.append(data.labels[order], 0)
        self.test_features = _with_constant(data.test_features, np.arange(len(data.test_labels)), constant)
        self.test_labels = data.test_labels
        self.columns = self.features.shape[1]
        self.counted: float = self.samples
        """By what the summed loss of the samples is divided in `objective`."""
        self._rows = [np.arange(*self.bounds[i : i + 2]) for i in range(self.workers)]
        even = bool((self.sizes == self.sizes[0]).all())
        shape = (self.workers, int(self.sizes[0]), self.columns)
        self._stack = self.features[:-1].reshape(shape) if even else None
        self._label_stack = self.labels[:-1].reshape(shape[:2]) if even else None
        self._together = even and shape[1] * shape[2] * self.dtype.itemsize <= LARGE
        self._even_weights = self.weights(np.arange(self.workers), self.sizes)

    # --------------------------------------------------------------------------------------- gradients
    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        """See `Problem`."""
        ids = np.asarray(workers)
        points = np.asarray(points, self.dtype)
        if self._together and self.batching.size is None and len(ids) > 1:
            gradients = self._even_gradients(ids, points)
            gradients += self.l2 * points
            return gradients
        lengths = self.lengths(ids, batches)
        if len(lengths) > 1 and self._better_alone(lengths):
            alone = [
                self.gradients([i], x[None], [b]) for i, x, b in zip(workers, points, batches, strict=True)
            ]
            return np.concatenate(alone)
        if len(ids) == 1 and batches[0] is None:
            features, labels = self._shard(ids[0])
        else:
            features, labels = self._samples(ids, batches, lengths)
        gradients = self._loss_gradients(features, labels, lengths, self.weights(ids, lengths), points)
        gradients += self.l2 * points
        return gradients

    def _even_gradients(self, ids: Labels, points: Array) -> Array:
        """Of whole shards that are all of one size: nothing to pad, and every sample counts the same."""
        assert self._stack is not None
        assert self._label_stack is not None
        labels = self._label_stack.take(ids, 0) if self.labelled else self._label_stack
        features, lengths, weights = self._stack.take(ids, 0), self.sizes[ids], self._even_weights[ids]
        return self._loss_gradients(features, labels, lengths, weights, points)

    def block(self, ids: Labels, batches: Sequence[Batch], lengths: Labels) -> Labels:
        """The rows of the batches' samples, shape (k, b); shorter batches are padded with the row of zeros."""
        rows = [self._rows[i] if b is None else b for i, b in zip(ids, batches, strict=True)]
        return self._padded(rows, lengths)

    @abstractmethod
    def _loss_gradients(
        self, features: Array, labels: Labels, lengths: Labels, weights: Array, points: Array
    ) -> Array:
        """`weights[r] · Σ_j ∇loss(points[r]; features[r, j], labels[r, j])` over the first `lengths[r]` j.

        Shapes (k, b, p), (k, b), (k,), (k,), (k, d); the answer is a fresh array (k, d).
        """

    def _better_alone(self, lengths: Labels) -> bool:
        longest = int(lengths.max())
        padded = longest * len(lengths)
        return longest * self.columns * self.dtype.itemsize > LARGE or padded > 2 * int(lengths.sum())

    def _shard(self, worker: int) -> tuple[Array, Labels]:
        shard = slice(*self.bounds[worker : worker + 2])
        return self.features[None, shard], self.labels[None, shard]

    def _samples(self, ids: Labels, batches: Sequence[Batch], lengths: Labels) -> tuple[Array, Labels]:
        block = self.block(ids, batches, lengths)
        return self.features.take(block, 0), self.labels.take(block)

    def _padded(self, rows: Sequence[Labels], lengths: Labels) -> Labels:
        longest = int(lengths.max())
        if int(lengths.min()) == longest:
            return np.concatenate(rows).reshape(len(rows), longest)
        block = np.full((len(rows), longest), self.samples)
        for line, own in zip(block, rows, strict=True):
            line[: len(own)] = own
        return block

    def of_some(self, workers: Sequence[int]) -> ShardedProblem:
        """See `Problem`. Shards weigh by their size: each sample counts n / (|S| M)."""
        some = copy(self)
        rows = np.append(
            np.concatenate([self._rows[i] for i in workers]), self.samples
        )  # the row of zeros last
        some.features, some.labels = self.features.take(rows, 0), self.labels.take(rows)
        some.counted = self.samples * len(workers) / self.workers
        return some

    # --------------------------------------------------------------------------------------- all the data
    def chunks(self) -> Iterator[Chunk]:
        """All training features (in float64) and labels, in pieces that fit in memory beside the whole."""
        yield from _pieces(self.features[:-1], self.labels[:-1], self.chunk_bytes)

    def accuracy(self, x: Array) -> float:
        """See `Problem`."""
        if len(self.test_labels) == 0:
            return float("nan")
        model = np.asarray(x, np.float64)
        pieces = _pieces(self.test_features, self.test_labels, self.chunk_bytes)
        return sum(int((self.predict(part, model) == y).sum()) for part, y in pieces) / len(self.test_labels)

    @abstractmethod
    def predict(self, features: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[Any]:
        """The class of each row of held-out `features` (rows, p) by the model x (d,)."""


def _with_constant(features: Array, order: Labels, constant: bool, padding: int = 0) -> Array:
    columns = features.shape[1]
    whole = np.zeros((len(order) + padding, columns + constant), features.dtype)
    np.take(features, order, 0, out=whole[: len(order), :columns])
    whole[: len(order), columns:] = 1
    return whole


def _pieces(features: Array, labels: Labels, size: int) -> Iterator[Chunk]:
    rows = max(1, size // (8 * features.shape[1]))
    for first in range(0, len(features), rows):
        part = slice(first, first + rows)
        yield features[part].astype(np.float64, copy=False), labels[part]
