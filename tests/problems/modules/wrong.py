"""Modules that must be refused before any run; the first word of a docstring is what the message must hold."""

# mypy: ignore-errors
import torch
from torch import nn


class Unused(nn.Module):
    """'auxiliary.weight', 'auxiliary.bias'"""

    def __init__(self):
        super().__init__()
        self.used, self.auxiliary = nn.Linear(6, 3), nn.Linear(6, 10)

    def forward(self, x):
        return self.used(x)


class Detached(nn.Module):
    """'up.weight'"""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.up(x).detach())


class Two(nn.Module):
    """a tuple of float32 (16, 3) and float32 (16, 4); cross-entropy wants one tensor"""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x):
        features = self.up(x)
        return self.head(features), features


def shape():
    """it gives float32 (16, 2, 3) for 16 samples; cross-entropy wants scores (16, classes)"""
    return nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (2, 3)))


def few():
    """it scores 2 classes, 0 to 1, but there are labels from 0 to 2"""
    return nn.Linear(6, 2)


def layer():
    """layer '1': RuntimeError"""
    return nn.Sequential(nn.Linear(6, 5), nn.Linear(4, 3))


def none():
    """nothing to train: it has no parameters"""
    return nn.Flatten()


def frozen():
    """nothing to train: all of its parameters are frozen"""
    return nn.Linear(6, 3).requires_grad_(False)


def number():
    """gives a int, not a torch.nn.Module"""
    return 3


def raises():
    """could not be made with model_args {}: ZeroDivisionError"""
    return 1 / 0


class SharedMemory(nn.Module):
    """'up.weight' and 'again.weight' are two that share their memory"""

    def __init__(self):
        super().__init__()
        self.up, self.again, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.again.weight.data = self.up.weight.data

    def forward(self, x):
        return self.head(self.again(self.up(x)))


class Infinite(nn.Module):
    """the loss at the start is not finite"""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(x) / 0


class Steep(nn.Module):
    """the gradient of 'weight' at the start is not finite"""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 3))

    def forward(self, x):
        return x @ self.weight.abs().sqrt()


class Counter(nn.Module):
    """'calls' keeps state between calls"""

    def __init__(self):
        super().__init__()
        self.head, self.calls = nn.Linear(6, 3), 0

    def forward(self, x):
        self.calls += 1
        return self.head(x)


class Memory(nn.Module):
    """layer 'memory' keeps state between calls"""

    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = None

        def forward(self, x):
            last, self.last = self.last, x.detach().mean(0)
            return x if last is None else x + last

    def __init__(self):
        super().__init__()
        self.memory, self.head = Memory.Cell(), nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.memory(x))


class Graph(nn.Module):
    """keeps tensors from call to call"""

    def __init__(self):
        super().__init__()
        self.up, self.head, self.last = nn.Linear(6, 4), nn.Linear(4, 3), None

    def forward(self, x):
        now = torch.tanh(self.up(x))
        last, self.last = self.last, now
        return self.head(now if last is None else now + 0 * last)


class Average(nn.Module):
    """buffer 'mean' keeps state between calls"""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(6))
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        self.mean.lerp_(x.mean(0), 0.1)
        return self.head(x - self.mean)


class Clipping(nn.Module):
    """changes its own parameter 'head.weight'"""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        self.head.weight.data.clamp_(-0.01, 0.01)
        return self.head(x)


class FixedBatch(nn.Module):
    """RuntimeError with a batch of 1"""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(x.view(16, 6))


class Generator(nn.Module):
    """keeps state between calls"""

    def __init__(self):
        super().__init__()
        self.head, self.noise = nn.Linear(6, 3), torch.Generator().manual_seed(0)

    def forward(self, x):
        return self.head(x + torch.randn(x.shape, generator=self.noise))


class LazyUnused(nn.Module):
    """'auxiliary.weight', a lazy layer"""

    def __init__(self):
        super().__init__()
        self.used, self.auxiliary = nn.LazyLinear(3), nn.LazyLinear(3)

    def forward(self, x):
        return self.used(x)


class Scripted(nn.Linear):
    """Error with a batch of 16: as a scripted module says it"""

    def __init__(self):
        super().__init__(6, 3)

    def forward(self, x):
        raise torch.jit.Error("as a scripted module says it")


class Looking(nn.Linear):
    """KeyError with a batch of 16: 'scores'"""

    def __init__(self):
        super().__init__(6, 3)

    def forward(self, x):
        return {"logits": super().forward(x)}["scores"]


# ------------------------------------------------------------------------------- what is remembered or made on the way
class Hidden(nn.Module):
    """Two layers; those below remember something between them."""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def between(self, hidden):
        return hidden

    def forward(self, x):
        return self.head(torch.relu(self.between(self.up(x))))


class CountsInATensor(Hidden):
    """'step' keeps state"""

    def __init__(self):
        super().__init__()
        self.step = torch.zeros(1)

    def between(self, hidden):
        self.step += 1
        return hidden if self.step <= 40 else 0.1 * hidden


class CountsInADict(Hidden):
    """'seen['calls']' keeps state"""

    def __init__(self):
        super().__init__()
        self.seen = {"calls": 0}

    def between(self, hidden):
        self.seen["calls"] += 1
        return hidden


class CountsInEvaluation(Hidden):
    """'looks' keeps state"""

    def __init__(self):
        super().__init__()
        self.looks = 0

    def between(self, hidden):
        self.looks += not self.training
        return hidden


class RemembersItsFirstBatch(Hidden):
    """keeps state between calls"""

    def __init__(self):
        super().__init__()
        self.centre = None

    def between(self, hidden):
        if self.centre is None:
            self.centre = hidden.detach().mean(0)
        return hidden - self.centre


class FusesWeightsOnce(Hidden):
    """the module in evaluation mode, or the loss, keeps state"""

    def __init__(self):
        super().__init__()
        self.fused = None

    def forward(self, x):
        if self.training:
            return self.head(self.up(x))
        if self.fused is None:
            self.fused = (self.head.weight @ self.up.weight).detach()
        return x @ self.fused.T


class MakesAParameter(Hidden):
    """makes, freezes or thaws the parameter 'scale'"""

    def __init__(self):
        super().__init__()
        self.made = False

    def between(self, hidden):
        if not self.made:
            self.scale, self.made = nn.Parameter(torch.ones(8)), True
        return self.scale * hidden


class Thaws(Hidden):
    """makes, freezes or thaws the parameter 'up.weight'"""

    def __init__(self):
        super().__init__()
        self.up.requires_grad_(False)

    def forward(self, x):
        self.up.requires_grad_(True)
        return super().forward(x)


class Complex(Hidden):
    """'turn' is complex"""

    def __init__(self):
        super().__init__()
        self.turn = nn.Parameter(torch.ones(8, dtype=torch.cfloat))

    def between(self, hidden):
        return (hidden * self.turn).real


class OwnMistake(Exception):
    pass


class RaisesItsOwn(Hidden):
    """OwnMistake with a batch of 16: not today"""

    def between(self, hidden):
        raise OwnMistake("not today")


def mean_loss(outputs, targets):
    """it gives float32 (); wanted is one loss a sample"""
    return nn.functional.cross_entropy(outputs, targets)


def no_metric(outputs, targets):
    """ZeroDivisionError"""
    return 1 / 0


class _Temperature(nn.Module):
    """a parameter of shape (3,) that is none of the model's"""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, outputs, targets):
        return nn.functional.cross_entropy(self.scale * outputs, targets, reduction="none")


learned_loss = _Temperature()
_calls = [0]


def counting_loss(outputs, targets):
    """keeps state between calls"""
    _calls[0] += 1
    return nn.functional.cross_entropy(outputs, targets, reduction="none") / _calls[0]
