"""A module of one's own: digits of 8 × 8 pixels, with BatchNorm. See docs/training-networks.md."""

import torch
from torch import nn


class Net(nn.Module):
    """Two convolutions, each followed by BatchNorm, and one linear layer."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(1, width, 3), nn.BatchNorm2d(width)
        self.second, self.second_norm = nn.Conv2d(width, width, 3, stride=2), nn.BatchNorm2d(width)
        self.scores = nn.Linear(4 * width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.reshape(-1, 1, 8, 8)
        x = torch.relu(self.first_norm(self.first(x)))
        x = torch.relu(self.second_norm(self.second(x)))
        return self.scores(x.flatten(1))
