"""ResNet-20 for small images (He et al. 2016, arXiv 1512.03385, section 4.2), with a choice of norm."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from rfast_bench.problems.data.datasets import Data
from rfast_bench.problems.networks.models.images import AsImages, outputs_of, shape_of

Norm = Callable[[int], nn.Module]
NORMS: dict[str, Norm] = {"group": lambda channels: nn.GroupNorm(8, channels), "batch": nn.BatchNorm2d}
BLOCKS = 3
"""Per stage; two layers each, three stages, with the first and the last layer: 20."""


def resnet20(data: Data, norm: str = "group", width: int = 16) -> nn.Module:
    """Three stages of `width`, 2 `width` and 4 `width` channels (a multiple of 8 for `norm: group`, or `batch`).

    Some 270 000 weights for three colours, ten classes, width 16.
    """
    if norm not in NORMS:
        raise ValueError(f"norm: '{norm}' is unknown; allowed: {', '.join(NORMS)}")
    shape, make = shape_of(data), NORMS[norm]
    first = nn.Conv2d(shape[0], width, 3, padding=1, bias=False)
    layers: list[nn.Module] = [AsImages(shape), first, make(width), nn.ReLU()]
    inside = width
    for stage in range(3):
        for block in range(BLOCKS):
            outside = width * 2**stage
            layers.append(Block(inside, outside, 2 if stage and not block else 1, make))
            inside = outside
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, outputs_of(data)))


class Block(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut without parameters (option A: fewer pixels, channels of zeros)."""

    def __init__(self, inside: int, outside: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.first_norm = norm(outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.second_norm = norm(outside)
        self._stride, self._more = stride, outside - inside

    def forward(self, x: Tensor) -> Tensor:
        """(b, inside, h, w) to (b, outside, h / stride, w / stride)."""
        y = self.second_norm(self.second(functional.relu(self.first_norm(self.first(x)))))
        short = x[:, :, :: self._stride, :: self._stride]
        return functional.relu(y + functional.pad(short, (0, 0, 0, 0, 0, self._more)))
