"""The shorter loop of the simulated clock: the same order of events as SimPy's own."""

from __future__ import annotations

import random

import pytest
import simpy
from simpy.core import StopSimulation

from rfast_bench.sim.clock import Clock


def history(clock: simpy.Environment, stop_after: int | None = None) -> list[tuple[float, int]]:
    """What happens when, of events that plan others, many of them at one time."""
    rng, seen = random.Random(7), list[tuple[float, int]]()

    def happened(event: simpy.Event) -> None:
        number = event.value
        assert isinstance(number, int)
        seen.append((clock.now, number))
        if len(seen) == stop_after:
            raise StopSimulation(None)
        if number < 40:
            for k in range(2):
                clock.timeout(rng.choice([0, 1, 2]), 2 * number + k + 1).callbacks.append(happened)

    clock.timeout(1, 0).callbacks.append(happened)
    clock.run()
    return seen


@pytest.mark.parametrize("stop_after", [None, 1, 17])
def test_events_happen_as_under_simpys_own_loop(stop_after: int | None) -> None:
    ours, theirs = history(Clock(), stop_after), history(simpy.Environment(), stop_after)
    assert ours == theirs
    assert len(ours) == (stop_after or 81)


def test_it_has_no_end_of_its_own() -> None:
    with pytest.raises(ValueError, match="until=3"):
        Clock().run(until=3)
