"""Asynchronous SGD with a parameter server: one worker holds the model, and all send their gradients to it.

    here    meaning
    γ       step_size: a round of n gradients moves the model by γ
    server  the worker that holds the model; it computes too, so that its shard is trained on
    x       at the server the model; at the others the newest copy that they were sent

Beside the pivot's steps only the server's model is an answer, so `judged` names it alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from rfast_bench.api import Activity, Algorithm, Gradient, Node, Receive, ReceiveAny, StepSize, Vector


class ParameterServer(Algorithm):
    """x ← x - (γ/n) g_i(the copy of worker i), for each gradient as it comes in."""

    def __init__(self, x0: Vector, *, step_size: StepSize, server: Annotated[int, Ge(0)] = 0) -> None:
        self.step_size = step_size
        self.server = server
        self.x = x0

    @classmethod
    def flaw(cls, n: int, parameters: Mapping[str, Any]) -> str:
        server = parameters["server"]
        missing = isinstance(server, int) and server >= n
        return f"server {server} does not exist; there are workers 0 to {n - 1}" if missing else ""

    @classmethod
    def judged(cls, n: int, parameters: Mapping[str, Any]) -> Sequence[int]:
        return [parameters["server"]]

    @property
    def model(self) -> Vector:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        if node.id != self.server:
            return [self.work(node)]
        return [self.compute(node), self.serve(node)] if node.n > 1 else [self.compute(node)]

    async def compute(self, node: Node) -> None:
        """The server's own gradients, without a message."""
        while True:
            g = await Gradient(self.x)
            self.step(g, node.n)

    async def serve(self, node: Node) -> None:
        """Everybody else's, as they come; who sent one gets the new model."""
        while True:
            i, g = await ReceiveAny("gradient")
            self.step(g, node.n)
            node.send(i, "model", self.x)

    def step(self, g: Vector, n: int) -> None:
        self.x = self.x - self.step_size / n * g

    async def work(self, node: Node) -> None:
        while True:
            g = await Gradient(self.x)
            node.send(self.server, "gradient", g)
            heard = await Receive("model", [self.server])
            self.x = heard[self.server]
