"""One run in the simulated world: builds workers, links and clock, and starts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.conditions.compute_times import sized, slowdown_of, timeline_of, work_of
from rfast_bench.conditions.faults.links import FaultyLinks
from rfast_bench.conditions.faults.ring import RingFaults
from rfast_bench.conditions.faults.schedule import described, schedule
from rfast_bench.conditions.faults.sides import sides_of
from rfast_bench.conditions.randomness.seeds import later
from rfast_bench.problems import Problem
from rfast_bench.problems.base import read_only
from rfast_bench.problems.evaluation import NOBODY, Evaluator, Watcher
from rfast_bench.scenario.faults.kinds import Fault
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.optimizer import PLAIN, Training
from rfast_bench.sim.clock import Clock
from rfast_bench.sim.driver import Driver
from rfast_bench.sim.faults import Faults
from rfast_bench.sim.gradients import LazyGradients
from rfast_bench.sim.halts.guard import guarded
from rfast_bench.sim.malloc import kept_memory, uncollected
from rfast_bench.sim.monitor import Monitor, Outcome
from rfast_bench.sim.network.node import Network
from rfast_bench.sim.optimizer import equip
from rfast_bench.sim.worker import Worker
from rfast_bench.topology.membership import Membership
from rfast_bench.topology.topology import Topology
from rfast_bench.topology.traffic import mean_edges

Make = Callable[[Any], Algorithm]
"""Builds one worker's part of an algorithm from x⁰."""
MakeNetwork = Callable[[NetworkSpec, int, int, Callable[[float], Any]], Network]


def simulate(
    scenario: Scenario,
    make: Make,
    topology: Topology,
    problem: Problem,
    evaluator: Evaluator,
    seed: int,
    watcher: Watcher = NOBODY,
    make_network: MakeNetwork = Network,
    make_driver: Callable[..., Driver] = Driver,
    training: Training = PLAIN,
) -> Outcome:
    """Run one algorithm, built by `make(x0)` for each worker, until a stop rule of the scenario fires.

    `training` is the optimizer and the schedule of its workers.
    `make_network` and `make_driver` put others in the place of the plain ones, which record more.
    """
    make, faults = with_number(make, number_of(problem)), schedule(scenario, seed)
    with uncollected(topology.n):
        workers = build_workers(scenario, make, topology, problem, seed, make_network, faults)
        monitor = Monitor(scenario, problem, evaluator, workers, watcher, sides_of(scenario, faults))
        driver = build_driver(scenario, make, topology, problem, workers, monitor, make_driver, faults)
        if training != PLAIN:
            equip(driver, training, problem, seed)
        # a diverging run overflows on its way; it is recorded as such
        expected = state_of(workers, topology, problem)
        with np.errstate(all="ignore"), kept_memory(expected), guarded(driver, monitor.checks):
            driver.start()
            if not monitor.stopped:
                driver.clock.run()
        return replace(monitor.outcome(), notes=described(faults))


def build_driver(
    scenario: Scenario,
    make: Make,
    topology: Topology,
    problem: Problem,
    workers: Sequence[Worker],
    monitor: Monitor,
    make_driver: Callable[..., Driver],
    faults: Sequence[Fault],
) -> Driver:
    """Drives these workers by a clock of their own, as the scenario says, and is watched."""
    synchronous = workers[0].algorithm.synchronous
    driver = make_driver(
        Clock(workers[0].node.moment),
        problem,
        workers,
        LazyGradients(problem, scenario.simulation.gradient_batch),
        on_iteration=monitor.on_iteration,
        budget=scenario.stop.iterations if synchronous else None,
        timeline=timeline_of(scenario),
    )
    workers[0].node.network.connect(driver.clock.plan)
    monitor.attach(driver)
    silence = scenario.network.silence_timeout
    if silence is not None:
        membership = Membership(topology)
        Faults(faults, membership, silence, driver, lambda: make(problem.start), monitor.stall)
    return driver


def number_of(problem: Problem) -> Callable[[float], Any]:
    """The form of weights and step sizes: arrays without dimensions, by which NumPy multiplies a short vector in
    little more than half the time that a Python float takes. Equal numbers are one array, which stays in cache."""
    if not isinstance(problem.start, np.ndarray):
        return float
    return cache(lambda value: read_only(np.array(value, problem.dtype)))


def with_number(make: Make, number: Callable[[float], Any]) -> Make:
    """The same, with the step size in the form of `number`."""

    def made(x0: Any) -> Algorithm:
        algorithm = make(x0)
        if "step_size" in vars(algorithm):
            algorithm.step_size = number(algorithm.step_size)
        return algorithm

    return made


def state_of(workers: Sequence[Worker], topology: Topology, problem: Problem) -> int:
    """Bytes of all the vectors that the algorithm says its workers hold."""
    vectors = type(workers[0].algorithm).vectors(*mean_edges(topology))
    return round(vectors * topology.n * problem.dim * problem.dtype.itemsize)


def build_workers(
    scenario: Scenario,
    make: Make,
    topology: Topology,
    problem: Problem,
    seed: int,
    make_network: MakeNetwork = Network,
    faults: Sequence[Fault] = (),
) -> list[Worker]:
    """All workers, their streams of randomness keyed by the seed and their number alone."""
    model_size = problem.dim * problem.dtype.itemsize
    network = make_network(scenario.network, seed, model_size, number_of(problem))
    network.nodes = [network.open_node(i, topology) for i in range(topology.n)]
    network.expect()
    if faults:
        network.links.faults = FaultyLinks(faults, seed)
        network.ring_faults = RingFaults(network.links.faults, faults, topology.n, stops=True)
    for purpose in ("compute", "batches"):
        network.streams.expect(purpose, [(i,) for i in range(topology.n)])
    workers = [
        Worker(
            node,
            make(problem.start),
            *sized(
                scenario,
                node.id,
                problem.sampler(node.id, later(network.streams, "batches", node.id)),
                work_of(scenario, node.id, network.streams),
                partial(problem.size, node.id),
            ),
            slowdown_of(scenario, node.id, seed),
        )
        for node in network.nodes
    ]
    if workers[0].algorithm.needs != "nothing":
        for node in network.nodes:
            node.reachable = frozenset({*node.out_W, *node.out_A})
    return workers
