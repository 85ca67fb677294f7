"""What a module keeps beside its parameters: nothing from one gradient to the next.

Training uses the statistics of the batch (Ioffe, Szegedy 2015, arXiv 1502.03167) and keeps no running ones. Before a
model is evaluated its statistics are computed anew over a fixed set of training batches, as for averaged models
(Izmailov et al. 2018, arXiv 1803.05407, section 3.2): the plain mean over the batches for BatchNorm. Other buffers
that training moves, such as the vectors of a spectral norm, start from their first values each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm

POWER_STEPS = 10
"""Of a spectral norm a gradient, at least: the vectors of the last gradient are not kept, so one would not do."""


class Buffers:
    """Switches a module between training and evaluation without anything left over."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._mode = ""
        self._norms = [m for m in module.modules() if isinstance(m, _NormBase) and m.track_running_stats]
        self._first: list[tuple[nn.Module, str, Tensor, Tensor]] = []
        """Of each moving buffer: its layer, its name there, the tensor, its first values."""
        self.moving: tuple[str, ...] = ()
        sharpen(module)

    def move(self, names: Sequence[str]) -> None:
        """These buffers are moved by training: they get their present values back before every gradient."""
        self.moving = tuple(names)
        self._first = []
        for full in names:
            prefix, _, name = full.rpartition(".")
            layer = self._module.get_submodule(prefix)
            buffer = layer.get_buffer(name)
            self._first.append((layer, name, buffer, buffer.clone()))

    def train(self) -> None:
        """Ready for a gradient."""
        if self._mode != "train":
            self._mode = "train"
            self._module.train()
            for norm in self._norms:
                norm.track_running_stats = not norm.training  # one that its owner froze goes on as it is
        self.restore()

    def restore(self) -> None:
        """Moving buffers as they were at the start."""
        for layer, name, buffer, first in self._first:
            buffer.copy_(first)
            layer._buffers[name] = buffer  # a forward pass may have put another tensor in its place

    def evaluate(self, passes: Iterable[Callable[[], object]]) -> None:
        """Ready for evaluation; `passes` are forward passes over the training batches that statistics are of."""
        self.train()
        self._mode = "evaluate"
        live = [norm for norm in self._norms if norm.training]
        if live or self._first:
            self._recalibrate(live, passes)
        for norm in self._norms:
            norm.track_running_stats = True
        self._module.eval()

    @torch.no_grad()
    def _recalibrate(self, live: Sequence[_NormBase], passes: Iterable[Callable[[], object]]) -> None:
        momenta = [norm.momentum for norm in live]
        for norm in live:
            norm.track_running_stats = True
            norm.reset_running_stats()
            if isinstance(norm, _BatchNorm):
                norm.momentum = None  # torch's word for the plain mean over all batches
        for forward in passes:
            forward()
        for norm, momentum in zip(live, momenta, strict=True):
            norm.momentum = momentum


def sharpen(module: nn.Module) -> None:
    """Give every spectral norm of the module enough power steps to do without memory."""
    for layer in module.modules():
        if isinstance(layer, _SpectralNorm):
            layer.n_power_iterations = max(POWER_STEPS, layer.n_power_iterations)
        for hook in layer._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm):
                hook.n_power_iterations = max(POWER_STEPS, hook.n_power_iterations)


def may_move(module: nn.Module) -> set[str]:
    """Names of buffers that may move between gradients and decide about the next: those of spectral norms."""
    allowed = set()
    for name, layer in module.named_modules():
        prefix = f"{name}." if name else ""
        if isinstance(layer, _SpectralNorm):
            allowed |= {f"{prefix}{buffer}" for buffer, _ in layer.named_buffers(recurse=False)}
        for hook in layer._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm):
                allowed |= {f"{prefix}{hook.name}_u", f"{prefix}{hook.name}_v"}
    return allowed
