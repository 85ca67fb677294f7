"""Local SGD, and with an outer step DiLoCo: H steps of each worker's own, then a step along their mean.

Stich 2019: arXiv 1805.09767 (η = 1, β = 0); Douillard et al. 2023: arXiv 2311.08105, Algorithm 1 (DiLoCo).

    paper      here            meaning
    γ          step_size       inner step size
    H          local_steps     gradients of each worker between two means
    η          outer_step      outer step size
    β          outer_momentum  outer Nesterov momentum
    θ          x               common model at the last mean, the same on all workers
    θ_i        x_i             model of worker i, H steps away from it at most
    Δ          delta           outer gradient, (1/n) Σ_i (x - x_i)
    -          m               outer momentum buffer, the same on all workers
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from rfast_bench.api import Activity, Algorithm, AllReduceMean, Gradient, Node, StepSize, Vector


class LocalSgd(Algorithm):
    """x_i ← x_i - γ g_i(x_i), H times from x; then m ← β m + Δ, x ← x - η (Δ + β m), and all start anew from x."""

    synchronous = True
    collective = True

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        local_steps: Annotated[int, Ge(1)] = 4,
        outer_step: Annotated[float, Gt(0)] = 1.0,
        outer_momentum: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        self.step_size = step_size
        self.H, self.eta, self.beta = local_steps, outer_step, outer_momentum
        self.x = self.x_i = x0
        self.m = 0 * x0

    @property
    def model(self) -> Vector:
        return self.x_i

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run()]

    async def run(self) -> None:
        while True:
            for _ in range(self.H):
                g = await Gradient(self.x_i)
                self.x_i = self.descend(self.x_i, g)
            delta = await AllReduceMean(self.x - self.x_i)
            self.m = self.beta * self.m + delta
            self.x = self.x - self.eta * (delta + self.beta * self.m)
            self.x_i = self.x

    def descend(self, x_i: Vector, g: Vector) -> Vector:
        """The point after one inner step from x_i; an inner optimizer of another kind is put in here."""
        return x_i - self.step_size * g

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, x_i, m, g or Δ, and the next x_i."""
        return 5
