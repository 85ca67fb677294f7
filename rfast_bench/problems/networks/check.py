"""What is wrong with a module is told before any run, by a few forward and backward passes over its first samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rfast_bench.errors import UserError
from rfast_bench.problems.networks import losses
from rfast_bench.problems.networks.buffers import may_move
from rfast_bench.problems.networks.engine import Engine, Rows
from rfast_bench.problems.networks.randomness import drawn_so_far, seeded
from rfast_bench.problems.networks.trail import Trail, first_difference
from rfast_bench.scenario.user_files.modules import MISTAKES

FEW = 64
"""Held-out samples that the metric is tried on."""
DRAWS = 8
"""How often a module that draws may leave a parameter without gradient before that is told."""
RAISED = (*MISTAKES, torch.jit.Error)
"""What a module, a loss or a metric raises; the last is that of scripted modules."""


class Check:
    """Passes of one engine's module. Everything here raises UserError, starting with the key path `where`."""

    def __init__(self, engine: Engine, loss: str, where: str) -> None:
        self._engine, self._loss, self._where = engine, loss, where
        self._module = engine.flat.module

    def whole(self, rows: Rows, others: Sequence[Rows]) -> int:
        """Tries a batch, then `others` of other sizes; sets what the engine must know.

        Gives the bytes that a sample's way through the layers takes.
        """
        start, kept = self._engine.flat.vector.clone(), self._buffers()
        self._engine.buffers.train()
        first, slopes = self._pass(rows, 0)
        self._no_change(start)
        self._trained(slopes, rows)
        moved = [name for name, value in self._buffers().items() if not torch.equal(value, kept[name])]
        self._put(kept)
        numbers = _plain(self._module)
        second, _ = self._pass(rows, 0)
        self._stateless(first, second, numbers)
        self._bounded(moved, rows, second)
        self._put(kept)
        self._engine.buffers.move(moved)
        for own in others:
            self._engine.buffers.train()
            self._pass(own, 0)
        self._evaluates(rows)
        return max(1, first.weight // len(rows))

    # ------------------------------------------------------------------------------------------ passes
    def _pass(self, rows: Rows, number: int) -> tuple[Trail, dict[str, Tensor | None]]:
        """One gradient, with what `number` has the module draw."""
        inputs, targets = self._engine.train.rows(rows)
        with Trail(self._module) as trail, self._telling(trail, len(rows)), seeded(number, inputs.device):
            before = drawn_so_far()
            outputs = self._module(inputs)
            self._engine.random |= drawn_so_far() != before
        mean = self._mean_loss(outputs, targets)
        if not mean.requires_grad:
            raise UserError(
                f"{self._where}.model: its output does not depend on any parameter that is trained"
            )
        with self._telling(trail, len(rows)):
            slopes = self._engine.flat.slopes(mean)
        return trail, dict(zip(self._engine.flat.names, slopes, strict=True))

    @contextmanager
    def _telling(self, trail: Trail, samples: int) -> Iterator[None]:
        try:
            yield
        except RAISED as problem:
            again = "backward through the graph a second time" in str(problem)
            why = " (it keeps tensors from call to call; a module may keep no state)" if again else ""
            where = f" {trail.layer}:" if trail.layer else ""
            raise UserError(
                f"{self._where}.model:{where} {type(problem).__name__} with a batch of {samples}: {problem}{why}"
            ) from problem

    def _mean_loss(self, outputs: Any, targets: Tensor) -> Tensor:
        if self._loss in losses.LOSSES and (why := losses.misfit(self._loss, outputs, targets)):
            raise UserError(f"{self._where}.model: {why}")
        if self._loss == "cross-entropy":
            self._labels_fit(losses.classes_first(outputs, targets).shape[1])
        try:
            each = self._engine.task.loss(outputs, targets)
        except RAISED as problem:
            came = f"{losses.said(outputs)} and targets {losses.said(targets)}"
            raise UserError(
                f"{self._where}.loss: {type(problem).__name__}: {problem}; it was given {came}"
            ) from problem
        if not isinstance(each, Tensor) or each.shape != (len(targets),):
            raise UserError(
                f"{self._where}.loss: it gives {losses.said(each)}; wanted is one loss a sample, ({len(targets)},): "
                "no mean over the batch (in torch's losses: reduction='none')"
            )
        if not bool(torch.isfinite(each).all()):
            raise UserError(
                f"{self._where}.model: the loss at the start is not finite: {float(each.detach().mean())}"
            )
        return each.mean()

    def _labels_fit(self, classes: int) -> None:
        for targets in (self._engine.train.targets, self._engine.test.targets):
            if targets.numel() and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
                raise UserError(
                    f"{self._where}.model: it scores {classes} classes, 0 to {classes - 1}, but there are labels "
                    f"from {int(targets.min())} to {int(targets.max())}"
                )

    # --------------------------------------------------------------------------------------- questions
    def _no_change(self, start: Tensor) -> None:
        for name, part in self._engine.flat.named(self._engine.flat.vector != start).items():
            if bool(part.any()):
                raise UserError(
                    f"{self._where}.model: its forward pass changes its own parameter '{name}'; only the optimiser may"
                )

    def _trained(self, slopes: dict[str, Tensor | None], rows: Rows) -> None:
        """Every parameter gets a finite gradient; in a module that draws, once in a few passes."""
        unused = {name for name, slope in slopes.items() if slope is None}
        for number in range(1, DRAWS if self._engine.random else 1):
            if unused:
                unused -= {name for name, slope in self._pass(rows, number)[1].items() if slope is not None}
        if unused:
            names = ", ".join(f"'{name}'" for name in slopes if name in unused)
            raise UserError(
                f"{self._where}.model: no gradient reaches {names}: the forward pass does not use them, or detaches "
                "what they give; leave them out or freeze them (requires_grad_(False))"
            )
        for name, slope in slopes.items():
            if slope is not None and not bool(torch.isfinite(slope).all()):
                raise UserError(f"{self._where}.model: the gradient of '{name}' at the start is not finite")

    def _stateless(self, one: Trail, other: Trail, numbers: dict[str, Any]) -> None:
        layer = first_difference(one, other)
        if layer is not None:
            self._keeps_state(f"layer '{layer}'" if layer else "the module")
        changed = [name for name, value in _plain(self._module).items() if numbers.get(name) != value]
        if changed:
            self._keeps_state(f"'{changed[0]}'")

    def _bounded(self, moved: Sequence[str], rows: Rows, second: Trail) -> None:
        """Buffers may move, as running statistics do, but the next gradient may not depend on how far they did."""
        unknown = [name for name in moved if name not in may_move(self._module)]
        if unknown and first_difference(second, self._pass(rows, 0)[0]) is not None:
            self._keeps_state(f"buffer '{unknown[0]}'")

    def _keeps_state(self, what: str) -> None:
        raise UserError(
            f"{self._where}.model: {what} keeps state between calls: the same samples gave something else the second "
            "time, or would one day. A gradient may depend on the parameters and the samples alone"
        )

    def _evaluates(self, rows: Rows) -> None:
        """Evaluation mode, and the metric."""
        with Trail(self._module) as trail, self._telling(trail, len(rows)):
            self._engine.settle(self._engine.flat.vector.numpy().copy())
            self._engine.loss(rows)
        try:
            self._engine.measure(FEW)
        except RAISED as problem:
            raise UserError(f"{self._where}.metric: {type(problem).__name__}: {problem}") from problem

    # ----------------------------------------------------------------------------------------- buffers
    def _buffers(self) -> dict[str, Tensor]:
        return {name: buffer.clone() for name, buffer in self._module.named_buffers()}

    def _put(self, kept: dict[str, Tensor]) -> None:
        for name, buffer in self._module.named_buffers():
            buffer.copy_(kept[name])


def _plain(module: nn.Module) -> dict[str, Any]:
    """Numbers that the layers keep as attributes, and how long their lists are: what may count calls."""
    found: dict[str, Any] = {}
    for prefix, layer in module.named_modules():
        for name, value in vars(layer).items():
            full = f"{prefix}.{name}" if prefix else name
            if isinstance(value, int | float | np.number):
                found[full] = value
            elif isinstance(value, list | dict | set) and not name.startswith("_"):
                found[full] = len(value)
    return found
