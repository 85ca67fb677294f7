"""How long one worker's gradients take: the same draws and the same slow phases in both worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from rfast_bench.conditions.links import block_sizes, packed
from rfast_bench.conditions.randomness.seeds import Streams, stream
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.compute import Times, seconds_for, times_of
from rfast_bench.scenario.sections.slowdown import Slowdown

FIRST_STRETCH = 20.0
"""How many mean compute times of the start of a run the timeline records, unless the scenario says."""

NORMAL = Slowdown([])
"""Of every worker that is no straggler."""


def work_of(scenario: Scenario, worker: int, streams: Streams) -> Iterator[float]:
    """Endless: the seconds that each of a worker's gradients takes at full speed, as drawn."""
    rng, times = streams("compute", worker), times_of(scenario.compute, worker)
    return chain.from_iterable(packed(times.draw(rng, size)) for size in block_sizes())


def sized(
    scenario: Scenario, worker: int, batches: Iterator[Any], work: Iterator[float], size: Callable[[Any], int]
) -> tuple[Iterator[Any], Iterator[float]]:
    """A worker's mini-batches, and the seconds that the gradient of each takes by how many samples it holds.

    Both worlds take a batch first, then its time. Where `compute` does not say for how many samples its times hold,
    both are as they came. `size`: how many samples a batch holds.
    """
    times = times_of(scenario.compute, worker)
    if times.samples is None:
        return batches, work
    paired = _Sized(batches, work, times, size)
    return paired.batches(), paired.work()


class _Sized:
    """Remembers how large the last batch was."""

    def __init__(
        self, batches: Iterator[Any], work: Iterator[float], times: Times, size: Callable[[Any], int]
    ) -> None:
        self._batches, self._work, self._times, self._size = batches, work, times, size
        self._last = 0

    def batches(self) -> Iterator[Any]:
        for batch in self._batches:
            self._last = self._size(batch)
            yield batch

    def work(self) -> Iterator[float]:
        for drawn in self._work:
            yield float(seconds_for(self._times, drawn, self._last))


def slowdown_of(scenario: Scenario, worker: int, seed: int) -> Slowdown:
    """How the scenario's stragglers slow one worker down, and when."""
    own = [(k, s) for k, s in enumerate(scenario.stragglers) if worker in s.workers]
    if not own:
        return NORMAL
    return Slowdown([(s.slowdown, s.phases(stream(seed, "straggler", worker, k))) for k, s in own])


def timeline_of(scenario: Scenario) -> float:
    """How many seconds of the start of a run the timeline records."""
    return scenario.simulation.timeline or FIRST_STRETCH * scenario.gradient_seconds
