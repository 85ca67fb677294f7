"""`Receive(..., within=s)` and `ReceiveAny(..., within=s)`: an answer by then, or None, in either world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rfast_bench.breaches.broken import Broken
from rfast_bench.conformance.check import check
from rfast_bench.plan import registry
from tests.support.command_line import call, write
from tests.support.handmade import make_run, simulate_run

PATIENT = """
from rfast_bench.api import Algorithm, Gradient, Receive, ReceiveAny, StepSize


class Patient(Algorithm):
    needs = "undirected"
    default_topology = "ring"

    def __init__(self, x0, *, step_size: StepSize, within: float = 0.5, anybody: bool = False, computes: bool = True):
        self.step_size, self.within, self.anybody, self.does = step_size, within, anybody, computes
        self.x = x0
        self.answers = []

    @property
    def model(self):
        return self.x

    def activities(self, node):
        return [self.work(node)]

    async def work(self, node):
        while True:
            if self.does:
                self.x = self.x - self.step_size * await Gradient(self.x)
                for j in node.out_W:
                    node.send(j, "x", self.x)
            if self.anybody:
                heard = await ReceiveAny("x", within=self.within)
                heard = None if heard is None else dict([heard])
            else:
                heard = await Receive("x", node.in_W, within=self.within)
            self.answers.append(None if heard is None else sorted(heard))
            for theirs in (heard or {}).values():
                self.x = (self.x + theirs) / 2
"""


@pytest.fixture
def plug_in(tmp_path: Path) -> str:
    path = tmp_path / "patient.py"
    path.write_text(PATIENT, encoding="utf-8")
    return f"{path}:Patient"


def played(plug_in: str, own: dict[str, Any], time: float) -> Any:
    """Two workers, a gradient takes 1 s; the second one's takes ten."""
    scenario: dict[str, Any] = {
        "workers": 2,
        "compute": {"kind": "constant", "mean": 1},
        "stragglers": [{"worker": 1, "slowdown": 10}],
        "network": {"latency": 0.25},
        **{"stop": {"time": time}, "evaluate": {"every": 1}},
    }
    return simulate_run(make_run({"name": plug_in, "step_size": 0.1, **own}, **scenario))


@pytest.mark.parametrize("anybody", [False, True])
def test_a_wait_ends_when_its_time_is_over(plug_in: str, anybody: bool) -> None:
    """1 s of computing and half a second of waiting: six rounds in 9 s. The straggler finds the first message there."""
    run = played(plug_in, {"anybody": anybody}, 10.1)
    assert run.workers[0].answers == [None] * 6
    assert run.outcome.frames["workers"].gradients.tolist() == [7, 1]
    assert run.workers[1].answers == [[0]]


def test_what_comes_in_time_is_taken_when_it_comes(plug_in: str) -> None:
    """The straggler's model is there at 10.25 s: worker 0, which has computed until 10 s, goes on then."""
    run = played(plug_in, {}, 11.26)
    assert run.workers[0].answers == [None] * 6 + [[1]]
    assert run.outcome.frames["workers"].gradients.tolist() == [8, 1]


def test_waits_that_are_never_answered_end_a_run_that_counts_gradients(plug_in: str) -> None:
    """Nobody computes, so nothing would ever end it."""
    over: dict[str, Any] = {"workers": 2, "stop": {"iterations": 5}, "evaluate": {"every": "1 iteration"}}
    run = make_run({"name": plug_in, "step_size": 0.1, "computes": False, "within": 1e-3}, **over)
    with pytest.raises(Broken, match="10000 waits in a row ended without a message"):
        simulate_run(run)


def test_check_accepts_it(plug_in: str) -> None:
    assert check(registry.find(plug_in)) == []


def test_the_real_world_answers_alike(plug_in: str, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        name="real",
        world="real",
        workers=2,
        problem={"kind": "quadratic", "dim": 3},
        algorithms=[{"name": plug_in, "step_size": 0.1, "within": 0.02}],
        compute={"kind": "constant", "mean": "20 ms"},
        stragglers=[{"worker": 1, "slowdown": 20}],
        stop={"time": "1.5 s"},
        evaluate={"every": "100 ms"},
        seeds=1,
    )
    result = call("run", path, "--out", tmp_path / "out", "--no-plots")
    assert result.exit_code == 0, result.output
    (table,) = (tmp_path / "out").glob("*/*/seed-0/workers.csv")
    gradients = [int(line.split(",")[1]) for line in table.read_text().splitlines()[1:]]
    assert gradients[0] > 4 * gradients[1] > 0
