"""A module as a function of one flat vector."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Flat:
    """A module whose trained parameters are views of `vector`, shape (d,).

    They stand there in the order of `named_parameters()`; only those that require a gradient count, and one that
    two layers share counts once. The module's own parameters are bound to the vector, so that layers that keep
    lists of them (recurrent ones do) see its values too.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        ends = [0, *accumulate(parameter.numel() for parameter in self.parameters)]
        self.parts = [slice(*pair) for pair in pairwise(ends)]
        self.vector = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        self._on_host = self.vector.numpy() if self.vector.device.type == "cpu" else None
        for parameter, part in zip(self.parameters, self.parts, strict=True):
            parameter.data = self.vector[part].view(parameter.shape)

    def set(self, x: Any) -> None:
        """Give the parameters the values of x, an array or tensor of shape (d,), which is only read."""
        if isinstance(x, Tensor):
            self.vector.copy_(x)
        elif self._on_host is not None:
            self._on_host[:] = x
        else:
            self.vector.copy_(torch.from_numpy(np.array(x)))

    def slopes(self, loss: Tensor) -> list[Tensor | None]:
        """Of a loss, by parameter; None for one that the loss does not depend on."""
        return list(torch.autograd.grad(loss, self.parameters, allow_unused=True))

    def gradient(self, loss: Tensor) -> Tensor:
        """Of a loss, shape (d,): a fresh tensor; 0 for parameters that it does not depend on."""
        slopes = self.slopes(loss)
        filled = [
            (torch.zeros_like(parameter) if slope is None else slope).reshape(-1)
            for parameter, slope in zip(self.parameters, slopes, strict=True)
        ]
        return torch.cat(filled)

    def named(self, vector: Tensor) -> dict[str, Tensor]:
        """A vector of shape (d,) as its named parts, each of its parameter's shape."""
        pieces = zip(self.names, self.parameters, self.parts, strict=True)
        return {name: vector[part].view(parameter.shape) for name, parameter, part in pieces}


def as_array(tensors: Sequence[Tensor]) -> NDArray[Any]:
    """Gradients on the host, as rows."""
    if len(tensors) == 1:
        row: NDArray[Any] = tensors[0].numpy()[None]
        return row
    rows: NDArray[Any] = torch.stack(list(tensors)).numpy()
    return rows
