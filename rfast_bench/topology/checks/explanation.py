"""All that can be said of a topology before it is run: the condition, the weights, the ways, the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, isnan

from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.topology.connectivity import MOST_LINES, missed, root_candidates
from rfast_bench.topology.distances import Loops, find_loops
from rfast_bench.topology.mixing import Weights
from rfast_bench.topology.repair import Mend
from rfast_bench.topology.topology import Topology
from rfast_bench.topology.traffic import (
    Bottleneck,
    Load,
    OnNetwork,
    edges_of,
    find_bottleneck,
    load_of,
    on_network,
)


@dataclass(frozen=True)
class Missed:
    """A worker that might be the common root, and whom it misses in one graph."""

    graph: str
    root: int
    workers: list[int]
    """G(W): whom it cannot reach. G(A): who cannot reach it."""


@dataclass(frozen=True)
class Range:
    """The smallest and the largest of a number for each worker, and the first worker that has it."""

    smallest: float
    smallest_at: int
    largest: float
    largest_at: int


@dataclass(frozen=True)
class Sums:
    rows: Range
    columns: Range


@dataclass(frozen=True)
class Weighed:
    """The workers' own shares, the diagonal, and the smallest and the largest weight on an edge; None without edges."""

    own: Range
    edges: tuple[float, float] | None


@dataclass(frozen=True)
class Explanation:
    name: str
    workers: int
    directed: bool
    holds: bool
    roots_w: list[int]
    roots_a: list[int]
    common_roots: list[int]
    bipartite: bool
    missed: list[Missed]
    mend: Mend | None
    weight_flaws: list[str]
    sums: dict[str, Sums]
    weights: dict[str, Weighed]
    step_factor: float | None
    loops: Loops | None
    edges: dict[str, int]
    messages: int
    """Sent by all workers, each doing one iteration."""
    bytes: float | None
    loads: list[Load]
    bottleneck: Bottleneck
    network: OnNetwork | None
    notes: tuple[str, ...]
    """How the user's files were read."""


def explain(
    topology: Topology,
    network: NetworkSpec | None = None,
    model_bytes: float | None = None,
    compute: float = 0.0,
) -> Explanation:
    """Look at a topology from all sides; at a scenario's links too, if there are any."""
    names = "WA" if topology.directed else "W"
    model_bytes = model_bytes or (network.message_bytes if network else None)
    loops = find_loops(topology)
    loads = [load_of(topology, i) for i in range(topology.n)]
    messages = sum(load.sent for load in loads)
    return Explanation(
        name=topology.name,
        workers=topology.n,
        directed=topology.directed,
        holds=topology.sound,
        roots_w=sorted(topology.roots_w),
        roots_a=sorted(topology.roots_a),
        common_roots=sorted(topology.common_roots),
        bipartite=any(topology.side) or not any(map(topology.in_W, range(topology.n))),
        missed=_missed(topology),
        mend=None if topology.common_roots else topology.mend,
        weight_flaws=[flaw for flaws in topology.weight_flaws.values() for flaw in flaws],
        sums={name: _sums(topology, name) for name in names},
        weights={name: _weighed(topology.W if name == "W" else topology.A) for name in names},
        step_factor=None if isnan(topology.step_factor) else topology.step_factor,
        loops=loops,
        edges={name: len(edges) for name, edges in edges_of(topology).items()},
        messages=messages,
        bytes=messages * model_bytes if model_bytes else None,
        loads=loads,
        bottleneck=find_bottleneck(topology, loads, network, model_bytes),
        network=on_network(topology, loops, network, model_bytes, compute) if network else None,
        notes=topology.notes,
    )


# ------------------------------------------------------------------------------------------ condition, weights
def _missed(topology: Topology) -> list[Missed]:
    if topology.common_roots:
        return []
    sides = [("W", topology.W, topology.roots_a), ("A", topology.A, topology.roots_w)]
    return [
        Missed(name, root, lost)
        for name, walks, elsewhere in (sides if topology.directed else sides[:1])
        for root, lost in missed(walks, root_candidates(walks, elsewhere)[:MOST_LINES])
    ]


def _sums(topology: Topology, name: str) -> Sums:
    """Of rows and columns: W is kept by rows, A by columns."""
    own = topology.W if name == "W" else topology.A
    along, across = _range([fsum(line.values()) for line in own]), _range(_across(own))
    return Sums(along, across) if name == "W" else Sums(across, along)


def _weighed(weights: Weights) -> Weighed:
    others = [weight for i, line in enumerate(weights) for j, weight in line.items() if j != i]
    own = _range([line.get(i, 0.0) for i, line in enumerate(weights)])
    return Weighed(own, (min(others), max(others)) if others else None)


def _across(weights: Weights) -> list[float]:
    entries: list[list[float]] = [[] for _ in weights]
    for line in weights:
        for j, weight in line.items():
            entries[j].append(weight)
    return [fsum(column) for column in entries]


def _range(values: list[float]) -> Range:
    smallest, largest = min(values), max(values)
    return Range(smallest, values.index(smallest), largest, values.index(largest))
