"""All-reduces over the injected network: each worker comes to the round of the simulated ring, of the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rfast_bench.conditions.buckets import left
from rfast_bench.conditions.inlet import Inlet
from rfast_bench.real.worker.hops import Hops
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.sim.network.node import Network
from rfast_bench.sim.network.ring import Ring
from rfast_bench.topology.build import build

LOSSY = {
    "latency": {"kind": "lognormal", "mean": 0.02, "sigma": 0.4},
    "bandwidth": 4000,
    "loss": 0.2,
    "message_bytes": 800,
    "links": [{"from": 1, "to": 2, "bandwidth": 1000}],
}
N, BYTES, SEED = 4, 80, 3


class Workers:
    """All workers' parts, in one process; what each would be given by the others is known beforehand."""

    def __init__(self, network: dict[str, Any]) -> None:
        self.spec = NetworkSpec.model_validate(network)
        self.faults = [Faults(self.spec, SEED, i, BYTES) for i in range(N)]
        self.numbers = np.empty((N, 0))
        self.asked = 0
        into = self.spec.receive_bandwidth
        self.inlets = [None if into is None else Inlet[Any](into) for _ in range(N)]
        self.hops = [
            Hops(self.spec, SEED, i, N, self.faults[i], self.gather, self.inlets[i]) for i in range(N)
        ]

    def gather(self, numbers: Sequence[float]) -> np.ndarray:
        self.asked += 1
        assert numbers in self.numbers.tolist()
        return self.numbers

    def round(self, began: Sequence[float], ready: Sequence[float], shares: Sequence[float]) -> list[float]:
        pieces = [[r - s * (r - b) for s in shares] for b, r in zip(began, ready, strict=True)]
        inlets = [[door.free_at] if door else [] for door in self.inlets]
        rows = zip(pieces, self.faults, inlets, strict=True)
        self.numbers = np.array([[*own, f.free_at, *inlet] for own, f, inlet in rows])
        weights = [1] * len(shares)
        given = zip(self.hops, pieces, strict=True)
        return [hops.pass_around(BYTES, own, weights) for hops, own in given]


def simulated(spec: NetworkSpec) -> tuple[Ring, Network]:
    network = Network(spec, SEED, BYTES)
    graph = build(TopologySpec(kind="line"), N, "undirected", False, "here")
    network.nodes = [network.open_node(i, graph) for i in range(N)]
    return Ring(network), network


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("inlet", [{}, {"receive_bandwidth": 1500}])
def test_every_worker_comes_to_the_round_of_the_simulated_world(pieces: int, inlet: dict[str, Any]) -> None:
    workers = Workers({**LOSSY, **inlet})
    ring, network = simulated(workers.spec)
    shares = [*left(pieces, 0.25)]
    began = np.zeros(N)
    for k in range(5):
        ready = began + np.array([1.0, 1.5, 1.2, 0.9 + k])
        found = workers.round(began.tolist(), ready.tolist(), shares)
        size, wire = 1 / pieces, BYTES * network.scale / pieces
        expected = np.max([ring.finish(ready - s * (ready - began), wire, size) for s in shares], axis=0)
        assert found == expected.tolist()
        began = expected
    for faults, node in zip(workers.faults, network.nodes, strict=True):
        assert (faults.free_at, faults.sent, faults.lost) == (node.free_at, node.sent, node.lost)
        door = workers.inlets[node.number]
        assert (door and door.free_at) == (node.inlet and node.inlet.free_at)
        assert faults.bytes_sent == pytest.approx(node.bytes_sent)
    assert sum(f.lost for f in workers.faults) > 0


def test_over_a_network_that_takes_nothing_nobody_is_asked() -> None:
    workers = Workers({})
    assert workers.round([0.0] * N, [1.0, 2.0, 3.0, 4.0], [0.0]) == [1.0, 2.0, 3.0, 4.0]
    assert workers.asked == 0
    assert [f.sent for f in workers.faults] == [6] * N


def test_a_link_that_is_down_lets_nothing_through() -> None:
    workers = Workers({"links": [{"from": 0, "to": 1, "loss": 1.0}]})
    assert workers.round([0.0] * N, [1.0] * N, [0.0]) == [float("inf")] * N


def test_an_inlet_alone_is_reason_to_ask() -> None:
    workers = Workers({"receive_bandwidth": 80})
    done = workers.round([0.0] * N, [1.0] * N, [0.0])
    assert done == [1.0 + 2 * (N - 1) * BYTES / N / 80] * N
    assert workers.asked == N
