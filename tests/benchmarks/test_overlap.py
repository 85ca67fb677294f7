"""The benchmark of overlapping buckets: it runs, and all that it compares form the same mean."""

from __future__ import annotations

import argparse

import pytest

from benchmarks import overlap


@pytest.mark.timeout(120)
def test_a_tiny_round_is_the_same_mean_whoever_sums() -> None:
    found = overlap.measure(
        argparse.Namespace(processes=2, bucket=0.02, rounds=2, repeat=1, width=32, idle=True)
    )
    assert found["wrong"] < 1e-6
    times = found["times"]
    assert {name: len(rounds) for name, rounds in times.items()} == dict.fromkeys(overlap.NAMES, 2)
    assert all(seconds > 0 for rounds in times.values() for seconds in rounds)
    slept = 3 * overlap.SLEEP * overlap.LAYERS
    assert all(min(times[name]) > slept for name in ("alone", "plain", "overlapped", "parallel"))
