"""Every kind of mistake is told by its rule, and where a line can be known, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mistakes import Mistake, mistakes, told
from rfast_bench.conformance.check import check
from rfast_bench.plan import registry

FIRST = list({m.kind: m for m in reversed(mistakes())}.values())
"""The first of each kind; `python -m benchmarks.mistakes` tries all."""
LINES = {"await", "endless loop", "channels", "payloads", "in place", "lost update", "weights", "state"}


def test_there_are_ten_of_almost_every_kind() -> None:
    kinds = [m.kind for m in mistakes()]
    assert all(kinds.count(kind) >= 10 for kind in set(kinds) - {"collective", "silence"})


@pytest.mark.parametrize("mistake", FIRST, ids=lambda mistake: mistake.kind)
def test_it_is_told_by_its_rule(mistake: Mistake, tmp_path: Path) -> None:
    found = [f for f in told(mistake, tmp_path) if f.rule.name in mistake.rules]
    assert found
    if mistake.kind in LINES:
        lines = [f.line.number for f in found if f.line is not None]
        elsewhere = any(f":{mistake.line}" in f.seen for f in found)
        assert elsewhere or any(abs(line - mistake.line) <= 2 for line in lines), lines


THINNED = """
from rfast_bench.algorithms.r_fast import RFast


class Thinned(RFast):
    k = 0

    def track(self, node, g_new):
        mass = self.z + g_new - self.g
        for j in node.in_A:
            total = node.newest(j, "rho", self.rho_used[j])
            mass = mass + total - self.rho_used[j]
            self.rho_used[j] = total
        self.z = node.A[node.id] * mass
        self.k += 1
        if self.k % 2 == 0:
            for j in node.out_A:
                self.rho[j] = self.rho[j] + node.A[j] * mass
                node.post(j, "rho", self.rho[j])
        self.g = g_new
"""


def test_the_branch_that_leaves_a_ledger_out_is_found(tmp_path: Path) -> None:
    """The residual is R-FAST's own; the lines that run only where it holds are under the `if`."""
    path = tmp_path / "thinned.py"
    path.write_text(THINNED, encoding="utf-8")
    (found,) = check(registry.find(f"{path}:Thinned"))
    assert found.rule.name == "invariant"
    assert found.line is not None
    assert found.line.number == THINNED.splitlines().index("        if self.k % 2 == 0:") + 1
    assert "run only where it holds" in found.seen


def test_all_findings_come_at_once(tmp_path: Path) -> None:
    """Two mistakes in one file: a list as payload, and a method of an array."""
    path = tmp_path / "two.py"
    path.write_text(
        """
from rfast_bench.api import Algorithm, Gradient, StepSize


class Two(Algorithm):
    needs = "undirected"
    default_topology = "ring"

    def __init__(self, x0, *, step_size: StepSize):
        self.step_size = step_size
        self.x = x0

    @property
    def model(self):
        return self.x

    def activities(self, node):
        return [self.work(node)]

    async def work(self, node):
        start = [self.x]
        while True:
            for j in node.out_W:
                node.post(j, "model", [self.x])
            g = (await Gradient(self.x)).clip(-1, 1)
            mixed = node.W[node.id] * self.x
            for j in node.in_W:
                mixed = mixed + node.W[j] * node.newest(j, "model", start)[0]
            self.x = mixed - self.step_size * g
""",
        encoding="utf-8",
    )
    found = {(f.rule.name, f.line.number if f.line else 0) for f in check(registry.find(f"{path}:Two"))}
    assert {("payloads", 24), ("arithmetic", 25)} <= found
