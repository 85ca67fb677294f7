"""Ring-AllReduce SGD: synchronous data-parallel SGD, the gradients averaged around a ring.

formula    here        meaning
γ          step_size   step size
x          x           model, the same on all workers
g_i        g           stochastic gradient of worker i
"""

from __future__ import annotations

from collections.abc import Iterable

from rfast_bench.api import Activity, Algorithm, AllReduceMean, Gradient, Node, StepSize, Vector


class RingAllReduce(Algorithm):
    """x ← x - γ (1/n) Σ_i g_i(x). A round ends only after the slowest worker's gradient."""

    synchronous = True
    collective = True

    def __init__(self, x0: Vector, *, step_size: StepSize) -> None:
        self.step_size = step_size
        self.x = x0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run()]

    async def run(self) -> None:
        while True:
            g = await Gradient(self.x)
            self.x = self.x - self.step_size * await AllReduceMean(g)

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x and g."""
        return 2
