"""Right methods pass: every shipped one with its variants, and what people write that only looks wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.mistakes import OWN, source_of
from rfast_bench.conformance.check import check
from rfast_bench.plan import registry
from rfast_bench.study.checking.called import checked
from tests.algorithms.test_contract import VARIANTS

SHIPPED = [(name, extra) for name in registry.names() for extra in VARIANTS.get(name, [{}])]


@pytest.mark.parametrize(
    ("name", "extra"), SHIPPED, ids=[" ".join([n, *(f"{k}={v}" for k, v in e.items())]) for n, e in SHIPPED]
)
def test_every_shipped_method_keeps_every_rule(name: str, extra: dict[str, Any]) -> None:
    found = check(registry.find(name), extra)
    loses = (
        extra.get("delivery") == "datagram"
    )  # pushes that are lost are mass lost for good, as its page says
    assert [f for f in found if not (loses and f.rule.name == "mass")] == []


@pytest.mark.parametrize("base", sorted(OWN))
def test_plain_methods_as_people_write_them(base: str, tmp_path: Path) -> None:
    path = tmp_path / "method.py"
    path.write_text(source_of(base), encoding="utf-8")
    assert check(registry.find(f"{path}:Method")) == []


HEAVY = """
from rfast_bench.algorithms.r_fast import RFast


class Heavy(RFast):
    def __init__(self, x0, *, step_size: float, beta: float = 0.5):
        super().__init__(x0, step_size=step_size)
        self.beta, self.before = beta, x0

    def mix(self, node, v, x0):
        v = v + self.beta * (self.x - self.before)
        self.before = self.x
        return super().mix(node, v, x0)
"""
SERVER = """
from rfast_bench.api import Algorithm, Gradient, ReceiveAny, StepSize


class Server(Algorithm):
    needs = "undirected"
    default_topology = "star"

    def __init__(self, x0, *, step_size: StepSize):
        self.step_size = step_size
        self.x = x0

    @property
    def model(self):
        return self.x

    def activities(self, node):
        return [self.serve(node) if node.id == 0 and node.n > 1 else self.compute(node)]

    async def serve(self, node):
        while True:
            i, g = await ReceiveAny("g")
            self.x = self.x - self.step_size * g
            node.post(i, "x", self.x)

    async def compute(self, node):
        while True:
            g = await Gradient(self.x)
            if node.n == 1:
                self.x = self.x - self.step_size * g
            else:
                node.send(0, "g", g)
                self.x = node.newest(0, "x", self.x)
"""


def test_a_subclass_of_r_fast_may_add_to_the_point_after_the_step(tmp_path: Path) -> None:
    path = tmp_path / "heavy.py"
    path.write_text(HEAVY, encoding="utf-8")
    assert checked(f"{path}:Heavy", [], tmp_path, processes=False)[0] == []


def test_a_server_that_never_computes_is_a_caution(tmp_path: Path) -> None:
    """And so is a star's method on other graphs: it names its own."""
    path = tmp_path / "server.py"
    path.write_text(SERVER, encoding="utf-8")
    found = check(registry.find(f"{path}:Server"))
    assert {f.rule.name for f in found} == {"neighbours", "idle-data"}
    assert all(f.caution for f in found)


ROUNDING = '''
class Rounded(Method):
    """Sends models whose last bits are rounded off, by Dekker's splitting: how many is the type's matter."""

    def rounded(self, x):
        return 65536.0 * x - (65536.0 * x - x)
'''


def test_rounding_on_purpose_is_no_difference_between_sorts_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "method.py"
    text = source_of("gossip").replace(
        'node.post(j, "model", self.x)', 'node.post(j, "model", self.rounded(self.x))'
    )
    path.write_text(text + ROUNDING, encoding="utf-8")
    assert check(registry.find(f"{path}:Rounded")) == []
