"""OSGP with overlap τ as its paper has it, beside which the suite's own is measured (docs/algorithms/osgp.md)."""

from __future__ import annotations

from typing import Any

from rfast_bench.algorithms.osgp import Osgp
from rfast_bench.api import Gradient, Node, ReceiveAny


class PaperOsgp(Osgp):  # type: ignore[misc,unused-ignore]
    """A push at every τ-th gradient, absorbed whenever it comes, and waited for before the next: arXiv 1811.10792,
    *Overlapping communication and computation*. The graph's round is that of the push. τ ≥ 1."""

    x: Any

    async def run(self, node: Node) -> None:
        k = 0
        while True:
            round_, last = k // self.tau, k % self.tau == self.tau - 1
            if k % self.tau == 0:
                self.push(node, round_)
            g = await Gradient(self.x / self.omega)
            self.absorb(node.drain("push"))
            while last and self.reliable and node.n > 1 and round_ not in self.heard:
                self.absorb([await ReceiveAny("push")])
            if last:
                self.heard.discard(round_)
            self.x = self.x - self.step_size * g
            k += 1
