"""Rows of pixels as images."""

from __future__ import annotations

from math import isqrt

from torch import Tensor, nn

from rfast_bench.problems.data.datasets import Data

Shape = tuple[int, int, int]
"""Channels, height, width."""


def shape_of(data: Data) -> Shape:
    """Of the images in a data set: as its features stand, or the square ones of one or three colours that its rows
    of pixels must be. Raises ValueError when they are none."""
    own = data.features.shape[1:]
    if len(own) == 3:
        return own[0], own[1], own[2]
    if len(own) == 2:
        return 1, own[0], own[1]
    pixels = own[0] if own else 1
    for channels in (1, 3):
        side = isqrt(pixels // channels)
        if side > 1 and channels * side * side == pixels:
            return channels, side, side
    raise ValueError(f"{pixels} features are no square image of one or three channels")


def outputs_of(data: Data) -> int:
    """Scores that a model gives: one a class, or the one number of a regression."""
    return data.classes or 1


class AsImages(nn.Module):
    """Samples (b, ...) as images (b, channels, height, width)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x.reshape(len(x), *self.shape)
