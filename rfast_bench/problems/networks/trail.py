"""Which layer a pass is in, and what each layer gave: so that a message can name it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class Trail:
    """Listens to the layers of a module between `with` and its end."""

    def __init__(self, module: nn.Module) -> None:
        self.entered: list[str] = []
        """The layers that the pass is in, outermost first; after an error, those it was in."""
        self.gave: list[tuple[str, tuple[Tensor, ...]]] = []
        """What the layers gave, in the order in which they did."""
        self._module = module
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        for name, layer in self._module.named_modules():
            if isinstance(layer, torch.jit.ScriptModule):
                continue  # it takes no hooks
            self._handles += [
                layer.register_forward_pre_hook(self._enter(name)),
                layer.register_forward_hook(self._leave(name)),
            ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()

    @property
    def layer(self) -> str:
        """The innermost layer that was entered and not left, in words; empty when that is the module itself."""
        inner = self.entered[-1] if self.entered else ""
        return f"layer '{inner}'" if inner else ""

    @property
    def weight(self) -> int:
        """Bytes of what all layers gave."""
        return sum(part.nbytes for name, parts in self.gave if name for part in parts)

    def _enter(self, name: str) -> Any:
        def enter(layer: nn.Module, inputs: Any) -> None:
            self.entered.append(name)

        return enter

    def _leave(self, name: str) -> Any:
        def leave(layer: nn.Module, inputs: Any, outputs: Any) -> None:
            self.entered.pop()
            self.gave.append((name, tuple(part.detach().clone() for part in tensors_of(outputs))))

        return leave


def tensors_of(value: Any) -> list[Tensor]:
    """All tensors in tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for part in parts for tensor in tensors_of(part)]


def first_difference(one: Trail, other: Trail) -> str | None:
    """The first layer that gave something else the second time; None when all gave the same, to rounding."""
    if len(one.gave) != len(other.gave):
        return ""
    for (name, parts), (_, others) in zip(one.gave, other.gave, strict=True):
        if len(parts) != len(others) or not all(map(same, parts, others)):
            return name
    return None


def same(one: Tensor, other: Tensor) -> bool:
    """Equal to rounding, which may differ with where a tensor lies in memory."""
    if one.shape != other.shape:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    scale = float(one.abs().max()) if one.numel() else 0.0
    return torch.allclose(one, other, rtol=1e-5, atol=1e-6 * scale, equal_nan=True)
