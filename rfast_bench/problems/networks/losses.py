"""Losses and metrics by name: per-sample losses, what they want of outputs and targets, and what is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Any, Tensor], Tensor]
"""Outputs of a module and targets (b, ...) to losses (b,)."""
Metric = Callable[[Any, Tensor], Any]
"""Outputs and targets of all held-out samples to one number."""


def classes_first(outputs: Tensor, targets: Tensor) -> Tensor:
    """Scores (b, C, ...) of targets (b, ...), also where they come as (b, ..., C), as those of language models do."""
    if outputs.shape[2:] == targets.shape[1:]:
        return outputs
    return outputs.movedim(-1, 1)


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of class numbers; the mean over positions where a sample has several."""
    losses = functional.cross_entropy(classes_first(outputs, targets), targets, reduction="none")
    return losses if losses.dim() == 1 else losses.flatten(1).mean(1)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """`(output − target)²`, the mean over a sample's values; an output (b, 1) is one of (b,)."""
    errors = (outputs.reshape(targets.shape) - targets) ** 2
    return errors if errors.dim() == 1 else errors.flatten(1).mean(1)


def bce_with_logits(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of targets 0 to 1, the mean over a sample's values; an output (b, 1) is one of (b,)."""
    losses = functional.binary_cross_entropy_with_logits(
        outputs.reshape(targets.shape), targets, reduction="none"
    )
    return losses if losses.dim() == 1 else losses.flatten(1).mean(1)


LOSSES: dict[str, Loss] = {
    "cross-entropy": cross_entropy,
    "mse": squared_error,
    "bce-with-logits": bce_with_logits,
}


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of targets that have the largest score; with one score each, those on the right side of 0."""
    if outputs.numel() == targets.numel():
        return float(((outputs.reshape(targets.shape) > 0) == (targets > 0.5)).double().mean())
    return float((classes_first(outputs, targets).argmax(1) == targets).double().mean())


def r2(outputs: Tensor, targets: Tensor) -> float:
    """Coefficient of determination, `1 − Σ (y − ŷ)² / Σ (y − ȳ)²`; nan for targets that are all one."""
    truth, guess = targets.double(), outputs.reshape(targets.shape).double()
    spread = float(((truth - truth.mean(0)) ** 2).sum())
    return 1 - float(((truth - guess) ** 2).sum()) / spread if spread > 0 else float("nan")


METRICS: dict[str, Metric] = {"accuracy": accuracy, "r2": r2}


def takes_classes(loss: str, classes: int) -> bool:
    """Whether targets are class numbers (int64) rather than numbers of the module's own type."""
    return loss == "cross-entropy" or (loss not in LOSSES and classes > 0)


def misfit(loss: str, outputs: Any, targets: Tensor) -> str:
    """Why outputs do not fit a loss by name: what came and what it wants; empty when they fit."""
    if not isinstance(outputs, Tensor):
        return f"it gives {said(outputs)}; {loss} wants one tensor (or give problem.loss: file.py:loss, your own)"
    if not outputs.is_floating_point():
        return f"it gives {said(outputs)}; {loss} wants numbers with a fraction"
    if loss == "cross-entropy":
        return "" if _scores_fit(outputs, targets) else _wanted(outputs, targets, loss, "scores ")
    if outputs.numel() == targets.numel() and len(outputs) == len(targets):
        return ""
    return _wanted(outputs, targets, loss, "")


def _scores_fit(outputs: Tensor, targets: Tensor) -> bool:
    if outputs.dim() != targets.dim() + 1 or len(outputs) != len(targets):
        return False
    return outputs.shape[2:] == targets.shape[1:] or outputs.shape[:-1] == targets.shape


def _wanted(outputs: Tensor, targets: Tensor, loss: str, what: str) -> str:
    batch, rest = len(targets), [str(size) for size in targets.shape[1:]]
    shape = [str(batch), "classes", *rest] if what else [str(batch), *rest]
    wanted = f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"
    return f"it gives {said(outputs)} for {batch} samples; {loss} wants {what}{wanted}"


def said(value: Any) -> str:
    """A value of a module, in words."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, dict):
        return "a dict of " + ", ".join(f"{key}: {said(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of " + " and ".join(said(part) for part in value)
    return f"a {type(value).__name__}"


def joined(outputs: Sequence[Any]) -> Any:
    """Outputs of several batches as those of one."""
    first = outputs[0]
    if isinstance(first, Tensor):
        return torch.cat(list(outputs))
    if isinstance(first, dict):
        return {key: joined([part[key] for part in outputs]) for key in first}
    if isinstance(first, list | tuple):
        return [joined(parts) for parts in zip(*outputs, strict=True)]
    return first
