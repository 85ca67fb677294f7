"""Amelie SGD: Fragile SGD for unequal shards. Counts flow during a round, and at its end the mean of every worker.

Tyurin, Richtárik 2024: arXiv 2405.16218. The pivot j* is the common root: `st_bc` is G(W), `st` is G(A).

    paper      here        meaning
    γ          step_size   step size
    S          S           steps wait until n / b_pivot ≥ S / n; at least n; None is n
    x^k        x, k        the newest point that this worker knows, and the pivot's steps until then
    (g, s)     g, s        sum of this worker's gradients at x^k, and how many
    b_p        b[p]        of each child in `st`: Σ 1/s over its subtree, and the round it is of
    -          collecting  at the pivot: the means of this round are on their way up

At the end of a round (1/n) Σ_i g_i/s_i comes up, whatever the workers' speeds: E is the gradient of f at x^k.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Annotated, Any

from annotated_types import Ge

from rfast_bench.api import Activity, Algorithm, Gradient, Node, Receive, ReceiveAny, Sent, StepSize, Vector


class Amelie(Algorithm):
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
        self.g, self.s = 0 * x0, 0
        self.b: dict[int, tuple[int, float]] = {}
        self.collecting = False

    @classmethod
    def flaw(cls, n: int, parameters: Mapping[str, Any]) -> str:
        S = parameters.get("S")
        if isinstance(S, int) and n > S:
            return f"S is {S}, and there are {n} workers: every one of them gives a gradient, so S is at least {n}"
        return ""

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        hear = [self.hear(node)] if node.in_W else []
        return [*hear, self.compute(node), self.count(node), self.gather(node)]

    async def hear(self, node: Node) -> None:
        """x^k comes down, or the word that its round is over; both are forwarded at once."""
        while True:
            _, (k, x) = await ReceiveAny("down")
            if x is None:
                self.end_round(node)
            else:
                self.take_over(node, k, x)

    def take_over(self, node: Node, k: int, x: Vector) -> None:
        self.k, self.x = k, x
        self.g, self.s = 0 * x, 0
        for j in node.out_W:
            node.send(j, "down", (k, x))
        if self.interrupt:
            node.tell("newer", k)

    def end_round(self, node: Node) -> None:
        """Everybody's mean of this round is wanted; gradients that are done later do not count."""
        for j in node.out_W:
            node.send(j, "down", (self.k, None))
        if node.in_A:
            node.tell("wanted", self.g / self.s)
        else:
            self.pass_on(node, self.g / self.s / node.n)

    async def compute(self, node: Node) -> None:
        """Gradients at the newest point, one after another."""
        while True:
            for _ in node.drain("newer"):
                pass
            k = self.k
            g = await Gradient(self.x, unless="newer" if self.interrupt else None)
            if g is None or k != self.k:
                continue
            self.g, self.s = self.g + g, self.s + 1
            if node.out_A:
                node.tell("count", None)
            else:
                self.weigh(node)

    async def count(self, node: Node) -> None:
        """b goes up whenever it changes and the link is free."""
        while True:
            self.hear_counts(node, [await ReceiveAny("count")])
            self.hear_counts(node, node.drain("count"))
            if not node.out_A:
                self.weigh(node)
            elif (b := self.b_of(node)) < inf:
                node.send(node.out_A[0], "count", (self.k, b))
                await Sent()

    def hear_counts(self, node: Node, counts: Iterable[tuple[int, Any]]) -> None:
        for p, count in counts:
            if p != node.id:
                self.b[p] = count

    def b_of(self, node: Node) -> float:
        """b_i = 1/s_i + Σ_children b_p; infinite until everybody in the subtree has a gradient at x^k."""
        known = [self.b[p][1] for p in node.in_A if p in self.b and self.b[p][0] == self.k]
        return 1 / self.s + sum(known) if self.s and len(known) == len(node.in_A) else inf

    def weigh(self, node: Node) -> None:
        """The pivot ends the round once n / b ≥ S / n, whatever rounding made of the sum b."""
        if not self.collecting and self.b_of(node) * (self.S or node.n) <= node.n**2 * (1 + 1e-12):
            self.collecting = True
            self.end_round(node)

    async def gather(self, node: Node) -> None:
        """(1/n) Σ_i g_i/s_i, up `st`."""
        while True:
            _, mean = await ReceiveAny("wanted")
            total = mean / node.n
            for part in (await Receive("part", node.in_A)).values():
                total = total + part
            self.pass_on(node, total)

    def pass_on(self, node: Node, total: Vector) -> None:
        """The mean's part of this subtree goes up; the pivot has all of it, and steps."""
        if node.out_A:
            node.send(node.out_A[0], "part", total)
        else:
            self.collecting = False
            self.take_over(node, self.k + 1, self.x - self.step_size * total)

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, g, the sum, the mean; points and means under way."""
        return 5 + edges_w + edges_a
