"""What is wrong with a module is told before any run, by a few forward and backward passes over its first samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rfast_bench.errors import UserError
from rfast_bench.problems.networks import losses, state
from rfast_bench.problems.networks.buffers import may_move
from rfast_bench.problems.networks.engine import Engine, Rows
from rfast_bench.problems.networks.randomness import drawn_so_far, seeded
from rfast_bench.problems.networks.trail import Trail, first_difference, same
from rfast_bench.scenario.user_files.modules import MISTAKES

FEW = 64
"""Held-out samples that the metric is tried on."""
DRAWS = 8
"""How often a module that draws may leave a parameter without gradient before that is told."""


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
        numbers = state.counted(self._module)
        second, _ = self._pass(rows, 0)
        self._stateless(first, second, numbers)
        self._bounded(moved, rows, second)
        self._put(kept)
        self._engine.buffers.move(moved)
        for own in others:
            self._engine.buffers.train()
            self._pass(own, 0)
        self._evaluates(rows)
        self._as_a_fresh_one(rows, moved)
        return max(1, first.weight // len(rows))

    # ------------------------------------------------------------------------------------------ passes
    def _pass(self, rows: Rows, number: int) -> tuple[Trail, dict[str, Tensor | None]]:
        """One gradient, with what `number` has the module draw."""
        inputs, targets = self._engine.train.rows(rows)
        with seeded(number, inputs.device), self._noting_draws():
            with Trail(self._module) as trail, self._telling(trail, len(rows)):
                outputs = self._module(inputs)
            mean = self._mean_loss(outputs, targets)
        if not mean.requires_grad:
            raise UserError(
                f"{self._where}.model: its output does not depend on any parameter that is trained"
            )
        self._own_parameters()
        self._all_known(mean)
        with self._telling(trail, len(rows)):
            slopes = self._engine.flat.slopes(mean)
        return trail, dict(zip(self._engine.flat.names, slopes, strict=True))

    @contextmanager
    def _noting_draws(self) -> Iterator[None]:
        before = drawn_so_far()
        yield
        self._engine.random |= drawn_so_far() != before

    @contextmanager
    def _telling(self, trail: Trail, samples: int) -> Iterator[None]:
        try:
            yield
        except MISTAKES as problem:
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
        except MISTAKES as problem:
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

    def _own_parameters(self) -> None:
        """The forward pass makes no parameter, and neither freezes nor thaws one."""
        flat = self._engine.flat
        now = {name: p for name, p in self._module.named_parameters() if p.requires_grad}
        others = [name for name, p in now.items() if not any(p is own for own in flat.parameters)]
        if others or len(now) != len(flat.names):
            name = (others or [name for name in flat.names if name not in now])[0]
            raise UserError(
                f"{self._where}.model: its forward pass makes, freezes or thaws the parameter '{name}': nobody would "
                "train what is there only then. Do it in __init__"
            )

    def _all_known(self, mean: Tensor) -> None:
        """What the loss depends on is the module's, not parameters of the loss or of something else."""
        flat = self._engine.flat
        for leaf in state.leaves(mean):
            if not any(leaf is own for own in flat.parameters):
                shape = tuple(leaf.shape)
                raise UserError(
                    f"{self._where}.loss: the loss depends on a parameter of shape {shape} that is none of the "
                    "model's, so nobody would train it; make it a part of the module, or freeze it"
                )

    def _stateless(self, one: Trail, other: Trail, numbers: dict[str, Any]) -> None:
        layer = first_difference(one, other)
        if layer is not None:
            self._keeps_state(f"layer '{layer}'" if layer else "the module")
        self._counts_nothing(numbers)

    def _counts_nothing(self, numbers: dict[str, Any]) -> None:
        changed = [n for n, value in state.counted(self._module).items() if numbers.get(n) != value]
        if changed:
            self._keeps_state(f"'{changed[0]}'")

    def _as_a_fresh_one(self, rows: Rows, moved: Sequence[str]) -> None:
        """A module that first saw other samples and other parameters, in both modes, computes what this one does."""
        mine, other = self._engine, self._engine.on(self._engine.device)
        start = mine.flat.vector.clone()
        other.buffers.move(moved)
        with self._telling_plainly():
            elsewhere = 0.9 * start + 0.01
            other.gradient(elsewhere, np.roll(mine.everything, len(rows) // 2 + 1)[: len(rows)], 1.0, 1, 1)
            other.settle(elsewhere)
            other.loss(rows)
            other.measure(FEW)
            gradients = [engine.gradient(start, rows, 1.0, 0, 0) for engine in (mine, other)]
            for engine in (mine, other):
                engine.settle(start)
            losses_ = [engine.loss(rows) for engine in (mine, other)]
        if not same(*gradients):
            self._keeps_state("the module, or the loss,")
        if not same(*(torch.tensor(loss) for loss in losses_)):
            self._keeps_state("the module in evaluation mode, or the loss,")

    @contextmanager
    def _telling_plainly(self) -> Iterator[None]:
        try:
            yield
        except MISTAKES as problem:
            raise UserError(f"{self._where}.model: {type(problem).__name__}: {problem}") from problem

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
        device, numbers = self._engine.device, state.counted(self._module)
        with seeded(0, device), self._noting_draws():
            with Trail(self._module) as trail, self._telling(trail, len(rows)):
                self._engine.settle(self._engine.flat.vector.clone())
                self._engine.loss(rows)
            self._measures()
        self._counts_nothing(
            numbers | {n: v for n, v in state.counted(self._module).items() if n not in numbers}
        )

    def _measures(self) -> None:
        try:
            self._engine.measure(FEW)
        except MISTAKES as problem:
            raise UserError(f"{self._where}.metric: {type(problem).__name__}: {problem}") from problem

    # ----------------------------------------------------------------------------------------- buffers
    def _buffers(self) -> dict[str, Tensor]:
        return {name: buffer.clone() for name, buffer in self._module.named_buffers()}

    def _put(self, kept: dict[str, Tensor]) -> None:
        for name, buffer in self._module.named_buffers():
            buffer.copy_(kept[name])
