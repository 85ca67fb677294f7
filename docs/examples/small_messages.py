"""Gossip of small messages with error feedback: CHOCO-SGD, Koloskova, Stich, Jaggi 2019, arXiv 1902.00340, Algorithm 2.

    paper     here       meaning
    η         step_size  step size
    γ         mixing     consensus step, the smaller the more is left out
    Q         small      what is sent of a vector: its largest coordinates, or all of them in 16 bits
    x_i       x          model
    x̂_i       public     what all neighbours know of x_i: the sum of what was sent
    x̂_j       known[j]   the same of neighbour j

What Q leaves out stays in x_i - x̂_i and goes with a later message: nothing is lost for good. So `public` adds up what
the receivers get (`whole` of the payload), not what one would have liked to send. Messages are queued and never lost,
for every one of them is a part of the sum.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le

from rfast_bench.api import Activity, Algorithm, Gradient, Node, Receive, StepSize, Vector
from rfast_bench.smaller import rounded, top, whole


class SmallMessages(Algorithm):
    """x_i ← x_i - η g_i; send Q(x_i - x̂_i), add it to x̂_i; x_i ← x_i + γ Σ_j w_ij (x̂_j - x̂_i)."""

    needs = "undirected"
    default_topology = "ring"
    synchronous = True

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        send: Literal["largest", "rounded"] = "largest",
        share: Annotated[float, Gt(0), Le(1)] = 0.1,
        mixing: Annotated[float, Gt(0), Le(1)] = 0.3,
    ) -> None:
        self.step_size = step_size
        self.send, self.share, self.mixing = send, share, mixing
        self.x = self.public = x0
        self.known: dict[int, Vector] = {}

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        self.known = dict.fromkeys(node.in_W, self.public)
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        while True:
            g = await Gradient(self.x)
            self.x = self.x - self.step_size * g
            payload = self.small(self.x - self.public)
            self.public = self.public + whole(payload, self.x)
            for j in node.out_W:
                node.send(j, "change", payload)
            heard = await Receive("change", node.in_W)
            for j in node.in_W:
                self.known[j] = self.known[j] + whole(heard[j], self.x)
                self.x = self.x + self.mixing * node.W[j] * (self.known[j] - self.public)

    def small(self, change: Vector) -> Any:
        """Q."""
        return top(change, self.share) if self.send == "largest" else rounded(change, 16)
