"""ADSGD: asynchronous decentralised SGD, gossip with whatever has come.

Zhou, Pu 2025: arXiv 2505.10322.

    paper      here        meaning
    α          step_size   step size
    x_i        x           model
    x_ij       newest      the newest model of neighbour j that has come; x⁰ before the first
    w_ij       W[j]        symmetric doubly stochastic mixing weights
    g_i        g           stochastic gradient at x_i, computed while the models travel

Where it comes to rest, Σ_j w_ij x_j - x_i = γ ∇f_i(x_i): no delay, loss or speed is in it, so that its bias under
unequal shards is D-PSGD's.
"""

from __future__ import annotations

from collections.abc import Iterable

from rfast_bench.api import Activity, Algorithm, Gradient, Node, StepSize, Vector


class Adsgd(Algorithm):
    """x_i ← Σ_j w_ij (newest x_j) - γ g_i(x_i), each worker at its own pace; nobody waits, nothing is sent again."""

    needs = "undirected"
    default_topology = "ring"
    elastic = True

    def __init__(self, x0: Vector, *, step_size: StepSize) -> None:
        self.step_size = step_size
        self.x = self.x0 = x0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        while True:
            for j in node.out_W:
                node.post(j, "x", self.x)
            g = await Gradient(self.x)
            mixed = node.W[node.id] * self.x
            for j in node.in_W:
                mixed += node.W[j] * node.newest(j, "x", self.x0)
            self.x = self.descend(mixed, g)

    def descend(self, x: Vector, g: Vector) -> Vector:
        """The point after the local step from the mixture x; momentum is put in here."""
        return x - self.step_size * g

    @classmethod
    def messages(cls, out_W: int, out_A: int) -> int:
        """x to every neighbour."""
        return out_W

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, x⁰, two earlier ones that neighbours hold or wait for, g, and the next x."""
        return 6
