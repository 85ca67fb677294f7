"""What a run in this process does to the garbage collector, and what is left of it."""

from __future__ import annotations

import gc
import weakref

import pytest

from rfast_bench.sim import malloc


class Loop:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malloc.Leftovers, "size", 0)


def test_the_collector_is_as_before_afterwards() -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()

    def run_that_fails() -> None:
        with malloc.uncollected(workers=3):
            assert gc.get_threshold()[0] > 100_000
            raise KeyError

    with pytest.raises(KeyError):
        run_that_fails()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0 == frozen


def test_a_run_of_many_objects_is_not_looked_at() -> None:
    looks: list[str] = []
    gc.collect()
    gc.callbacks.append(lambda phase, _: looks.append(phase))
    try:
        with malloc.uncollected(workers=1000):
            kept = [[k] for k in range(300_000)]
        more = [[k] for k in range(600)]  # fewer than the collector waits for
    finally:
        gc.callbacks.pop()
    assert len(kept) + len(more) == 300_600
    assert not looks


def test_what_large_runs_leave_is_collected_before_the_next_one() -> None:
    with malloc.uncollected(workers=1):
        alive = weakref.ref(Loop())
    with malloc.uncollected(workers=1), malloc.kept_memory(malloc.MOST_LEFT):
        assert alive() is not None, "a small run is not worth a look"
    with malloc.uncollected(workers=1):
        assert alive() is None
    assert malloc.Leftovers.size < malloc.MOST_LEFT
