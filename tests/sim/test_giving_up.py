"""Gradients that are given up for a message, `tell` and `Sent` under the simulated clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfast_bench.errors import UserError
from tests.support.handmade import make_run, simulate_run

METHOD = """
from rfast_bench.api import Algorithm, Gradient, ReceiveAny, Sent, StepSize


class Method(Algorithm):
    def __init__(self, x0, *, step_size: StepSize):
        self.step_size, self.x, self.seen = step_size, x0, []

    @property
    def model(self):
        return self.x
{body}
"""
INTERRUPTED = """
    def activities(self, node):
        return [self.work(node), self.speak(node)] if node.id else [self.work(node)]

    async def work(self, node):
        while True:
            g = await Gradient(self.x, unless="stop")
            self.seen.append((g is None, [said for _, said in node.drain("stop")]))

    async def speak(self, node):
        if node.id == 1:
            node.send(0, "stop", "a")      # while its first gradient is computed
            await ReceiveAny("never")
        if node.id == 2:
            node.tell("stop", "own")       # at once
            await ReceiveAny("never")
"""


def run(tmp_path: Path, body: str, **over: Any) -> Any:
    path = tmp_path / "method.py"
    path.write_text(METHOD.format(body=body), encoding="utf-8")
    conditions = {"network": {"latency": 0.25}, "stop": {"time": 2.5}, **over}
    fixed: dict[str, Any] = {"compute": 1, "evaluate": {"every": 1}, "simulation": {"timeline": 9}}
    algorithm = {"name": f"{path}:Method", "step_size": 0.1}
    return simulate_run(make_run(algorithm, workers=3, **fixed, **conditions))


def test_it_is_given_up_when_a_message_arrives_and_counts_nowhere(tmp_path: Path) -> None:
    played = run(tmp_path, INTERRUPTED)
    assert played.workers[0].seen == [(True, ["a"]), (False, []), (False, [])]
    assert played.workers[1].seen == [(False, []), (False, [])]
    assert played.workers[2].seen == [(True, ["own"]), (False, []), (False, [])]
    totals = played.outcome.frames["workers"].set_index("worker")
    np.testing.assert_allclose(totals["wasted"], [0.25, 0, 0])
    np.testing.assert_allclose(totals["busy"], 2.5)
    assert totals["gradients"].tolist() == [2, 2, 2]
    np.testing.assert_allclose(played.intervals()[0], [[0, 0.25], [0.25, 1.25], [1.25, 2.25], [2.25, 2.5]])
    assert played.curves.gradients.iloc[-1] == 6
    assert played.curves.messages_sent.iloc[-1] == 1, "what a worker tells itself is no message"
    assert played.outcome.frames["staleness"]["count"].sum() == 1


def test_given_up_gradients_are_no_iterations(tmp_path: Path) -> None:
    """A budget of iterations is one of gradients that were done."""
    played = run(tmp_path, INTERRUPTED, stop={"iterations": 2})
    assert played.outcome.stopped_by == "iterations"
    assert played.curves.gradients.iloc[-1] == 6


def test_a_dead_worker_is_not_woken_by_what_it_would_have_given_up_for(tmp_path: Path) -> None:
    faults = [{"worker": 0, "down": 0.1}]
    network = {"latency": 0.25, "silence_timeout": 50}
    played = run(tmp_path, "    elastic = True\n" + INTERRUPTED, faults=faults, network=network)
    totals = played.outcome.frames["workers"].set_index("worker")
    assert totals["busy"].tolist() == pytest.approx([0.1, 2.5, 2.5])
    assert totals["gradients"].tolist() == [0, 2, 2]
    assert totals["wasted"].tolist() == [0, 0, 0]


SENT = """
    def activities(self, node):
        return [self.work(node)]

    async def work(self, node):
        for k in range(3):
            if node.id == 0:
                node.send(1, "x", self.x)
                node.send(2, "x", self.x)
                await Sent()
            self.seen.append(None)
            if k == 0 and node.id == 1:
                self.seen.append(await ReceiveAny("x"))
        await Gradient(self.x)
        await ReceiveAny("never")
"""


def test_sent_ends_when_the_link_is_free(tmp_path: Path) -> None:
    """Two models of 32 bytes at 128 bytes a second take the link half a second, three times."""
    played = run(tmp_path, SENT, network={"latency": 0.25, "bandwidth": "128 B/s"}, stop={"time": 4})
    assert played.intervals()[0][0].tolist() == [1.5, 2.5]
    assert played.intervals()[2][0].tolist() == [0, 1]


UNDRAINED = """
    def activities(self, node):
        return [self.work(node)]

    async def work(self, node):
        node.tell("stop", 1)
        while True:
            await Gradient(self.x, unless="stop")
"""


def test_what_is_never_taken_is_told_in_place_of_an_endless_loop(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="what lies on channel 'stop' is never taken"):
        run(tmp_path, UNDRAINED)


TWICE = """
    def activities(self, node):
        return [self.work(node), self.wait(node)]

    async def wait(self, node):
        await ReceiveAny("stop")

    async def work(self, node):
        await Gradient(self.x, unless="stop")
        await Gradient(self.x, unless="stop")
"""


def test_two_who_wait_on_one_channel_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="waits twice at once on channel 'stop'"):
        run(tmp_path, TWICE)
