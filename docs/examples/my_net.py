"""A module and data of one's own: digits of 8 × 8 pixels. See docs/training-networks.md."""

import torch
from sklearn.datasets import load_digits
from torch import nn


def net(width: int = 8) -> nn.Module:
    """Two convolutions, each followed by BatchNorm, and one linear layer."""
    first = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU())
    second = nn.Sequential(nn.Conv2d(width, width, 3, stride=2), nn.BatchNorm2d(width), nn.ReLU())
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(4 * width, 10))


class Digits(torch.utils.data.Dataset):
    def __init__(self) -> None:
        images, self.labels = load_digits(return_X_y=True)
        self.images = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, k: int) -> tuple[torch.Tensor, int]:
        return self.images[k], self.labels[k]
