"""S-AB, also push-pull: synchronous stochastic gradient tracking over the same pair of graphs as R-FAST.

Xin, Sahu, Khan, Kar 2019: arXiv 1903.07266 (S-AB); Pu, Shi, Xu, Nedić 2018: arXiv 1810.06653 (push-pull).

    paper      here        meaning
    α          step_size   step size
    x_i        x           model
    y_i        y           gradient tracker
    ∇f_i       g           last stochastic gradient, stored
    a_ij       W[j]        row i of the row-stochastic matrix (A there, R in push-pull, W here)
    b_ji       A[j]        column i of the column-stochastic matrix (B there, C in push-pull, A here)
    -          lent        mass sent less mass taken in (for the invariant)

Σ y_i = Σ g_i in every round. Both exchanges travel while gradients are computed: x^{k+1} is sent before its own
gradient is asked for, and the shares of y^k are needed only when that gradient is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rfast_bench.api import Activity, Algorithm, Gradient, Node, Receive, StepSize, Vector


class SAb(Algorithm):
    """x_i ← Σ_j w_ij x_j - γ y_i, then y_i ← Σ_j a_ij y_j + g_i(new x_i) - g_i(old x_i); all wait for all."""

    family = "tracking"
    needs = "pair"
    default_topology = "binary-tree"
    synchronous = True
    descends = "whole"

    def __init__(self, x0: Vector, *, step_size: StepSize) -> None:
        self.step_size = step_size
        self.x = x0
        self.y = self.g = self.lent = 0 * x0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        W, A = node.W, node.A
        self.pull(node)
        self.y = self.g = await Gradient(self.x)
        while True:
            shares = {j: A[j] * self.y for j in node.out_A}
            for j in node.out_A:
                node.send(j, "y", shares[j])
            x = await Receive("x", node.in_W)
            mixed = W[node.id] * self.x
            for j in node.in_W:
                mixed = mixed + W[j] * x[j]
            self.x = self.descend(mixed, self.y)
            self.pull(node)
            g_new = await Gradient(self.x)
            y = await Receive("y", node.in_A)
            self.y = A[node.id] * self.y + sum(y[j] for j in node.in_A) + (g_new - self.g)
            self.lent = self.lent + sum(shares.values()) - sum(y.values())
            self.g = g_new

    def descend(self, x: Vector, y: Vector) -> Vector:
        """The point after the local step from the mixture x; momentum is put in here."""
        return x - self.step_size * y

    def pull(self, node: Node) -> None:
        """Let the out-neighbours in G(W) have the model: this round's, before its gradient is known."""
        for j in node.out_W:
            node.send(j, "x", self.x)

    @classmethod
    def residual(cls, workers: Sequence[SAb]) -> Vector:
        """Σ_i (y_i - g_i) + shares in flight: 0 at every instant, also while workers are in different rounds."""
        return sum(w.y + w.lent - w.g for w in workers)

    @classmethod
    def effective_step(cls, step_size: float, topology_factor: float) -> float:
        """γ n Σ_i ψ_i π_i: Σ_i ψ_i x_i moves by -γ Σ_i ψ_i y_i, and y_i tends to π_i Σ_j g_j."""
        return step_size * topology_factor
