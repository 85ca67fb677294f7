"""The driver of one worker, staging, sampling and what is gathered: in threads, without a process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rfast_bench.api import Activity, Algorithm, AllReduceMean, Gradient, Node, Receive, ReceiveAny
from rfast_bench.breaches import broken
from rfast_bench.errors import CannotRun
from rfast_bench.real.samples.kept_models import KeptModels
from rfast_bench.real.samples.sampler import Sampler
from rfast_bench.real.transport.inlet import Doorway
from rfast_bench.real.transport.message import SEND, Message
from rfast_bench.real.transport.sockets import Mail
from rfast_bench.real.worker.activities import Work
from rfast_bench.real.worker.compute import Emulated, Measured
from rfast_bench.real.worker.driver import Driver
from rfast_bench.real.worker.gpu import Staging, TensorStaging, check_gpus, staging_for
from rfast_bench.real.worker.hops import Hops
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.real.worker.node import RealNode
from rfast_bench.scenario.schema import Every
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.real import RealSpec
from rfast_bench.scenario.sections.slowdown import Slowdown
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build

pytestmark = pytest.mark.timeout(30)


class Answering(Algorithm):
    """Computes for ever, and beside it answers every request with its count of gradients."""

    step_size = 0.1

    def __init__(self) -> None:
        self.x = 0.0
        self.answered: list[float] = []

    @property
    def model(self) -> Any:
        return self.x

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.compute(), self.answer(node)]

    async def compute(self) -> None:
        while True:
            self.x = self.x + await Gradient(self.x)

    async def answer(self, node: Node) -> None:
        while True:
            i, said = await ReceiveAny("request")
            self.answered.append(said)
            node.send(i, "reply", self.x)


class Rounds(Answering):
    """Waits for a mean and for its neighbour in every round."""

    def activities(self, node: Node) -> Iterable[Activity]:
        return [self.run(node)]

    async def run(self, node: Node) -> None:
        while True:
            g = await Gradient(self.x)
            mean = await AllReduceMean(g)
            heard = await Receive("x", [1])
            self.x = self.x + mean + heard[1]


class Table:
    """A worker 0 of 2 with its driver and threads; `tell` is mail from worker 1."""

    def __init__(
        self,
        algorithm: Algorithm,
        seconds: float = 0.02,
        budget: int | None = None,
        doorway: Doorway | None = None,
    ) -> None:
        self.zero = time.monotonic()
        self.sent: list[tuple[int, Any]] = []
        self.ended = threading.Event()
        lock = threading.RLock()
        graph = build(TopologySpec(kind="line"), 2, "undirected", False, "here")
        self.node = RealNode(0, graph, Faults(NetworkSpec(), 0, 0, 8), 0, self.clock, Staging(), doorway)
        self.compute = Emulated(Slowdown([]), self.clock, self.ended.wait, repeat(seconds))
        self.models = KeptModels(Path("nowhere"), math.inf)
        self.sampler = Sampler(Every(seconds=0.05), algorithm, self.models, self._counted)
        work = Work(
            lambda at, batch: 1.0,
            repeat(None),
            lambda batch: 3,
            lambda value, waits: value * 10,
            self.wait_until,
        )
        self.driver = Driver(
            *(self.node, algorithm, work, self.compute, self.sampler, self.clock, lock, budget)
        )
        self.driver.hops = Hops(NetworkSpec(), 0, 0, 1, self.node.faults, lambda numbers: np.array([numbers]))
        self.node.mail = self.mail = Mail(0, b"run-0001", "127.0.0.1", self.driver.deliver, lock)
        self.mail.connect({1: self.mail.address})
        self._sequence = 0

    def wait_until(self, time: float) -> None:
        self.ended.wait(max(0.0, time - self.clock()))

    def clock(self) -> float:
        return time.monotonic() - self.zero

    def _counted(self) -> tuple[float]:
        return (float(self.node.gradients),)

    def tell(self, channel: str, payload: Any, after: float = 0.0) -> None:
        self._sequence += 1
        due = self.clock() + after if after else 0.0
        told = Message(SEND, 0, 1, channel, self._sequence, 0, self.clock(), due, payload)
        self.driver.deliver(told)
        self.mail.ring()  # as if the receiver's thread had delivered it

    def play(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        bodies = (self.driver.engine, self.driver.receiver)
        threads = [threading.Thread(target=body, daemon=True) for body in bodies]
        try:
            self.driver.start()
            for thread in threads:
                thread.start()
            meanwhile()
            time.sleep(max(0.0, seconds - self.clock()))
        finally:
            self.driver.freeze(seconds)
            self.ended.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join(5)
            self.mail.close()
        if self.driver.failure is not None:
            raise self.driver.failure


# ---------------------------------------------------------------------------------------------- the driver
def test_a_request_is_answered_while_a_gradient_is_computed() -> None:
    algorithm = Answering()
    table = Table(algorithm, seconds=10.0)
    table.play(0.3, lambda: table.tell("request", 7.0))
    assert algorithm.answered == [7.0]
    assert table.node.gradients == 0


def test_mail_that_is_held_back_is_answered_when_it_is_due_and_not_before() -> None:
    algorithm = Answering()
    table = Table(algorithm, seconds=10.0)

    def meanwhile() -> None:
        table.tell("request", 7.0, after=0.2)
        time.sleep(0.1)
        assert algorithm.answered == []

    table.play(0.5, meanwhile)
    assert algorithm.answered == [7.0]


def test_a_round_needs_its_mean_and_its_mail() -> None:
    algorithm = Rounds()
    table = Table(algorithm)

    def meanwhile() -> None:
        time.sleep(0.1)
        assert algorithm.x == 0.0
        table.tell("x", 0.5)

    table.play(0.4, meanwhile)
    assert algorithm.x == 10.5
    assert table.node.gradients == 2
    assert table.driver.log.samples == 6


def test_a_budget_parks_the_worker() -> None:
    algorithm = Answering()
    table = Table(algorithm, budget=3)
    table.play(0.4)
    assert table.node.gradients == 3
    assert algorithm.x == 3.0
    assert 0.06 <= table.driver.log.parked < 0.3


def test_models_are_kept_as_they_were_at_the_grid_points() -> None:
    algorithm = Answering()
    table = Table(algorithm, seconds=0.02)
    table.play(0.27)
    assert table.sampler.times == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.27])
    done = np.array(table.driver.log.done)
    shown = [int((done <= time).sum()) for time in table.sampler.times]
    assert [table.models.waiting[row] for row in table.models.rows] == pytest.approx(shown)
    assert [int(counted) for (counted,) in table.sampler.counters] == shown


def test_what_algorithm_code_raises_is_the_drivers_failure() -> None:
    class Broken(Answering):
        async def compute(self) -> None:
            await Gradient(self.x)
            raise ArithmeticError("no")

    with pytest.raises(ArithmeticError, match="no"):
        Table(Broken()).play(0.2)


def test_what_is_no_effect_is_refused() -> None:
    class Odd(Rounds):
        async def run(self, node: Node) -> None:
            await Nothing()

    class Nothing:
        def __await__(self) -> Any:
            return (yield self)

    with pytest.raises(broken.Broken, match="not an effect"):
        Table(Odd()).play(0.1)


def test_emulated_gradients_are_not_early_and_their_lateness_is_logged() -> None:
    table = Table(Answering(), seconds=0.01, budget=10)  # it parks, so that none is under way at the end
    table.play(0.5)
    assert min(table.compute.lateness) >= 0
    assert len(table.compute.lateness) == table.node.gradients
    assert all(gap >= 0.01 for gap in np.diff(np.array(table.driver.log.done)))


def test_a_measured_straggler_sleeps_for_what_it_is_slower() -> None:
    now, slept = [5.0], list[float]()

    def sleep(seconds: float) -> bool:
        slept.append(seconds)
        return False

    compute = Measured(Slowdown([(4.0, None)]), lambda: now[0], sleep)
    compute.begin(5.0)
    now[0] = 5.5
    compute.finish()
    assert slept == [1.5]


# ------------------------------------------------------------------------------------------------- staging
def test_tensors_are_staged_into_arrays_and_back() -> None:
    staging = TensorStaging("cpu")
    tensor = torch.arange(3.0, dtype=torch.float64)
    down = staging.to_host((1, tensor, 0.5))
    tensor += 1  # what was staged is a copy
    np.testing.assert_array_equal(down[1], [0, 1, 2])
    down[1].flags.writeable = False  # as a message's arrays are
    number, up, half = staging.to_device(down)
    assert (number, half) == (1, 0.5)
    assert isinstance(up, torch.Tensor)
    assert up.dtype == torch.float64
    assert up.tolist() == [0, 1, 2]


def test_on_the_cpu_nothing_is_staged() -> None:
    array = np.ones(3)
    staging = staging_for("cpu")
    assert staging.to_host(array) is array
    assert staging.to_device(array) is array


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_tensors_are_staged_from_a_gpu_and_back() -> None:
    staging = TensorStaging("cuda:0")
    tensor = torch.arange(1e6, device="cuda:0")
    np.testing.assert_array_equal(staging.to_host(tensor), np.arange(1e6, dtype=np.float32))
    up = staging.to_device(staging.to_host(tensor))
    assert up.device == tensor.device
    assert torch.equal(up, tensor)


def test_two_workers_on_one_gpu_are_refused_saying_why() -> None:
    check_gpus({0: "cuda:0 of a", 1: "cuda:1 of a", 2: "cuda:0 of b"})
    with pytest.raises(CannotRun, match="workers 0 and 2 would share cuda:0 of a, which NCCL refuses"):
        check_gpus({0: "cuda:0 of a", 1: "cuda:1 of a", 2: "cuda:0 of a"})


# --------------------------------------------------------------------------------------------------- words
def test_a_scenario_is_told_what_real_may_say() -> None:
    assert RealSpec.model_validate({"stall_timeout": "5 s"}).stall_timeout == 5.0
    assert math.isclose(RealSpec().process_group_timeout, 60)
    with pytest.raises(ValidationError, match="unknown key 'computes'"):
        RealSpec.model_validate({"computes": "measured"})


def test_a_worker_that_comes_back_at_the_very_end_leaves_its_last_model() -> None:
    """No look of the grid has come since: there is none to compare the end with."""
    table = Table(Answering())
    table.sampler.skip(60.0)
    table.play(0.05)
    assert table.sampler.times == [0.05]


def test_who_waits_goes_on_when_its_mail_has_passed_the_inlet() -> None:
    """Three requests of 8 bytes at once, an inlet of 80 bytes a second: 0.1 s each, one after another."""
    seen: list[float] = []

    class Noting(Answering):
        async def answer(self, node: Node) -> None:
            while True:
                await ReceiveAny("request")
                seen.append(table.clock())

    table = Table(Noting(), doorway=Doorway(NetworkSpec(receive_bandwidth=80), 0, 8))
    begun: list[float] = []

    def ask() -> None:
        begun.append(table.clock())
        for k in range(3):
            table.tell("request", k)

    table.play(0.7, ask)
    assert len(seen) == 3
    waited = [time - begun[0] for time in seen]
    assert all(0.1 * k <= one < 0.1 * k + 0.2 for k, one in enumerate(waited, start=1)), waited
