"""Gradients that are given up for a message, and the wait for a free link: one worker's driver, in threads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from rfast_bench.api import Activity, Gradient, Node, ReceiveAny, Sent
from rfast_bench.errors import UserError
from rfast_bench.real.worker.compute import Measured
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.timing import Slowdown
from tests.real.test_driver import Answering, Table

pytestmark = pytest.mark.timeout(30)


class Restless(Answering):
    """Gives its gradient up for whatever comes on `newer`, and begins another."""

    def __init__(self) -> None:
        super().__init__()
        self.news: list[Any] = []
        self.given_up = 0

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        while True:
            g = await Gradient(self.x, unless="newer")
            self.given_up += g is None
            self.x = self.x + (0 if g is None else g)
            self.news += [said for _, said in node.drain("newer")]


class Pair(Restless):
    """Its other activity hands on by `tell` what it is sent."""

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node), self.listen(node)]

    async def listen(self, node: Node) -> None:
        while True:
            _, said = await ReceiveAny("post")
            node.tell("newer", said)


@pytest.mark.parametrize(("algorithm", "channel"), [(Restless(), "newer"), (Pair(), "post")])
def test_a_message_ends_the_gradient_under_way_at_once(algorithm: Restless, channel: str) -> None:
    table = Table(algorithm, seconds=20)  # never done

    def tell() -> None:
        table.tell(channel, "a", after=0.1)
        table.tell(channel, "b", after=0.2)

    table.play(0.4, tell)
    log = table.driver.log
    assert algorithm.news == ["a", "b"]
    assert algorithm.given_up == len(log.wasted_from) == 2
    np.testing.assert_allclose(np.array(log.wasted_to), [0.1, 0.2], atol=0.08)
    assert np.array(log.wasted_to)[0] == pytest.approx(np.array(log.wasted_from)[1], abs=0.01)
    assert len(log.asked) == 1
    assert len(log.done) == 0


def test_without_a_message_it_is_a_gradient_as_any_other() -> None:
    algorithm = Restless()
    table = Table(algorithm, seconds=0.02)
    table.play(0.3)
    assert algorithm.x == len(table.driver.log.done) >= 5
    assert algorithm.given_up == 0
    assert len(table.compute.lateness) >= 5


def test_what_is_there_already_gives_it_up_before_it_is_asked_for() -> None:
    class Late(Restless):
        async def run(self, node: Node) -> None:
            await ReceiveAny("go")
            self.given_up += (await Gradient(self.x, unless="newer")) is None
            await Gradient(self.x)

    algorithm = Late()
    table = Table(algorithm, seconds=20)

    def tell() -> None:
        table.tell("newer", 1)
        table.tell("go", 1)

    table.play(0.3, tell)
    assert algorithm.given_up == 1
    assert len(table.driver.log.asked) == 1
    assert len(table.driver.log.wasted_from) == 0


def test_what_is_never_taken_is_told_in_place_of_an_endless_loop() -> None:
    class Deaf(Restless):
        async def run(self, node: Node) -> None:
            while True:
                await Gradient(self.x, unless="newer")

    table = Table(Deaf(), seconds=20)
    with pytest.raises(UserError, match="what lies on channel 'newer' is never taken"):
        table.play(5, lambda: table.tell("newer", 1))


def test_a_measured_gradient_is_thrown_away_at_its_end() -> None:
    """What computes cannot be stopped half-way; a straggler's sleep can."""
    algorithm = Restless()
    table = Table(algorithm)
    compute = Measured(Slowdown([(1e7, None)]), table.clock, table.ended.wait)
    table.driver._compute = compute
    table.play(0.3, lambda: table.tell("newer", 1, after=0.1))
    assert algorithm.given_up == 1


def test_sent_waits_until_the_link_is_free() -> None:
    """8 bytes at 80 bytes a second take the link a tenth of a second each."""

    class Sender(Answering):
        def __init__(self) -> None:
            super().__init__()
            self.rounds = 0

        def activities(self, node: Node) -> Iterable[Activity]:
            return [self.run(node)]

        async def run(self, node: Node) -> None:
            while True:
                node.send(1, "x", 1.0)
                await Sent()
                self.rounds += 1

    algorithm = Sender()
    slow = NetworkSpec.model_validate(
        {"bandwidth": "80 B/s"}
    )  # imports what reads units, before the clock runs
    table = Table(algorithm)
    table.node.faults = Faults(slow, 0, 0, 8)
    table.play(0.55)
    assert algorithm.rounds in (4, 5)
