"""Workers that only measure: each computes gradients as in a real run, and talks as little as a method does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from annotated_types import Gt

from rfast_bench.api import Activity, Algorithm, AllReduceMean, Gradient, Node, ReceiveAny, Vector

Numbers = Annotated[int, Gt(0)]


def resized(vector: Vector, numbers: int) -> Vector:
    """A vector of so many numbers, of the kind of `vector` and where it lives."""
    copies = -(-numbers // len(vector))
    whole = np.tile(vector, copies) if isinstance(vector, np.ndarray) else vector.repeat(copies)
    return whole[:numbers]


class _Probe(Algorithm):
    def __init__(self, x0: Vector, *, numbers: Numbers) -> None:
        self.x = x0
        self.payload = resized(x0, numbers)

    @property
    def model(self) -> Vector:
        return self.x


class Messages(_Probe):
    """Sends `numbers` numbers to the next worker once a gradient; who receives them does so at once."""

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.compute(node), self.receive()]

    async def compute(self, node: Node) -> None:
        while True:
            node.send((node.id + 1) % node.n, "probe", self.payload)
            await Gradient(self.x)

    async def receive(self) -> None:
        while True:
            await ReceiveAny("probe")


class Collective(_Probe):
    """An all-reduce of `numbers` numbers after each gradient."""

    synchronous = True
    collective = True

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.compute()]

    async def compute(self) -> None:
        while True:
            await Gradient(self.x)
            await AllReduceMean(self.payload)
