"""m-synchronous SGD: a pivot steps along the mean of the first m gradients at its newest point.

Begunov, Tyurin 2026: arXiv 2602.03802. m = n is synchronous SGD through a star.

    paper      here        meaning
    γ          step_size   step size
    m          m           gradients of a step; None is one of every worker
    x^k        x, k        the newest point that this worker knows, and the pivot's steps until then
    Σ g        total       at the pivot: gradients at x^k that have come in
    -          count       how many they are

A gradient of an earlier round is ignored; the slow are never waited for, and never heard if they are always late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from annotated_types import Ge

from rfast_bench.api import Activity, Algorithm, Gradient, Node, ReceiveAny, StepSize, Vector


class MSync(Algorithm):
    """One worker, or the pivot with a worker in it. `interrupt`: a newer point ends the gradient under way."""

    family = "synchronous"

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        m: Annotated[int, Ge(1)] | None = None,
        pivot: Annotated[int, Ge(0)] = 0,
        interrupt: bool = True,
    ) -> None:
        self.step_size = step_size
        self.m, self.pivot, self.interrupt = m, pivot, interrupt
        self.x, self.k = x0, 0
        self.total, self.count = 0 * x0, 0

    @classmethod
    def flaw(cls, n: int, parameters: Mapping[str, Any]) -> str:
        m, pivot = parameters.get("m"), parameters.get("pivot")
        if isinstance(m, int) and m > n:
            return f"m is {m}, and there are {n} workers: at most one gradient of each makes a step"
        if isinstance(pivot, int) and pivot >= n:
            return f"pivot {pivot} does not exist; there are workers 0 to {n - 1}"
        return ""

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        work = self.work(node)
        return [self.collect(node), work] if node.id == self.pivot else [work]

    async def work(self, node: Node) -> None:
        """One gradient at each point, unless a newer one comes first."""
        while True:
            k = self.k
            g = await Gradient(self.x, unless="point" if self.interrupt else None)
            self.take(node.drain("point"))
            if g is None or k != self.k:
                continue
            if node.id == self.pivot:
                self.count_in(node, k, g)
            else:
                node.send(self.pivot, "gradient", (k, g))
            self.take([await ReceiveAny("point")])
            self.take(node.drain("point"))

    def take(self, points: Iterable[tuple[int, Any]]) -> None:
        """Go on from the newest point."""
        for _, (k, x) in points:
            self.k, self.x = k, x

    async def collect(self, node: Node) -> None:
        """What the pivot does beside its own gradients."""
        while True:
            _, (k, g) = await ReceiveAny("gradient")
            self.count_in(node, k, g)

    def count_in(self, node: Node, k: int, g: Vector) -> None:
        """x^{k+1} = x^k - γ (1/m) Σ g over the first m gradients at x^k."""
        if k != self.k:
            return
        self.total, self.count = self.total + g, self.count + 1
        m = self.m or node.n
        if self.count == m:
            self.x = self.x - self.step_size * (self.total / m)
            self.k = self.k + 1
            self.total, self.count = 0 * self.x, 0
            self.publish(node, (self.k, self.x))

    def publish(self, node: Node, point: tuple[int, Vector]) -> None:
        for j in range(node.n):
            if j != node.id:
                node.send(j, "point", point)
        node.tell("point", point)

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, g, a gradient and a point under way; the pivot's sum."""
        return 5
