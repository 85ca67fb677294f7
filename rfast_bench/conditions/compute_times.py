"""How long one worker's gradients take: the same draws and the same slow phases in both worlds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rfast_bench.conditions.links import block_sizes, packed
from rfast_bench.conditions.seeds import Streams, stream
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.timing import Slowdown, mean_time

FIRST_STRETCH = 20.0
"""How many mean compute times of the start of a run the timeline records, unless the scenario says."""

NORMAL = Slowdown([])
"""Of every worker that is no straggler."""


def work_of(scenario: Scenario, worker: int, streams: Streams) -> Iterator[float]:
    """Endless: the seconds that each of a worker's gradients takes at full speed."""
    rng = streams("compute", worker)
    return chain.from_iterable(packed(scenario.compute.draw(rng, size)) for size in block_sizes())


def slowdown_of(scenario: Scenario, worker: int, seed: int) -> Slowdown:
    """How the scenario's stragglers slow one worker down, and when."""
    own = [(k, s) for k, s in enumerate(scenario.stragglers) if worker in s.workers]
    if not own:
        return NORMAL
    return Slowdown([(s.slowdown, s.phases(stream(seed, "straggler", worker, k))) for k, s in own])


def timeline_of(scenario: Scenario) -> float:
    """How many seconds of the start of a run the timeline records."""
    return scenario.simulation.timeline or FIRST_STRETCH * mean_time(scenario.compute)
