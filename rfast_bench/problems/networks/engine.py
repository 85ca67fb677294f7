"""Computes a module's losses and gradients on one device, where it keeps the module and all data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rfast_bench.problems.networks.buffers import Buffers
from rfast_bench.problems.networks.flat import Flat
from rfast_bench.problems.networks.losses import Loss, Metric, joined
from rfast_bench.problems.networks.randomness import key, seeded

Rows = NDArray[np.intp]
HELD_OUT = 2**32
"""Number of the streams of evaluation, beyond all workers'."""


@dataclass(frozen=True)
class Samples:
    """Inputs (M, ...) and targets (M, ...) on one device."""

    inputs: Tensor
    targets: Tensor

    def on(self, device: torch.device) -> Samples:
        """The same on another device."""
        return Samples(self.inputs.to(device), self.targets.to(device))

    def rows(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Copies of some: a layer that works in place cannot spoil the data."""
        picked = torch.from_numpy(rows).to(self.inputs.device, non_blocking=True)
        return self.inputs.index_select(0, picked), self.targets.index_select(0, picked)


@dataclass(frozen=True)
class Task:
    """What is computed of a module, wherever it is."""

    make: Callable[[], nn.Module]
    """A fresh module, the same each time."""
    loss: Loss
    metric: Metric | None
    calibration: tuple[Rows, ...]
    """Training batches that the statistics of a model to be evaluated are of."""


def plain(value: Any) -> float:
    """A metric's number; of one in single precision or less the shortest decimal that stands for it, so that a share
    of 0.9 is 0.9 and meets a target of 0.9."""
    number = value.item() if isinstance(value, Tensor) else value
    kind = str(getattr(value, "dtype", "")).removeprefix("torch.")
    if kind in ("float32", "bfloat16"):
        return float(str(np.float32(number)))
    return float(str(np.float16(number))) if kind == "float16" else float(number)


class Engine:
    """One module on one device. It is not to be used by two threads at once."""

    def __init__(self, task: Task, train: Samples, test: Samples, device: torch.device) -> None:
        self.task, self.device = task, device
        self.train, self.test = train.on(device), test.on(device)
        module = task.make().to(device)
        self.flat, self.buffers = Flat(module), Buffers(module)
        self.random = False
        """Whether the module draws anything."""
        self.seed = 0
        self.everything: Rows = np.arange(len(train.targets))
        """All training samples."""
        self.chunk = 256
        """Samples that are looked at together in evaluation."""

    def on(self, device: torch.device) -> Engine:
        """The same on another device."""
        other = Engine(self.task, self.train, self.test, device)
        other.random, other.seed, other.chunk = self.random, self.seed, self.chunk
        other.buffers.move(self.buffers.moving)
        return other

    # --------------------------------------------------------------------------------------- training
    def gradient(self, x: Any, rows: Rows, share: float, *stream: int) -> Tensor:
        """`share` times the gradient of the mean loss over `rows` at x (d,): a fresh tensor (d,).

        `stream`: what draws of the module depend on beside the seed, such as (worker, index).
        """
        return self.flat.gradient(self.training_loss(x, rows, share, *stream))

    def training_loss(self, x: Any, rows: Rows, share: float, *stream: int) -> Tensor:
        """What that is the gradient of, in training mode: a number that knows how it came about."""
        self.flat.set(x)
        self.buffers.train()
        inputs, targets = self.train.rows(rows)
        with self._drawing(*stream):
            losses = self.task.loss(self.flat.module(inputs), targets)
        return losses.mean() * share

    def _drawing(self, *stream: int) -> AbstractContextManager[None]:
        return seeded(key(self.seed, *stream), self.device) if self.random else nullcontext()

    # ------------------------------------------------------------------------------------- evaluation
    def settle(self, x: Any) -> None:
        """Make the module the model x (d,), ready for evaluation, its statistics those of fixed batches."""
        self.flat.set(x)
        passes = (lambda rows=rows, k=k: self._pass(rows, k) for k, rows in enumerate(self.task.calibration))
        self.buffers.evaluate(passes)

    def _pass(self, rows: Rows, number: int) -> None:
        with self._drawing(HELD_OUT, number):
            self.flat.module(self.train.rows(rows)[0])

    def loss(self, rows: Rows) -> float:
        """The mean loss of the settled model over training samples, summed in float64."""
        with torch.no_grad():
            return sum(float(losses.double().sum()) for losses in self._losses(rows)) / len(rows)

    def loss_and_gradient(self, rows: Rows) -> tuple[float, Tensor]:
        """The same, and its gradient (d,) in float64: each piece in the module's own type."""
        loss = 0.0
        gradient = torch.zeros_like(self.flat.vector, dtype=torch.float64)
        for losses in self._losses(rows):
            loss += float(losses.detach().double().sum())
            gradient += self.flat.gradient(losses.sum())
        return loss / len(rows), gradient / len(rows)

    def _losses(self, rows: Rows) -> Iterator[Tensor]:
        for number, first in enumerate(range(0, len(rows), self.chunk)):
            inputs, targets = self.train.rows(rows[first : first + self.chunk])
            with self._drawing(HELD_OUT + 1, number):
                yield self.task.loss(self.flat.module(inputs), targets)

    def measure(self, most: int | None = None) -> float:
        """The metric of the settled model over all held-out samples, or the first so many; nan without a metric or
        any of them."""
        targets = self.test.targets[:most]
        if self.task.metric is None or len(targets) == 0:
            return float("nan")
        with torch.no_grad():
            outputs = joined(list(self._outputs(len(targets))))
            with self._drawing(HELD_OUT + 3):
                return plain(self.task.metric(outputs, targets))

    def _outputs(self, count: int) -> Iterator[Any]:
        for number, first in enumerate(range(0, count, self.chunk)):
            inputs, _ = self.test.rows(np.arange(first, min(count, first + self.chunk)))
            with self._drawing(HELD_OUT + 2, number):
                yield self.flat.module(inputs)
