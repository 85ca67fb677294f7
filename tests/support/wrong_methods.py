"""Small methods, each with one mistake in the line that ends with `# wrong`, written to files as a user would."""

from __future__ import annotations

from pathlib import Path

HEAD = """\
import asyncio
import time

from rfast_bench.api import AllReduceMean, Algorithm, Gradient, Receive, ReceiveAny, Sent, StepSize


class Method(Algorithm):
    needs = "undirected"
    default_topology = "ring"

    def __init__(self, x0, *, step_size: StepSize):
        self.x = x0
        self.step_size = step_size

    @property
    def model(self):
        return self.x

    def activities(self, node):
        return [self.work(node)]

    async def gossip(self, node):
        for peer in node.out_W:
            node.send(peer, "model", self.x)
        others = await Receive("model", node.in_W)
        self.x = node.W[node.id] * self.x + sum(node.W[peer] * x for peer, x in others.items())

    async def work(self, node):
"""
RIGHT = """\
        while True:
            self.x = self.x - self.step_size * await Gradient(self.x)
            await self.gossip(node)
"""


def lines(*body: str) -> str:
    return "".join(f"        {line}\n" for line in body)


def loop(*body: str) -> str:
    """An activity that does this for ever, and a gradient first."""
    return lines("while True:", "    g = await Gradient(self.x)", *(f"    {line}" for line in body))


BROKEN = {
    "neighbours": loop('node.post((node.id + 2) % node.n, "m", self.x)  # wrong'),
    "neighbours-itself": loop('node.send(node.id, "m", self.x)  # wrong'),
    "neighbours-nobody": loop('node.post(99, "m", self.x)  # wrong'),
    "channels-both": loop(
        "for j in node.out_W:", '    node.post(j, "m", self.x)', '    node.send(j, "m", self.x)  # wrong'
    ),
    "channels-newest": loop(
        "for j in node.out_W:",
        '    node.send(j, "m", self.x)',
        'node.newest(node.in_W[0], "m", None)  # wrong',
    ),
    "channels-received": loop(
        "for j in node.out_W:", '    node.post(j, "m", self.x)', 'await Receive("m", node.in_W)  # wrong'
    ),
    "channels-twice": loop(
        "for j in node.out_W:",
        '    node.send(j, "m", self.x)',
        'await ReceiveAny("m")',
        'await Receive("m", node.in_W)  # wrong',
    ),
    "payloads": loop('node.post(node.out_W[0], "m", {"x": self.x})  # wrong'),
    "payloads-nested": loop('node.send(node.out_W[0], "m", (self.x, [1, 2]))  # wrong'),
    "payloads-late": loop(
        'node.post(node.out_W[0], "m", self.x if g[0] < 1e9 and node.changes else {1})  # wrong'
    ),
    "payloads-objects": loop('node.post(node.out_W[0], "m", self.x.astype(object))  # wrong'),
    "collective": loop("self.x = await AllReduceMean(self.x)  # wrong"),
    "contract": loop("await asyncio.sleep(0)  # wrong"),
    "contract-number": loop("await self.step_size  # wrong"),
    "await": loop("self.gossip(node)  # wrong"),
    "await-value": lines("while True:", "    self.x = self.x - self.step_size * Gradient(self.x)  # wrong"),
    "await-later": loop("h = Gradient(self.x)  # wrong", "self.x = self.x - self.step_size * h"),
    "await-answer": loop('for j, x in Receive("m", node.in_W).items():  # wrong', "    self.x = x"),
    "await-payload": loop('node.post(node.out_W[0], "m", Gradient(self.x))  # wrong'),
    "await-dropped": loop("Sent()  # wrong"),
    "in-place": loop(
        "self.x = self.x - g", "h = self.x", 'node.post(node.out_W[0], "m", h)', "h *= 0.5  # wrong"
    ),
    "in-place-tuple": loop("h = self.x - g", 'node.post(node.out_W[0], "m", (h, 1))', "h *= 0.5  # wrong"),
    "in-place-received": loop(
        "for j in node.out_W:",
        '    node.send(j, "m", self.x)',
        'for x in (await Receive("m", node.in_W)).values():',
        "    x += 1  # wrong",
    ),
    "in-place-point": loop("self.x = self.x - g", "await Gradient(self.x)", "self.x -= g  # wrong"),
}
"""By rule, maybe with a word behind it: the body of `work`."""

STALLED = {
    "deadlock": lines(
        "while True:",
        '    await Receive("m", node.in_W)  # wrong',
        "    for j in node.out_W:",
        '        node.send(j, "m", self.x)',
    ),
    "deadlock-any": loop('await ReceiveAny("nobody")  # wrong'),
    "endings": lines("for _ in range(3):  # wrong", "    self.x = self.x - await Gradient(self.x)"),
    "endings-break": loop("if node.rng.random() < 1:", "    break  # wrong"),
}
ENDLESS = loop("x = None", "while x is None:  # wrong", '    x = node.newest(node.in_W[0], "m", None)')


def write(folder: Path, body: str, head: str = HEAD) -> tuple[str, int]:
    """Write a method to a file of its own; gives what a scenario calls it, and its wrong line's number (0: none)."""
    path = folder / f"method{len(list(folder.iterdir()))}.py"
    path.write_text(head + body, encoding="utf-8")
    marked = [k for k, line in enumerate((head + body).splitlines(), 1) if line.endswith("# wrong")]
    return f"{path}:Method", marked[0] if marked else 0


def rule_of(name: str) -> str:
    """`one-gradient` and `in-place` have a dash of their own."""
    first = name.split("-")
    return (
        "-".join(first[:2])
        if first[:2] in (["one", "gradient"], ["one", "reader"], ["in", "place"])
        else first[0]
    )
