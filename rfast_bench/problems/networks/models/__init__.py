"""Modules that come with the suite: each takes the data that it is for, and `model_args` as keywords."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from rfast_bench.problems.networks.models.lenet import lenet
from rfast_bench.problems.networks.models.resnet20 import resnet20
from rfast_bench.problems.networks.models.transformer import transformer

MODELS: dict[str, Callable[..., nn.Module]] = {
    "lenet": lenet,
    "resnet20": resnet20,
    "transformer": transformer,
}
