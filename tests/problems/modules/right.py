"""Modules of many kinds that must train: each from six numbers a sample to three scores, unless it says otherwise."""

# mypy: ignore-errors
import torch
from torch import nn
from torch.nn.utils import parametrizations


def plain():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def batch_norm():
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def instance_norm():
    layers = nn.Conv1d(1, 4, 3), nn.InstanceNorm1d(4, affine=True, track_running_stats=True)
    return nn.Sequential(nn.Unflatten(1, (1, 6)), *layers, nn.Flatten(), nn.Linear(16, 3))


def weight_norm():
    return nn.Sequential(parametrizations.weight_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3))


def old_weight_norm():
    return nn.Sequential(nn.utils.weight_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3))


def spectral_norm():
    return nn.Sequential(parametrizations.spectral_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3))


def old_spectral_norm():
    return nn.Sequential(nn.utils.spectral_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3))


class Recurrent(nn.Module):
    def __init__(self, kind=nn.LSTM):
        super().__init__()
        self.cell = kind(1, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.cell(x[:, :, None])[0][:, -1])


def gru():
    return Recurrent(nn.GRU)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(1, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.up(x[:, :, None])
        return self.head(self.encoder(self.attention(x, x, x, need_weights=False)[0]).mean(1))


def in_place():
    layers = nn.ReLU(inplace=True), nn.Linear(6, 8), nn.ReLU(inplace=True)
    return nn.Sequential(*layers, nn.Linear(8, 3))


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Linear(6, 8).requires_grad_(False)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.features(x)))


class FrozenNorm(nn.Module):
    """Its norm stays in evaluation mode, as fine-tuning has it."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(6)
        self.norm.running_mean += 0.5
        self.head = nn.Linear(6, 3)

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x):
        return self.head(self.norm(x))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.again, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.again.weight = self.up.weight

    def forward(self, x):
        return self.head(torch.tanh(self.again(torch.tanh(self.up(x)))))


def lazy():
    return nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(3))


def dropout():
    return nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.4), nn.ReLU(), nn.Linear(16, 3))


class Skipping(nn.Module):
    """Half of the time a layer is left out (stochastic depth), by the draw of Python."""

    def __init__(self):
        super().__init__()
        self.up, self.block, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        import random

        x = self.up(x)
        return self.head(x + torch.tanh(self.block(x)) if random.random() < 0.5 or not self.training else x)


class OwnNorm(nn.Module):
    """A norm of one's own with running statistics, and a count that is a whole number."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(6))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        if not self.training:
            return self.head(x - self.mean)
        now = x.mean(0)
        self.mean.lerp_(now.detach(), 0.5)
        self.calls += 1
        return self.head(x - now)


class Listed(nn.Module):
    """Keeps its parameters in a plain list too."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6, 3) / 6)
        self.used = [self.weight]

    def forward(self, x):
        return x @ self.used[0]


def words():
    """Of six whole numbers from 0 to 9 a sample."""
    return nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(24, 3))


def images():
    """Of images of 2 × 3 pixels."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 2)), nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)
    )


def one_number():
    return nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1))


class Pair(nn.Module):
    """Gives (scores, features), for a loss of one's own."""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        features = torch.relu(self.up(x))
        return self.head(features), features


def pair_loss(outputs, targets):
    scores, features = outputs
    return nn.functional.cross_entropy(scores, targets, reduction="none") + 0.01 * features.square().sum(1)


def pair_metric(outputs, targets):
    return (outputs[0].argmax(1) != targets).double().mean()


class Rebound(nn.Module):
    """Statistics of its own that the forward pass rebinds, which is the usual way to write it."""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        hidden, mean = self.up(x), self.mean
        if self.training:
            mean = hidden.mean(0)
            self.mean = 0.9 * self.mean + 0.1 * mean.detach()
        return self.head(torch.relu(hidden - mean))


class Listening(nn.Module):
    """Keeps what it computed last for whoever wants to look, and never reads it."""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        self.last = torch.relu(self.up(x))
        return self.head(self.last)


class NoisyEvaluation(nn.Module):
    """Draws in evaluation mode alone."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        scores = self.head(x)
        return scores if self.training else scores + 0.5 * torch.randn_like(scores)


def scripted():
    return torch.jit.script(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)))


def noisy_loss(outputs, targets):
    noise = 1 + 0.3 * torch.randn_like(outputs)
    return nn.functional.cross_entropy(noise * outputs, targets, reduction="none")


def noisy_metric(outputs, targets):
    return torch.rand(())


def one_hot_loss(outputs, targets):
    """vmap cannot follow it."""
    return ((nn.functional.one_hot(targets, 3) - outputs.softmax(1)) ** 2).sum(1)


def branching_loss(outputs, targets):
    losses = nn.functional.cross_entropy(outputs, targets, reduction="none")
    return losses if losses.mean().item() > 0.01 else 2 * losses
