"""What a module might remember from one call to the next, and what a loss depends on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor, nn

FEW = 64
"""Entries of a collection that are looked at."""


def counted(module: nn.Module) -> dict[str, Any]:
    """Numbers that the layers keep as attributes, tensors of one number among them, also in lists and dicts, and how
    long these are: what may count calls. Parameters and buffers are looked at elsewhere; torch's own layers count none.
    """
    found: dict[str, Any] = {}
    for prefix, layer in module.named_modules():
        own = {} if type(layer).__module__.startswith("torch.") else vars(layer)
        for name, value in own.items():
            if not name.startswith("_") and name != "training":
                found.update(_numbers(f"{prefix}.{name}" if prefix else name, value, 2))
    return found


def _numbers(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, int | float | np.number):
        yield name, value
    elif isinstance(value, Tensor):
        if value.numel() == 1:
            yield name, value.item()
    elif isinstance(value, list | tuple | deque | dict | set):
        yield name, len(value)
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in [*entries][: FEW if depth else 0]:
            yield from _numbers(f"{name}[{key!r}]", entry, depth - 1)


def leaves(value: Tensor) -> Iterator[Tensor]:
    """The parameters that a value depends on, by its graph."""
    seen: set[Any] = set()
    todo: list[Any] = [value.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor):
            yield variable
        todo += [following for following, _ in node.next_functions]
