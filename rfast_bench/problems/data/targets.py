"""Targets: classes, numbered from 0, or numbers, as the problem asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.problems.data.raw import Raw

Task = Literal["classes", "numbers"]
"""What a problem learns: to tell classes apart, or numbers (regression)."""


@dataclass(frozen=True)
class Targets:
    """Of training samples and, where the data bring them, of held-out ones, shapes (M,) and (T,)."""

    train: NDArray[Any]
    test: NDArray[Any] | None
    classes: int
    """C; 0 for numbers."""
    names: tuple[str, ...] | None
    """Of the classes, where they are not 0..C-1."""


def targets(raw: Raw, task: Task | None, where: str) -> Targets:
    """`task` None: classes where the targets are text or whole-number types, else numbers.

    Raises UserError when the targets are no such thing.
    """
    if task is None:
        task = "numbers" if raw.y.dtype.kind == "f" and raw.classes is None else "classes"
    return _numbers(raw, where) if task == "numbers" else _classes(raw, where)


def _numbers(raw: Raw, where: str) -> Targets:
    if raw.y.dtype.kind not in "biuf":
        raise UserError(f"{where}: its targets are text, such as '{raw.y[0]}'; regression needs numbers")
    parts = [raw.y] if raw.test is None else [raw.y, raw.test[1]]
    for part in parts:
        if not np.isfinite(part).all():
            sample = int(np.flatnonzero(~np.isfinite(part))[0])
            raise UserError(f"{where}: the target of sample {sample} is {part[sample]}; expected a number")
    train, *test = (part.astype(np.float64) for part in parts)
    return Targets(train, test[0] if test else None, 0, None)


def _classes(raw: Raw, where: str) -> Targets:
    every = raw.y if raw.test is None else np.concatenate([raw.y, raw.test[1]])
    if every.dtype.kind == "f":
        wrong = np.flatnonzero(every != np.rint(every))  # NaN too
        if len(wrong):
            raise UserError(
                f"{where}: the labels are not whole numbers (sample {wrong[0]}: {every[wrong[0]]:g}); "
                "expected class labels. To learn numbers, take kind: linear-regression"
            )
    if raw.counted:
        _none_negative(every, len(raw.y), where)
    if raw.classes is not None:
        return _kept(raw, every, raw.classes, raw.names, where)
    names, numbers = np.unique(every, return_inverse=True)
    _at_least_two(len(names), where)
    told = None if _plain(names) else tuple(map(_told, names.tolist()))
    count = len(raw.y)
    return Targets(numbers[:count], None if raw.test is None else numbers[count:], len(names), told)


def _kept(raw: Raw, every: NDArray[Any], classes: int, names: tuple[str, ...] | None, where: str) -> Targets:
    if every.min() < 0 or every.max() >= classes:
        wrong = int(every.min() if every.min() < 0 else every.max())
        raise UserError(f"{where}: label {wrong} is outside 0..{classes - 1}")
    _at_least_two(classes, where)
    test = None if raw.test is None else raw.test[1].astype(np.intp)
    return Targets(raw.y.astype(np.intp), test, classes, names)


def _none_negative(labels: NDArray[Any], training: int, where: str) -> None:
    """Raises UserError for a class below 0, unless there are just -1 and 1; the first `training` are for training."""
    if labels.dtype.kind not in "if" or not (labels < 0).any() or not set(np.unique(labels)) - {-1, 1}:
        return
    sample = int(np.flatnonzero(labels < 0)[0])
    of = f"{sample}" if sample < training else f"{sample - training} of the test data"
    raise UserError(
        f"{where}: the label of sample {of} is {labels[sample]:g}; expected classes 0..C-1 (or -1 and 1). No label "
        "is ignored in training, as torch's ignore_index has it: leave such samples out"
    )


def _at_least_two(classes: int, where: str) -> None:
    if classes < 2:
        raise UserError(f"{where}: its labels name {classes} class; expected at least 2")


def _plain(names: NDArray[Any]) -> bool:
    return names.dtype.kind in "iuf" and np.array_equal(names, np.arange(len(names)))


def _told(name: Any) -> str:
    return f"{name:g}" if isinstance(name, float) else str(name)
