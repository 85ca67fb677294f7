"""A module's gradient in parts, each of which is there as soon as the backward pass has it.

As in PyTorch's DistributedDataParallel (Li et al. 2020, arXiv 2006.15704, section 3.2.3): a part holds whole
parameters, is filled by their sizes from the last one on, and parts come in their order, whatever order the
parameters' gradients come in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rfast_bench.problems.networks.flat import Flat

There = Callable[[slice, Tensor], None]
"""Told a part and its values, which share the memory of the whole."""


def cut(flat: Flat, full: float) -> list[slice]:
    """Of a vector of shape (d,), the last coordinates first; each part but the last holds at least `full` of them."""
    parts: list[slice] = []
    stop = flat.vector.numel()
    for part in reversed(flat.parts):
        if stop - part.start >= full or part.start == 0:
            parts.append(slice(part.start, stop))
            stop = part.start
    return [part for part in parts if part.stop > part.start]


def in_parts(flat: Flat, loss: Tensor, parts: Sequence[slice], there: There) -> Tensor:
    """The gradient of a loss, shape (d,): a fresh tensor; 0 for parameters that it does not depend on.

    `there` is called for each of `parts` in turn, from within the backward pass, but for those with parameters that
    the loss does not depend on: they come when it is over.
    """
    backward = _Backward(flat, parts, there)
    handles = []
    for parameter, part in zip(flat.parameters, flat.parts, strict=True):
        listen: Any = parameter.register_post_accumulate_grad_hook
        handles.append(listen(partial(backward.accumulated, part)))
    try:
        torch.autograd.backward(loss, inputs=flat.parameters)
    finally:
        for handle in handles:
            handle.remove()
    backward.finish()
    return backward.whole


class _Backward:
    """One backward pass: what has come, and which part is next."""

    def __init__(self, flat: Flat, parts: Sequence[slice], there: There) -> None:
        self.whole = torch.empty_like(flat.vector)
        self._parts, self._there = parts, there
        self._not_come = {part.start: part for part in flat.parts if part.start < part.stop}
        self._missing = [part.stop - part.start for part in parts]
        self._part_of = {
            own.start: k
            for k, part in enumerate(parts)
            for own in flat.parts
            if part.start <= own.start < part.stop
        }
        self._next = 0

    def accumulated(self, part: slice, parameter: Tensor) -> None:
        """All of a parameter's gradient has come."""
        slope, parameter.grad = parameter.grad, None
        assert slope is not None
        if part.start == part.stop:
            return  # a parameter of no numbers
        self.whole[part] = slope.reshape(-1)
        del self._not_come[part.start]
        self._missing[self._part_of[part.start]] -= part.stop - part.start
        while self._next < len(self._parts) and not self._missing[self._next]:
            self._give()

    def finish(self) -> None:
        """Nothing more will come."""
        for part in self._not_come.values():
            self.whole[part] = 0
        while self._next < len(self._parts):
            self._give()

    def _give(self) -> None:
        part = self._parts[self._next]
        self._next += 1
        self._there(part, self.whole[part])
