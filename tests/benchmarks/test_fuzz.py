"""A small part of `python -m benchmarks.fuzz`: an input is read, or ends a reader by one message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz import archives, graphs, hostile, samples, scenarios, traces
from benchmarks.fuzz.boxed import FAILURES, Escaped, Maker, tried

CHEAP: dict[str, Maker] = {
    **scenarios.FAMILIES,
    **traces.FAMILIES,
    **graphs.FAMILIES,
    **{name: make for name, make in samples.FAMILIES.items() if name != "IDX"},
}


@pytest.mark.filterwarnings("ignore")  # what NumPy says of numbers that are made wrong on purpose
def test_nothing_but_messages(tmp_path: Path) -> None:
    archives.bomb.cache_clear()
    told = list(tried(CHEAP, 300, 7, tmp_path))
    assert len(told) == 300
    assert not [one for one in told if one.outcome in FAILURES]
    assert {one.outcome for one in told} == {"accepted", "refused"}


def test_what_goes_wrong_is_seen(tmp_path: Path) -> None:
    """A reader that fails in each of the ways that are looked for."""

    def raises(rng: hostile.Rng, folder: Path) -> object:
        return lambda: dict[str, int]()["x"]

    def takes_memory(rng: hostile.Rng, folder: Path) -> object:
        return lambda: np.ones(2**28)

    def computes(rng: hostile.Rng, folder: Path) -> object:
        return lambda: [sum(range(10**6)) for _ in range(10**6)]

    def dies(rng: hostile.Rng, folder: Path) -> object:
        import os

        return lambda: os._exit(3)

    def escapes(rng: hostile.Rng, folder: Path) -> object:
        def read() -> None:
            raise Escaped

        return read

    families = {make.__name__: make for make in (raises, takes_memory, computes, dies, escapes)}
    told = {one.family: one.outcome for one in tried(families, 5, 0, tmp_path)}  # type: ignore[arg-type]
    assert told == {
        "raises": "traceback",
        "takes_memory": "memory",
        "computes": "hang",
        "dies": "died",
        "escapes": "escaped",
    }
    assert "KeyError" in (tmp_path / "0" / "how.txt").read_text()
