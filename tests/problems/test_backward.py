"""A module's gradient in parts: the same gradient, its parts in their order, each as soon as it is there."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rfast_bench.problems.networks.backward import cut, in_parts
from rfast_bench.problems.networks.flat import Flat


class Tied(nn.Module):
    """Its first layer is used twice, its second not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 5), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.third(torch.tanh(self.first(torch.tanh(self.first(x)))))
        return found


def chain() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))


class Empty(Tied):
    """With parameters of no numbers, of which the last is used."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(0, 3))
        self.third = nn.Linear(4, 2)
        self.last = nn.Parameter(torch.zeros(0))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.nothing.sum() + self.last.sum()


def loss_of(flat: Flat) -> Tensor:
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    loss: Tensor = flat.module(inputs).square().mean()
    return loss


def test_parts_hold_whole_parameters_and_are_filled_from_the_last_on() -> None:
    flat = Flat(chain())
    assert [(p.start, p.stop) for p in flat.parts] == [
        (0, 32),
        (32, 40),
        (40, 104),
        (104, 112),
        (112, 128),
        (128, 130),
    ]
    assert cut(flat, 18) == [slice(112, 130), slice(40, 112), slice(0, 40)]
    assert cut(flat, 1) == flat.parts[::-1]
    assert cut(flat, 1e9) == [slice(0, 130)]


@pytest.mark.parametrize("make", [chain, Tied, Empty])
@pytest.mark.parametrize("full", [1, 18, 40, 1e9])
def test_the_parts_are_those_of_the_whole_gradient(make: Any, full: float) -> None:
    torch.manual_seed(0)
    flat = Flat(make())
    parts, given = cut(flat, full), []
    found = in_parts(flat, loss_of(flat), parts, lambda part, values: given.append((part, values.clone())))
    whole = flat.gradient(loss_of(flat))
    assert torch.equal(found, whole)
    assert [part for part, _ in given] == parts
    assert all(torch.equal(values, whole[part]) for part, values in given)
    assert all(parameter.grad is None for parameter in flat.parameters)


def test_a_part_is_there_before_the_layers_below_have_theirs() -> None:
    flat = Flat(chain())
    happened: list[Any] = []
    first: Any = flat.parameters[0]
    first.register_hook(lambda slope: happened.append("first layer"))
    in_parts(flat, loss_of(flat), cut(flat, 18), lambda part, values: happened.append(part.start))
    assert happened == [112, 40, "first layer", 0]


def test_what_is_done_with_a_part_stays() -> None:
    """As a sum over all workers, which is formed where the part lies."""
    flat = Flat(chain())

    def mark(part: slice, values: Tensor) -> None:
        values.fill_(part.start)

    found = in_parts(flat, loss_of(flat), cut(flat, 18), mark)
    assert set(found.tolist()) == {0, 40, 112}
