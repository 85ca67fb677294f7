"""The study of intervals: its pieces, on made-up times, and a tiny run of the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import coverage


def pool(rng: np.random.Generator, seeds: int = 60, apart: float = 3.0) -> coverage.Pool:
    """Three steps of two methods: the middle one is best by a factor `apart`, the second method twice as slow."""
    scale = np.array([[apart, 1.0, apart], [2 * apart, 2.0, 2 * apart]])[:, :, None]
    return coverage.Pool(scale * rng.lognormal(0, 0.2, (2, 3, seeds)), np.full((2, 3, seeds), 0.01))


def test_tuning_seeds_choose_as_tune_does() -> None:
    times = np.array([[[1.0, 9, 9], [2, 2, np.inf], [np.inf] * 3]] * 2)
    found = coverage.Pool(times, np.zeros_like(times))
    assert coverage.chosen(found, np.array([0, 1, 2])) == (1, 1), "the median counts"
    assert coverage.chosen(found, np.array([0])) == (0, 0)
    assert coverage.chosen(found, np.array([2, 2])) == (0, 0), "one that does not arrive ranks last"


def test_speed_ups_are_paired_and_never_over_never_is_one() -> None:
    times = np.array([[[1.0, 2, np.inf]], [[3.0, 1, np.inf]]])
    assert coverage.speedups(coverage.Pool(times, times), (0, 0)).tolist() == [3.0, 0.5, 1.0]


def test_where_the_choice_is_certain_both_intervals_are_alike_and_cover() -> None:
    shown = coverage.study(pool(np.random.default_rng(1)), 40, report=7)
    assert all(one.candidates == 2 for one in shown)
    rates = coverage.coverage(shown)
    for one in shown:
        assert one.truths["at the chosen steps"] == one.truths["at the best steps"]
        assert np.allclose(one.intervals["whole"], one.intervals["conditional"], rtol=0.15)
    assert rates["conditional"]["of the procedure"] >= 0.85


def test_where_it_is_not_the_whole_interval_is_wider_and_needs_more_steps() -> None:
    shown = coverage.study(pool(np.random.default_rng(1), apart=1.05), 40, report=7)
    rates = coverage.coverage(shown)
    assert np.mean([one.candidates for one in shown]) > 3
    assert rates["whole"]["ratio"] > rates["conditional"]["ratio"]
    assert rates["whole"]["of the procedure"] >= rates["conditional"]["of the procedure"]


def test_a_tiny_study_runs_and_its_times_can_be_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coverage, "RESAMPLES", 20)
    kept, few = tmp_path / "pool.npz", ["--repetitions", "3", "--report", "3"]
    coverage.main(["--seeds", "8", "--save", str(kept), *few])
    first = capsys.readouterr().out
    coverage.main(["--load", str(kept), *few])
    assert capsys.readouterr().out == first
    assert "3 repetitions, 3 reported seeds" in first
    times = np.load(kept)["times"]
    assert times.shape == (2, 5, 8)
    assert np.isfinite(times).mean() > 0.5
