"""R-FAST: robust fully-asynchronous stochastic gradient tracking.

Zhu, Tian, Huang, Xu, He: arXiv 2307.11617, Algorithm 1. Its deterministic ancestor is ASY-SONATA,
arXiv 1803.10359.

    paper      here           meaning
    γ          step_size      step size
    x_i        x              model
    v_i        v              model after the local descent, posted along G(W)
    z_i        z              gradient tracker
    g_i        g              last stochastic gradient (stored, never computed again)
    ρ_ji       rho[j]         running sum of all the gradient mass ever given to j along G(A)
    ρ̃_ij       rho_used[j]    how much of ρ_ij this worker has already taken in
    w_ij, a_ji W[j], A[j]     row i of W (mixing), column i of A (sharing)
    -          begun          the first gradient is known
    -          changes        the state of the neighbourhood that the accounts ρ, ρ̃ are kept for

A lost or late message costs nothing but freshness: ρ is a running sum, so that the next one carries the
lost mass as well. The ledger: Σ z_i + Σ_edges (ρ - ρ̃) = Σ g_i at every instant. A neighbour that dies, and one
that comes back, cost no more: see `settle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from rfast_bench.api import (
    Activity,
    Algorithm,
    Gradient,
    Node,
    OwnShareA,
    OwnShareW,
    StepSize,
    Vector,
)
from rfast_bench.smaller import is_short


class RFast(Algorithm):
    """One worker of R-FAST. `compensated` has z be what the own ledger leaves, so that rounding does not add up; None:
    where numbers are shorter than float64.

    Own shares come to a worker as what `node` shows of W and A: there is nothing left to do with them here.
    """

    family = "tracking"
    needs = "pair"
    default_topology = "binary-tree"
    elastic = True

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        compensated: bool | None = None,
        own_share_w: OwnShareW | None = None,
        own_share_a: OwnShareA | None = None,
    ) -> None:
        self.step_size = step_size
        self.compensated = is_short(x0) if compensated is None else compensated
        self.x = x0
        self.z = self.g = 0 * x0
        self.rho: dict[int, Vector] = {}
        self.rho_used: dict[int, Vector] = {}
        self.begun = False
        self.changes = 0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        x0 = self.x
        self.settle(node)
        if not self.begun:
            self.g = self.z = await Gradient(self.x)
            self.begun = True
        while True:
            v = self.descend(self.x, self.z)
            self.x = self.mix(node, v, x0)
            g_new = await Gradient(self.x)
            if node.changes != self.changes:
                self.settle(node)
            self.track(node, g_new)

    def descend(self, x: Vector, z: Vector) -> Vector:
        """v, the point after the local descent from x; momentum is put in here, and the ledger knows nothing of it."""
        return x - self.step_size * z

    def mix(self, node: Node, v: Vector, x0: Vector) -> Vector:
        """Post v and mix it with the newest of the in-neighbours in G(W), by row i of W."""
        for j in node.out_W:
            node.post(j, "v", v)
        W = node.W
        x = W[node.id] * v
        for j in node.in_W:
            x += W[j] * node.newest(j, "v", x0)
        return x

    def sharing(self, node: Node) -> tuple[Mapping[int, float], Sequence[int]]:
        """By what shares y is split in this iteration, and who gets one: column i of A, the out-neighbours in G(A)."""
        return node.A, node.out_A

    def track(self, node: Node, g_new: Vector) -> None:
        """Take in the mass that has come, split y, keep z, post the sums."""
        rho, used = self.rho, self.rho_used
        A, out_A = self.sharing(node)
        y = g_new - self.g
        y += self.z
        for j in node.in_A:
            rho_in = node.newest(j, "rho", used[j])
            y += rho_in - used[j]
            used[j] = rho_in
        for j in out_A:
            rho[j] = rho[j] + A[j] * y  # a new vector: the old one is on its way to j
            node.post(j, "rho", rho[j])
        self.g = g_new
        self.z = self.left() if self.compensated else A[node.id] * y

    def left(self) -> Vector:
        """What the own ledger leaves for z, g + Σ ρ̃ - Σ ρ: a_ii y but for rounding, which is not carried on. In pairs,
        for ρ̃ and ρ grow alike, and numbers within a factor of 2 of one another are subtracted without rounding."""
        z = self.g
        for used, rho in zip_longest(self.rho_used.values(), self.rho.values(), fillvalue=0.0):
            z = z + (used - rho)
        return z

    def settle(self, node: Node) -> None:
        """Beyond the paper: close the accounts with neighbours that are gone by taking back what was given and
        giving back what was taken, and open those with new ones at 0. The local ledger holds throughout."""
        zero = 0 * self.x
        for j in self.rho.keys() - set(node.out_A):
            self.z = self.z + self.rho.pop(j)
        for j in self.rho_used.keys() - set(node.in_A):
            self.z = self.z - self.rho_used.pop(j)
        self.rho = {j: self.rho.get(j, zero) for j in node.out_A}
        self.rho_used = {j: self.rho_used.get(j, zero) for j in node.in_A}
        self.changes = node.changes

    @classmethod
    def residual(cls, workers: Sequence[RFast]) -> Vector:
        """Σ_i (z_i + Σ_out ρ_ji - Σ_in ρ̃_ij - g_i): the ledger, as the sum of the workers' local ledgers."""
        return sum(w.local_residual for w in workers)

    @property
    def local_residual(self) -> Vector:
        """This worker's own ledger; it holds at every instant without knowledge of the others."""
        return self.z - self.left()

    @classmethod
    def messages(cls, out_W: int, out_A: int) -> int:
        """v along G(W), ρ along G(A)."""
        return out_W + out_A

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, z, g, v, an older v that others still read; ρ and ρ̃ of each edge of G(A)."""
        return 5 + 2 * edges_a

    @classmethod
    def effective_step(cls, step_size: float, topology_factor: float) -> float:
        """γ n Σ_i ψ_i a_ii π_i: the mean model's nominal step near consensus (delays lower it further)."""
        return step_size * topology_factor
