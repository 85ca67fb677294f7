"""Many workers' gradients in one call, where that pays: small networks of linear layers.

By vmap over 8 workers a convolutional network takes twice the time of one by one (grouped convolutions), while a
small fully connected one takes a fraction. So it is done by the types of layers, and never for modules that draw,
or that look at a whole batch at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from rfast_bench.problems.networks.engine import Engine, Rows
from rfast_bench.problems.networks.trail import same

PAYS = (nn.Linear, nn.Bilinear, nn.LayerNorm, nn.Flatten, nn.Unflatten, nn.Identity, nn.Sequential)
PAYS_TOO = (nn.Tanh, nn.ReLU, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Softplus, nn.Hardtanh)
LARGE = 2**15
"""Parameters from which one gradient is enough work for a call of its own."""


def pays(engine: Engine) -> bool:
    """Whether gradients of this engine's module are better computed many at a time."""
    known = all(type(layer) in (*PAYS, *PAYS_TOO) for layer in engine.flat.module.modules())
    small = engine.flat.vector.numel() < LARGE
    return known and small and not engine.buffers.moving and not engine.random and works(engine)


def works(engine: Engine) -> bool:
    """Whether two gradients in one call are those of two calls. A loss or a hook of one's own may do what vmap cannot
    follow, such as a branch on a value."""
    start = engine.flat.vector.clone()
    rows = [engine.everything[:2], engine.everything[-2:]]
    alone = [engine.gradient(start, own, 1.0, 0, 0) for own in rows]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # it warns where it falls back to what is slower than one by one
            joint = gradients(engine, torch.stack([start, start]), rows, np.ones(2))
    except (RuntimeError, UserWarning):
        return False
    return all(map(same, alone, joint))


def gradients(engine: Engine, points: Any, rows: Sequence[Rows], shares: NDArray[Any]) -> list[Tensor]:
    """Of points (k, d): k tensors (d,), the r-th by the samples of rows[r]; all hold the same number of samples."""
    engine.buffers.train()
    models = points if isinstance(points, Tensor) else torch.from_numpy(np.array(points))
    inputs, targets = engine.train.rows(np.concatenate(rows))
    shape = (len(rows), len(rows[0]))
    weights = torch.from_numpy(shares).to(models)
    many: Callable[..., Tensor] = vmap(grad(partial(_loss, engine)))
    return list(
        many(
            models, inputs.view(*shape, *inputs.shape[1:]), targets.view(*shape, *targets.shape[1:]), weights
        )
    )


def _loss(engine: Engine, vector: Tensor, inputs: Tensor, targets: Tensor, share: Tensor) -> Tensor:
    outputs = functional_call(engine.flat.module, engine.flat.named(vector), (inputs,))
    return engine.task.loss(outputs, targets).mean() * share
