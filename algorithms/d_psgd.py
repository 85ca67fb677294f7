"""D-PSGD: decentralised parallel SGD, synchronous with the neighbours only.

Lian, Zhang, Zhang, Hsieh, Zhang, Liu 2017: arXiv 1705.09056, Algorithm 1.

    paper      here        meaning
    γ          step_size   step size
    x_{k,i}    x           model of worker i at its round k
    W_ij       W[j]        symmetric doubly stochastic mixing weights
    ∇F_i       g           stochastic gradient at x_{k,i}, computed while the models travel
"""

from __future__ import annotations

from collections.abc import Iterable

from rfast_bench.api import Activity, Algorithm, Gradient, Node, Receive, StepSize, Vector


class DPsgd(Algorithm):
    """x_i ← Σ_j w_ij x_j - γ g_i(x_i). A worker is never ahead of a neighbour by more than one round."""

    needs = "undirected"
    default_topology = "ring"
    synchronous = True

    def __init__(self, x0: Vector, *, step_size: StepSize) -> None:
        self.step_size = step_size
        self.x = x0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        W = node.W
        while True:
            for j in node.out_W:
                node.send(j, "x", self.x)
            g = await Gradient(self.x)
            heard = await Receive("x", node.in_W)
            mixed = W[node.id] * self.x
            for j in node.in_W:
                mixed += W[j] * heard[j]
            self.x = self.descend(mixed, g)

    def descend(self, x: Vector, g: Vector) -> Vector:
        """The point after the local step from the mixture x; momentum is put in here."""
        return x - self.step_size * g

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, the two earlier ones that neighbours may still want, g, and the next x."""
        return 5
