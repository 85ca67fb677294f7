"""RASGP: robust asynchronous stochastic gradient push, push-sum whose messages carry running sums.

Spiridonoff, Olshevsky, Paschalidis 2020: arXiv 1811.03982, on the directed graph whose edges are those of G(W)
and of G(A) together: with a common root it is strongly connected.

    paper      here              meaning
    α          step_size         step size
    x_i        x                 biased model
    y_i        omega             push-sum weight, starts at 1
    z_i        x / omega         de-biased model, where gradients are taken
    d_i        out               out-neighbours; each gets 1/(d_i + 1) of (x, ω), and so does i itself
    φ_i^x, _y  phi_x, phi_omega  running sums: all that was ever given to any one out-neighbour
    ρ_ij^x, _y used[j]           how much of φ_j this worker has already taken in
    -          clock             the common time when this worker acted last
    -          acted             how often this worker has acted

A lost or late message costs nothing but freshness: Σ ω_i + Σ_edges (φ^ω - ρ^ω) = n at every instant. The common
time is the largest `acted` that is known of any worker; it travels with the sums. A worker's step is that of the time
since it last acted, so that slow workers weigh as much as fast ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rfast_bench.api import Activity, Algorithm, Gradient, Node, StepSize, Vector


class Rasgp(Algorithm):
    """Step, push by adding to the running sums, take in what is new; never wait."""

    needs = "pair"
    default_topology = "exponential"

    def __init__(
        self, x0: Vector, *, step_size: StepSize, weighting: Literal["elapsed", "none"] = "elapsed"
    ) -> None:
        self.step_size = step_size
        self.weighting = weighting
        self.x, self.omega = x0, 1.0
        self.phi_x, self.phi_omega = 0 * x0, 0.0
        self.out: list[int] = []
        self.used: dict[int, tuple[Vector, float, int]] = {}
        self.clock = self.acted = 0

    @property
    def model(self) -> Vector:
        return self.x / self.omega

    def activities(self, node: Node) -> Iterable[Activity]:
        self.out = sorted({*node.out_W, *node.out_A})
        self.used = dict.fromkeys(sorted({*node.in_W, *node.in_A}), (self.phi_x, 0.0, 0))
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        while True:
            g = await Gradient(self.x / self.omega)
            newest = {j: node.newest(j, "phi", used) for j, used in self.used.items()}
            elapsed = self.elapsed(known for _, _, known in newest.values())
            self.x = self.descend(self.x, g, elapsed)
            self.push(node)
            for j, (phi_x, phi_omega, _) in newest.items():
                rho_x, rho_omega, _ = self.used[j]
                self.x = self.x + (phi_x - rho_x)
                self.omega = self.omega + (phi_omega - rho_omega)
            self.used = newest

    def descend(self, x: Vector, g: Vector, elapsed: int) -> Vector:
        """The point after the local step of so much common time from the biased x; momentum is put in here."""
        return x - self.step_size * elapsed * g

    def elapsed(self, known: Iterable[int]) -> int:
        """How far the common time has moved since this worker acted last."""
        self.acted += 1
        before, self.clock = self.clock, max(self.acted, self.clock, *known)
        return self.clock - before if self.weighting == "elapsed" else 1

    def push(self, node: Node) -> None:
        """Give 1/(d + 1) of (x, ω) to each out-neighbour and keep as much."""
        parts = len(self.out) + 1
        self.x, self.omega = self.x / parts, self.omega / parts
        self.phi_x, self.phi_omega = self.phi_x + self.x, self.phi_omega + self.omega
        for j in self.out:
            node.post(j, "phi", (self.phi_x, self.phi_omega, self.clock))

    @classmethod
    def residual(cls, workers: Sequence[Rasgp]) -> Vector:
        """Σ ω_i + Σ_edges (φ^ω - ρ^ω) - n, as the sum of what each worker's own account leaves."""
        return sum(w.local_residual for w in workers)

    @property
    def local_residual(self) -> float:
        """ω_i + d_i φ_i^ω - Σ_j ρ_ij^ω - 1: 0 at every instant without knowledge of the others."""
        return self.omega + len(self.out) * self.phi_omega - sum(used[1] for used in self.used.values()) - 1.0
