"""Asynchronous gossip SGD: D-PSGD (arXiv 1705.09056) without the waiting.

formula    here        meaning
γ          step_size   step size
x_i        x           model
w_ij       W[j]        symmetric doubly stochastic mixing weights
g_i        g           stochastic gradient at x_i, computed while the models travel
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from annotated_types import Ge

from rfast_bench.api import Activity, Algorithm, Gradient, Node, StepSize, Vector


class GossipSgd(Algorithm):
    """x_i ← Σ_j w_ij (newest x_j received) - γ g_i(x_i). Nobody ever waits for a neighbour."""

    needs = "undirected"
    default_topology = "ring"

    def __init__(self, x0: Vector, *, step_size: StepSize, post_every: Annotated[int, Ge(1)] = 1) -> None:
        self.step_size = step_size
        self.post_every = post_every
        self.x = x0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        W, x0, k = node.W, self.x, 0
        while True:
            if k % self.post_every == 0:
                for j in node.out_W:
                    node.post(j, "x", self.x)
            g = await Gradient(self.x)
            mixed = W[node.id] * self.x
            for j in node.in_W:
                mixed = mixed + W[j] * node.newest(j, "x", x0)
            self.x = mixed - self.step_size * g
            k += 1
