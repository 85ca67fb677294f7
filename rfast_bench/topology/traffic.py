"""What a topology asks of its links: messages per iteration, the busiest sender, the slowest edge."""

from __future__ import annotations

from dataclasses import dataclass

from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.timing import mean_time
from rfast_bench.topology.distances import Loops, slowest_loop
from rfast_bench.topology.graphs import Edges
from rfast_bench.topology.topology import Topology


@dataclass(frozen=True)
class Load:
    """What one worker has to do with in each of its iterations."""

    worker: int
    in_W: int
    out_W: int
    in_A: int
    out_A: int
    sent: int
    """Messages of a model's size."""
    received: int
    psi: float | None
    pi: float | None


@dataclass(frozen=True)
class Bottleneck:
    """The worker whose outgoing link is busiest in an iteration, the first of `workers` like it."""

    worker: int
    workers: int
    messages: int
    seconds: float | None
    """How long that takes, where sizes and bandwidth are known."""


@dataclass(frozen=True)
class Slowest:
    """The edge on which one message takes longest: latency + bytes / bandwidth."""

    sender: int
    receiver: int
    seconds: float


@dataclass(frozen=True)
class OnNetwork:
    """What a scenario's network makes of it. Seconds."""

    slowest: Slowest | None
    longest_loop: float | None
    """The slowest loop through the same root, by links alone; waiting for workers on the way comes on top."""
    compute: float
    """Mean time of a gradient of a worker that is no straggler."""


def edges_of(topology: Topology) -> dict[str, Edges]:
    """By graph; W alone for an undirected one, both directions."""
    graphs = {"W": topology.out_W, "A": topology.out_A} if topology.directed else {"W": topology.out_W}
    return {name: [(j, i) for j in range(topology.n) for i in out(j)] for name, out in graphs.items()}


def load_of(topology: Topology, i: int) -> Load:
    """A pair sends a model along each edge of G(W) and gradient mass, as large, along each of G(A)."""
    ins, outs = len(topology.in_W(i)), len(topology.out_W(i))
    in_a, out_a = (len(topology.in_A(i)), len(topology.out_A(i))) if topology.directed else (0, 0)
    psi, pi = (None if x is None else x.get(i, 0.0) for x in (topology.psi, topology.pi))
    return Load(i, ins, outs, in_a, out_a, outs + out_a, ins + in_a, psi, pi)


def find_bottleneck(
    topology: Topology, loads: list[Load], network: NetworkSpec | None, model_bytes: float | None
) -> Bottleneck:
    busy: list[float] = [load.sent for load in loads]
    timed = network is not None and model_bytes is not None
    if network is not None and model_bytes is not None:
        busy = [0.0] * topology.n
        for edges in edges_of(topology).values():
            for j, i in edges:
                busy[j] += model_bytes / network.link(j, i).bandwidth
    timed = timed and max(busy) > 0
    if not timed:
        busy = [load.sent for load in loads]
    worst = busy.index(max(busy))
    return Bottleneck(worst, busy.count(busy[worst]), loads[worst].sent, busy[worst] if timed else None)


def on_network(
    topology: Topology,
    loops: Loops | None,
    network: NetworkSpec,
    model_bytes: float | None,
    compute: float,
) -> OnNetwork | None:
    def delay(j: int, i: int) -> float:
        link = network.link(j, i)
        return mean_time(link.latency) + (model_bytes or 0.0) / link.bandwidth

    times = [
        (delay(j, i), j, i) for j, i in sorted({e for edges in edges_of(topology).values() for e in edges})
    ]
    slowest = max(times, key=lambda found: found[0], default=(0.0, 0, 0))
    if slowest[0] <= 0:
        return OnNetwork(None, None, compute)
    longest = None if loops is None else slowest_loop(topology, loops.root, delay)
    return OnNetwork(Slowest(slowest[1], slowest[2], slowest[0]), longest, compute)


def mean_edges(topology: Topology) -> tuple[float, float]:
    """Mean number of edges that a worker has in G(W) and, for a directed pair, in G(A)."""
    in_w, in_a = (
        sum(len(neighbours(i)) for i in range(topology.n)) / topology.n
        for neighbours in (topology.in_W, topology.in_A)
    )
    return in_w, in_a if topology.directed else 0.0
