"""What a real worker knows of all workers' samples, and its snapshot: in this process, with a store of its own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from rfast_bench.conditions.optimizer import GradientFilter
from rfast_bench.real.transport.store import Store
from rfast_bench.real.worker.optimizer import AHEAD, CommonSamples
from rfast_bench.real.worker.snapshot import Snapshots
from rfast_bench.real.worker.stopping import COMMON, Sum
from rfast_bench.scenario.faults.kinds import Crash
from rfast_bench.scenario.sections.optimizer import OptimizerSpec


class Shelf(dict[str, bytes]):
    """As much of a store as is asked for."""

    def check(self, keys: list[str]) -> bool:
        return all(key in self for key in keys)

    def set(self, key: str, value: str) -> None:
        self[key] = value.encode()


def told(shelf: Shelf, own: int = 0) -> CommonSamples:
    return CommonSamples(cast(Store, shelf), 4, lambda: own)


def test_before_the_first_word_the_others_are_as_fast_as_oneself() -> None:
    assert told(Shelf(), own=7).at(1.0) == 28


def test_it_goes_on_by_the_rate_for_a_while_and_never_back() -> None:
    shelf = Shelf()
    common = told(shelf)
    shelf.set(COMMON, "100 2.0 50")
    common.read()
    assert common.at(2.0) == 100
    assert common.at(2.5) == 125
    assert common.at(99.0) == 100 + 50 * AHEAD
    shelf.set(COMMON, "110 2.4 20")
    common.read()
    assert common.at(2.4) == 150  # what it believed before
    shelf.set(COMMON, "200 4.4 40")
    common.read()
    assert common.at(4.4) == 200


def test_reports_of_different_moments_are_brought_to_one() -> None:
    """Two workers at a steady 10 and 40 samples a second, whose reports are old by different amounts."""
    total = Sum(2)
    for now in (1.0, 1.1, 1.2, 1.3, 5.0, 5.1):
        early = now - 0.08
        samples, time, rate = total.add([(round(10 * early), early), (round(40 * now), now)])
        assert time == now
        assert samples == pytest.approx(50 * now, abs=1)
    assert rate == pytest.approx(50, rel=0.02)


def test_a_worker_that_counts_from_0_again_is_added_to_what_it_had() -> None:
    total = Sum(2)
    total.add([(100, 2.0), (100, 2.0)])
    assert total.add([(100, 2.0), (150, 3.0)])[0] > 250
    assert total.add([(1, 4.0), (200, 4.0)])[0] == pytest.approx(301)
    assert total.add([(26, 5.0), (250, 5.0)])[0] == pytest.approx(376)


def test_one_that_says_nothing_any_more_is_not_taken_to_go_on() -> None:
    total = Sum(2)
    total.add([(100, 2.0), (100, 2.0)])
    long = total.add([(100, 2.0), (1000, 20.0)])[0]
    assert long == pytest.approx(1000 + 150)  # one second at its 50 a second


class Held:
    def __init__(self) -> None:
        self.x = np.zeros(2)


@pytest.mark.parametrize("taken", [True, False])
def test_a_snapshot_holds_the_momentum_buffer(taken: bool, tmp_path: Path) -> None:
    fault = Crash.model_validate({"worker": 1, "down": 9, "up": 12, "state": "snapshot", "snapshot_age": 4})

    def life() -> tuple[Any, GradientFilter, Snapshots]:
        held, own = Held(), GradientFilter(OptimizerSpec(momentum=0.5))
        parts: Any = ([fault], 1, tmp_path, held, threading.RLock(), own)
        return held, own, Snapshots(*parts)

    held, own, first = life()
    held.x = own(np.array([1.0, 2.0]), held.x)
    first.take(5.0 if taken else 4.9)
    own(np.array([5.0, 5.0]), held.x)  # after the snapshot
    again, filter, second = life()
    second.restore()
    np.testing.assert_array_equal(filter.m, [1.0, 2.0] if taken else 0.0)
    np.testing.assert_array_equal(again.x, [1.0, 2.0] if taken else [0.0, 0.0])
