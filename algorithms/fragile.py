"""Fragile SGD: gradients at the pivot's newest point flow up one tree, points down another; nobody waits.

Tyurin, Richtárik 2024: arXiv 2405.16218. The pivot j* is the common root: `st_bc` is G(W), `st` is G(A).

    paper      here        meaning
    γ          step_size   step size
    S          S           gradients that make a step at least; None is as many as there are workers
    x^k        x, k        the newest point that this worker knows, and the pivot's steps until then
    (g, s)     g, s        sum of gradients of the newest round on their way up, and how many
    -          round       the round of that sum

What belongs to an older round is dropped. With equal shards E[Σ g / s] is the gradient of f at x^k whatever the speeds;
with unequal ones it leans towards fast workers near the pivot (Amelie does not).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from annotated_types import Ge

from rfast_bench.api import Activity, Algorithm, Gradient, Node, ReceiveAny, Sent, StepSize, Vector


class Fragile(Algorithm):
    """One worker; the pivot is the one without in-neighbours. `interrupt`: a newer point ends a gradient under way."""

    needs = "trees"
    default_topology = "binary-tree"

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        S: Annotated[int, Ge(1)] | None = None,
        interrupt: bool = True,
    ) -> None:
        self.step_size = step_size
        self.S, self.interrupt = S, interrupt
        self.x, self.k = x0, 0
        self.g, self.s, self.round = 0 * x0, 0, 0

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        if node.in_W:
            return [self.hear(node), self.compute(node), self.carry(node)]
        return [self.collect(node), self.compute(node)]

    async def hear(self, node: Node) -> None:
        """Forward x^k at once."""
        while True:
            _, (k, x) = await ReceiveAny("point")
            self.take_over(node, k, x)

    def take_over(self, node: Node, k: int, x: Vector) -> None:
        self.k, self.x = k, x
        for j in node.out_W:
            node.send(j, "point", (k, x))
        if self.interrupt:
            node.tell("newer", k)

    async def compute(self, node: Node) -> None:
        """Gradients at the newest point, one after another."""
        while True:
            for _ in node.drain("newer"):
                pass
            k = self.k
            g = await Gradient(self.x, unless="newer" if self.interrupt else None)
            if g is None or k != self.k:
                continue
            if node.out_A:
                node.tell("sum", (k, g, 1))
            else:
                self.count_in(node, [(node.id, (k, g, 1))])

    def add(self, sums: Iterable[tuple[int, Any]]) -> None:
        """Take in what has come up, or was computed here."""
        for _, (k, g, s) in sums:
            if k > self.round:
                self.g, self.s, self.round = g, s, k
            elif k == self.round:
                self.g, self.s = self.g + g, self.s + s

    async def carry(self, node: Node) -> None:
        """Pass the sum on as soon as the link is free, and start from 0 again."""
        (parent,) = node.out_A
        while True:
            self.add([await ReceiveAny("sum")])
            self.add(node.drain("sum"))
            if self.s and self.round >= self.k:
                node.send(parent, "sum", (self.round, self.g, self.s))
                self.g, self.s = 0 * self.x, 0
                await Sent()

    async def collect(self, node: Node) -> None:
        """What the pivot does beside its own gradients."""
        while True:
            self.count_in(node, [await ReceiveAny("sum")])

    def count_in(self, node: Node, sums: Iterable[tuple[int, Any]]) -> None:
        """x^{k+1} = x^k - (γ/s) Σ g once s ≥ S."""
        self.add(sums)
        if self.s >= (self.S or node.n):
            x = self.x - self.step_size * (self.g / self.s)
            self.g, self.s, self.round = 0 * x, 0, self.k + 1
            self.take_over(node, self.k + 1, x)

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, g, the sum; points and sums under way."""
        return 4 + edges_w + edges_a
