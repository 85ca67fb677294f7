"""Ring-AllReduce SGD: synchronous data-parallel SGD, the gradients averaged around a ring.

formula    here           meaning
γ          step_size      step size
x          x              model, the same on all workers
g_i        g              stochastic gradient of worker i
K          buckets        pieces of a gradient that are summed while the rest is computed; 1: all at once
f          forward_share  share of the compute time before the first piece is there
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from annotated_types import Ge, Lt

from rfast_bench.api import (
    Activity,
    Algorithm,
    AllReduceMean,
    Buckets,
    Gradient,
    MeanGradient,
    Node,
    StepSize,
    Vector,
)


class RingAllReduce(Algorithm):
    """x ← x - γ (1/n) Σ_i g_i(x). A round ends only after the slowest worker's gradient.

    With buckets the sum overlaps the backward pass, as in data-parallel libraries (Li et al. 2020,
    arXiv 2006.15704, section 3.2.3).
    """

    synchronous = True
    collective = True

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        buckets: Buckets = 1,
        forward_share: Annotated[float, Ge(0), Lt(1)] = 1 / 3,
    ) -> None:
        self.step_size = step_size
        self.buckets, self.forward_share = buckets, forward_share
        self.x = x0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run()]

    async def run(self) -> None:
        while True:
            mean = await self.mean()
            self.x = self.descend(self.x, mean)

    def descend(self, x: Vector, g: Vector) -> Vector:
        """The point after the local step from x along the mean gradient; momentum is put in here."""
        return x - self.step_size * g

    async def mean(self) -> Vector:
        """(1/n) Σ_i g_i(x)."""
        if self.buckets == 1:
            g = await Gradient(self.x)
            return await AllReduceMean(g)
        return await MeanGradient(self.x, self.buckets, self.forward_share)

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x and g."""
        return 2
