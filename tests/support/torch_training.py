"""What a plain PyTorch training loop gives on the mini-batches that the workers of a run drew, put together.

A `Twin` is a problem of the suite and the same model as a torch module: a new kind of problem needs no more to be
compared with torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.plan.runs import Run


@dataclass(frozen=True)
class Twin:
    """`module` builds the torch module of a problem at its start; `flat` gives a module's model as the suite has it;
    `batch` the inputs and targets of row numbers that a worker's sampler gave."""

    problem: Mapping[str, Any]
    module: Callable[[Any], nn.Module]
    flat: Callable[[nn.Module], np.ndarray]
    batch: Callable[[Any, np.ndarray], tuple[Tensor, Tensor]]


def pooled_training(
    twin: Twin,
    problem: Any,
    run: Run,
    steps: int,
    optimizer: Callable[[Any], torch.optim.Optimizer],
    scheduler: Callable[[Any], Any],
) -> np.ndarray:
    """The model after so many steps, shape (d,); every step takes one mini-batch of each worker."""
    module = twin.module(problem)
    own = optimizer(module.parameters())
    schedule = scheduler(own)
    batches = [problem.sampler(i, stream(run.seed, "batches", i)) for i in range(problem.workers)]
    for _ in range(steps):
        rows = np.concatenate([next(batch) for batch in batches])
        inputs, targets = twin.batch(problem, rows)
        own.zero_grad()
        nn.functional.cross_entropy(module(inputs), targets).backward()  # type: ignore[no-untyped-call]
        own.step()
        schedule.step()
    return twin.flat(module)


# ---------------------------------------------------------------------------------------------- the MLP
def _mlp_module(problem: Any) -> nn.Module:
    layers: list[nn.Module] = []
    at, start = 0, torch.from_numpy(problem.start.copy())
    for inputs, outputs in problem.layers:
        layer = nn.Linear(inputs, outputs, dtype=start.dtype)
        with torch.no_grad():
            layer.weight.copy_(start[at : at + inputs * outputs].reshape(inputs, outputs).T)
            layer.bias.copy_(start[at + inputs * outputs : at + (inputs + 1) * outputs])
        at += (inputs + 1) * outputs
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def _mlp_flat(module: nn.Module) -> np.ndarray:
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    parts = [part for layer in linear for part in (layer.weight.T.reshape(-1), layer.bias)]
    flat: np.ndarray = torch.cat(parts).detach().numpy()
    return flat


def _rows(problem: Any, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(problem.features[rows]), torch.from_numpy(problem.labels[rows])


def mlp(dtype: str) -> Twin:
    """A small network on 256 training samples."""
    data = {"kind": "synthetic", "samples": 256, "features": 6, "classes": 3}
    known = {"dataset": data, "test_fraction": 0, "batch_size": 16, "l2": 0, "hidden": [8]}
    return Twin({"kind": "mlp", "dtype": dtype, **known}, _mlp_module, _mlp_flat, _rows)


# ------------------------------------------------------------------------------------- modules of kind torch
def _lenet_module(problem: Any) -> nn.Module:
    module = problem.engine.task.make()
    nn.utils.vector_to_parameters(torch.from_numpy(problem.start.copy()), module.parameters())
    return module  # type: ignore[no-any-return]


def _lenet_flat(module: nn.Module) -> np.ndarray:
    flat: np.ndarray = nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    return flat


def _images(problem: Any, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    inputs, targets = problem.engine.train.rows(problem.samples_of(0, rows))
    return inputs, targets


def lenet(dtype: str) -> Twin:
    """The shipped LeNet on 256 images of 8 x 8 pixels."""
    data = {"kind": "synthetic", "samples": 256, "features": 64, "classes": 3}
    known = {"dataset": data, "test_fraction": 0, "batch_size": 16, "l2": 0}
    problem = {"kind": "torch", "model": "lenet", "dtype": dtype, **known}
    return Twin(problem, _lenet_module, _lenet_flat, _images)
