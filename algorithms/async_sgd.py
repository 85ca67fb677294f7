"""Asynchronous SGD through a pivot, which steps with each gradient as it comes in; plain and rescaled.

Mahran, Maranjyan, Richtárik 2026: arXiv 2605.13434 (rescaled, and the plain method beside it).

    paper      here        meaning
    γ          step_size   step size
    γ_i        gamma       step size of a gradient of worker i
    x^k        x           model: the pivot's; anybody else's is the newest copy that it was sent
    k          k           how many gradients the pivot has stepped with
    -          pivot       the worker that holds x^k
    -          last[i]     k after the last gradient of worker i

No method can read a clock. Rescaled steps are γ_i = γ · (steps of the pivot since worker i's last one) / n: in the mean
proportional to the time that worker i takes for a gradient, and all of a worker's steps together are γ/n times the
pivot's count, whatever its speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge

from rfast_bench.api import Activity, Algorithm, Gradient, Node, Receive, ReceiveAny, StepSize, Vector


class AsyncSgd(Algorithm):
    """x ← x - γ_i g_i(the copy of worker i). The new x goes to that worker alone, which goes on there."""

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        pivot: Annotated[int, Ge(0)] = 0,
        weighting: Literal["none", "elapsed"] = "none",
    ) -> None:
        self.step_size = step_size
        self.pivot, self.weighting = pivot, weighting
        self.x = x0
        self.k = 0
        self.last: dict[int, int] = {}

    @classmethod
    def flaw(cls, n: int, parameters: Mapping[str, Any]) -> str:
        pivot = parameters.get("pivot")
        ok = not isinstance(pivot, int) or pivot < n
        return "" if ok else f"pivot {pivot} does not exist; there are workers 0 to {n - 1}"

    @classmethod
    def effective_step(cls, step_size: float, topology_factor: float) -> float:
        """n γ: a round has n gradients, and each of them moves the model."""
        return step_size * topology_factor

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        if node.id != self.pivot:
            return [self.follow(node)]
        return [self.compute(node)] if node.n == 1 else [self.compute(node), self.serve(node)]

    async def compute(self, node: Node) -> None:
        """The pivot's own gradients, without a message."""
        while True:
            g = await Gradient(self.x)
            self.step(g, node.id, node.n)

    async def serve(self, node: Node) -> None:
        """Everybody else's, as they come."""
        while True:
            i, g = await ReceiveAny("g")
            self.step(g, i, node.n)
            node.send(i, "x", self.x)

    def step(self, g: Vector, i: int, n: int) -> None:
        self.k += 1
        elapsed = self.k - self.last.get(i, 0)
        self.last[i] = self.k
        gamma = self.step_size * elapsed / n if self.weighting == "elapsed" else self.step_size
        self.x = self.x - gamma * g

    async def follow(self, node: Node) -> None:
        """A worker beside the pivot: a gradient at its copy, then a new copy."""
        while True:
            g = await Gradient(self.x)
            node.send(self.pivot, "g", g)
            heard = await Receive("x", [self.pivot])
            self.x = heard[self.pivot]

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """The worker's copy of x, g, and one of both under way."""
        return 3
