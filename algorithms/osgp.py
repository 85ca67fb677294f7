"""OSGP: overlap stochastic gradient push, on the one-peer directed exponential graph.

Assran, Loizou, Ballas, Rabbat 2019: arXiv 1811.10792, Algorithms 1 (SGP, τ = 0) and 2 (overlap).

    paper      here        meaning
    γ          step_size   step size
    τ          tau         how many rounds a push may be late before its receiver waits
    x_i        x           biased model
    w_i        omega       push-sum weight, starts at 1
    z_i        x / omega   de-biased model, where gradients are taken
    -          heard       rounds whose push has been absorbed before it was due
    -          lent        push-sum weight sent less that absorbed (for the invariant)

With reliable delivery Σ ω_i + in flight = n always. With datagrams a lost push is mass lost for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge

from rfast_bench.api import Activity, Algorithm, Gradient, Node, ReceiveAny, StepSize, Vector


class Osgp(Algorithm):
    """Push half of (x, ω) to one peer a round; wait only for the push due τ - 1 rounds ago."""

    synchronous = True

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        tau: Annotated[int, Ge(0)] = 1,
        delivery: Literal["reliable", "datagram"] = "reliable",
    ) -> None:
        self.step_size = step_size
        self.tau = tau
        self.reliable = delivery == "reliable"
        self.x = x0
        self.omega = 1.0
        self.heard: set[int] = set()
        self.lent = 0.0

    @property
    def model(self) -> Vector:
        return self.x / self.omega

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        r = 0
        while True:
            if self.tau > 0:
                self.push(node, r)
            g = await Gradient(self.x / self.omega)
            if self.tau == 0:
                self.x = self.descend(self.x, g)
                self.push(node, r)
            self.absorb(node.drain("push"))
            due = r - max(self.tau, 1) + 1
            while self.reliable and node.n > 1 and due >= 0 and due not in self.heard:
                self.absorb([await ReceiveAny("push")])
            self.heard.discard(due)
            if self.tau > 0:
                self.x = self.descend(self.x, g)
            r += 1

    def descend(self, x: Vector, g: Vector) -> Vector:
        """The point after the local step from the biased x; momentum is put in here."""
        return x - self.step_size * g

    def push(self, node: Node, r: int) -> None:
        """Give half of (x, ω) to the peer of round r and keep the other half."""
        if node.n == 1:
            return
        rounds = max(1, (node.n - 1).bit_length())  # ⌈log₂ n⌉
        self.x, self.omega = self.x / 2, self.omega / 2
        self.lent = self.lent + self.omega
        peer = (node.id + 2 ** (r % rounds)) % node.n
        node.send(peer, "push", (r, self.x, self.omega), reliable=self.reliable)

    def absorb(self, pushes: Iterable[tuple[int, Any]]) -> None:
        for _, (r, x, omega) in pushes:
            self.heard.add(r)
            self.x = self.x + x
            self.omega = self.omega + omega
            self.lent = self.lent - omega

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, x / ω, g, and a push under way."""
        return 4

    @classmethod
    def residual(cls, workers: Sequence[Osgp]) -> Vector:
        """Σ ω_i + in flight - n; with datagrams it counts lost pushes as still in flight."""
        return sum(w.omega + w.lent - 1.0 for w in workers)
