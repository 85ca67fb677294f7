"""A small convolutional network in the manner of LeNet (LeCun et al. 1998), with GroupNorm (Wu, He 2018)."""

from __future__ import annotations

from torch import nn

from rfast_bench.problems.data.datasets import Data
from rfast_bench.problems.networks.models.images import AsImages, outputs_of, shape_of


def lenet(data: Data, width: int = 8) -> nn.Module:
    """Two 5 × 5 convolutions of stride 2, of `width` and 2 `width` channels (a multiple of 4), then one linear layer.

    11 322 weights for 28 × 28 pixels of one colour, ten classes, width 8.
    """
    channels, height, side = shape = shape_of(data)
    left = _halved(_halved(height)) * _halved(_halved(side))
    return nn.Sequential(
        AsImages(shape),
        nn.Conv2d(channels, width, 5, stride=2, padding=2),
        nn.GroupNorm(4, width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 5, stride=2, padding=2),
        nn.GroupNorm(4, 2 * width),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * width * left, outputs_of(data)),
    )


def _halved(side: int) -> int:
    return (side + 1) // 2
