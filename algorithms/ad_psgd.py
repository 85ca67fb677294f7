"""AD-PSGD: asynchronous decentralised parallel SGD by pairwise averaging.

Lian, Zhang, Zhang, Liu 2018: arXiv 1710.06952, Algorithm 1, on a bipartite graph (no deadlock).

    paper      here        meaning
    γ          step_size   step size
    x_i        x           model
    -          s           what an active worker sent: its model when it asked
    -          r           what the passive worker replied: its model before it averaged
    -          asked       a request of this active worker is outstanding

Two models cannot be replaced at one instant over a network, so the active worker adds (r - s)/2 to its
current model: Σ x_i + Σ_{replies not yet applied} (r - s)/2 = Σ x⁰ - γ Σ (applied gradients), always.
"""

from __future__ import annotations

from collections.abc import Iterable

from rfast_bench.api import Activity, Algorithm, Gradient, Node, ReceiveAny, StepSize, Vector


class AdPsgd(Algorithm):
    """Workers of worker 0's side are active and ask; the others are passive and answer at once."""

    needs = "bipartite"
    default_topology = "bipartite-exponential"

    def __init__(self, x0: Vector, *, step_size: StepSize) -> None:
        self.step_size = step_size
        self.x = self.s = x0
        self.asked = False

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        exchange = self.take_reply() if node.side == 0 else self.answer(node)
        return [self.compute(node), exchange]

    async def compute(self, node: Node) -> None:
        while True:
            if node.side == 0:
                self.ask(node)
            g = await Gradient(self.x)
            self.x = self.descend(self.x, g)

    def descend(self, x: Vector, g: Vector) -> Vector:
        """The point after the local step from x; momentum is put in here."""
        return x - self.step_size * g

    def ask(self, node: Node) -> None:
        """Once per gradient, beside computing it: ask a random neighbour, unless a request is out."""
        if node.out_W and not self.asked:
            self.asked = True
            self.s = self.x
            node.send(node.rng.choice(node.out_W), "request", self.s)

    async def take_reply(self) -> None:
        while True:
            _, r = await ReceiveAny("reply")
            self.x = self.x + (r - self.s) / 2
            self.asked = False

    async def answer(self, node: Node) -> None:
        while True:
            i, s = await ReceiveAny("request")
            node.send(i, "reply", self.x)
            self.x = (s + self.x) / 2

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """x, s, r and g."""
        return 4
