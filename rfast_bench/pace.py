"""How long one worker's gradients take: the same draws and the same slow phases in both worlds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from rfast_bench.scenario import Scenario
from rfast_bench.seeds import Streams, stream
from rfast_bench.timing import Distribution, Pace
from rfast_bench.weather import block_sizes, packed

FIRST_STRETCH = 20.0
"""How many mean compute times of the start of a run the timeline records, unless the scenario says."""

NORMAL = Pace([])
"""Of every worker that is no straggler."""


def work_of(scenario: Scenario, worker: int, streams: Streams) -> Iterator[float]:
    """Endless: the seconds that each of a worker's gradients takes at full speed."""
    rng = streams("compute", worker)
    return chain.from_iterable(packed(scenario.compute.draw(rng, size)) for size in block_sizes())


def pace_of(scenario: Scenario, worker: int, seed: int) -> Pace:
    """How the scenario's stragglers slow one worker down, and when."""
    own = [(k, s) for k, s in enumerate(scenario.stragglers) if worker in s.workers]
    if not own:
        return NORMAL
    return Pace([(s.slowdown, s.phases(stream(seed, "straggler", worker, k))) for k, s in own])


def timeline_of(scenario: Scenario) -> float:
    """How many seconds of the start of a run the timeline records."""
    return scenario.simulation.timeline or FIRST_STRETCH * mean_time(scenario.compute)


def mean_time(compute: Distribution) -> float:
    """Mean compute time at full speed, seconds."""
    mean = compute.mean
    return float(np.mean(compute.draw(stream(0, "mean"), 1000))) if mean is None else float(mean)
