"""Distributions, stragglers and losses: their means, and that a stream does not depend on block sizes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from rfast_bench.scenario.sections.losses import Bursty, GilbertElliott, LossModel, mean_endurance
from rfast_bench.scenario.sections.slowdown import Phases, Slowdown
from rfast_bench.scenario.sections.timing import (
    Constant,
    Distribution,
    Empirical,
    Periodic,
    RandomPhases,
    Straggler,
)

DISTRIBUTION: TypeAdapter[Distribution] = TypeAdapter(Distribution)
LOSS: TypeAdapter[LossModel] = TypeAdapter(LossModel)
STRAGGLER: TypeAdapter[Straggler] = TypeAdapter(Straggler)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "constant", "mean": "100 ms"},
        {"kind": "lognormal", "mean": "100 ms", "sigma": 0.5},
        {"kind": "exponential", "mean": "100 ms"},
        {"kind": "exponential", "mean": "100 ms", "shift": "80 ms"},
        {"kind": "gamma", "mean": "100 ms", "shape": 4},
        {"kind": "pareto", "mean": "100 ms", "alpha": 3},
    ],
)
def test_every_distribution_has_the_mean_that_was_asked_for(spec: dict[str, object]) -> None:
    times = DISTRIBUTION.validate_python(spec).draw(np.random.default_rng(1), 200_000)
    assert times.mean() == pytest.approx(0.1, rel=0.02)
    assert times.min() >= 0


def test_a_bare_quantity_is_a_constant() -> None:
    assert DISTRIBUTION.validate_python("5 ms") == Constant(mean=0.005)


def test_a_stream_does_not_depend_on_the_size_of_its_blocks() -> None:
    spec = DISTRIBUTION.validate_python({"kind": "gamma", "mean": 1, "shape": 2.5})
    whole = spec.draw(np.random.default_rng(3), 90)
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(np.concatenate([spec.draw(rng, k) for k in (1, 29, 60)]), whole)


def test_pareto_has_a_heavy_tail() -> None:
    """P(T > t) ~ t^-alpha: for alpha = 1.5 the 0.999 quantile is 100 times the smallest value."""
    times = DISTRIBUTION.validate_python({"kind": "pareto", "mean": 3, "alpha": 1.5}).draw(
        np.random.default_rng(0), 400_000
    )
    assert np.quantile(times, 0.999) / times.min() == pytest.approx(100, rel=0.1)


def test_empirical_draws_the_column_in_its_unit(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("step,ms\n0,10\n1,30\n")
    spec = DISTRIBUTION.validate_python(
        {"kind": "empirical", "path": "t.csv", "column": "ms", "unit": "1 ms"}, context={"folder": tmp_path}
    )
    assert isinstance(spec, Empirical)
    assert set(spec.draw(np.random.default_rng(0), 100).tolist()) == {0.01, 0.03}


@pytest.mark.parametrize(
    ("text", "column", "complaint"),
    [
        ("a\n1\n", "b", "no column 'b'"),
        ("a\nx\n", "a", "numbers"),
        ("a\n-1\n", "a", "numbers"),
        ("", "a", "cannot read"),
    ],
)
def test_empirical_refuses_what_is_not_times(tmp_path: Path, text: str, column: str, complaint: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValidationError, match=complaint):
        Empirical(kind="empirical", path=tmp_path / "t.csv", column=column)


def test_exponential_refuses_a_shift_above_its_mean() -> None:
    with pytest.raises(ValidationError, match="above the mean"):
        DISTRIBUTION.validate_python({"kind": "exponential", "mean": 1, "shift": 2})


# ------------------------------------------------------------------------------------------- stragglers
def test_permanent_stragglers_multiply() -> None:
    assert Slowdown([(4.0, None), (2.0, None)]).finish(10.0, 1.0) == 18.0


def test_periodic_slowness_stretches_only_the_part_that_meets_it() -> None:
    """Slow (3 times) from 2 to 4 of every 10: 3 s of work begun at 1 take 1 + 2 (worth 2/3) + 4/3."""
    phases = Periodic(worker=0, slowdown=3, kind="periodic", period=10, duration=2, offset=2).phases(
        np.random.default_rng(0)
    )
    assert Slowdown([(3.0, phases)]).finish(1.0, 3.0) == pytest.approx(4 + (3 - 1 - 2 / 3))
    assert Slowdown([(3.0, phases)]).finish(5.0, 3.0) == pytest.approx(8.0)


def test_random_phases_have_the_share_of_slow_time_asked_for() -> None:
    spec = RandomPhases(worker=0, slowdown=2, kind="random", mean_slow=1, mean_normal=3)
    phases = spec.phases(np.random.default_rng(5))
    assert phases is not None
    slow = np.mean([phases.at(t)[0] for t in np.linspace(0, 20_000, 40_001)])
    assert slow == pytest.approx(0.25, abs=0.02)


def test_phases_name_their_next_change() -> None:
    phases = Phases(1.0, lambda k: np.tile([2.0, 3.0], k))
    assert [phases.at(t) for t in (0.0, 1.0, 2.9, 3.0, 6.0)] == [
        (False, 1.0),
        (True, 3.0),
        (True, 3.0),
        (False, 6.0),
        (True, 8.0),
    ]


def test_a_phase_must_be_shorter_than_its_period() -> None:
    with pytest.raises(ValidationError, match="below the period"):
        STRAGGLER.validate_python(
            {"worker": 0, "slowdown": 2, "kind": "periodic", "period": 1, "duration": 1}
        )


# ----------------------------------------------------------------------------------------------- losses
def test_mean_endurance_gives_the_loss_probability_back() -> None:
    """P(endurance < b) = 1 - exp(-b / mean) = 1 - (1 - p)^b."""
    for p in (0.01, 0.3, 0.9):
        assert 1 - math.exp(-2 / mean_endurance(p)) == pytest.approx(1 - (1 - p) ** 2)
    assert mean_endurance(0) == math.inf
    assert mean_endurance(1) == 0.0


def test_gilbert_elliott_has_its_stationary_share_and_its_bursts() -> None:
    model = GilbertElliott(kind="gilbert-elliott", good_to_bad=0.02, bad_to_good=0.25)
    endurances, _ = model.endurances(np.random.default_rng(2), 200_000, None)
    bad = np.isfinite(np.asarray(endurances))
    assert bad.mean() == pytest.approx(0.02 / 0.27, rel=0.1)
    starts = np.count_nonzero(bad[1:] & ~bad[:-1])
    assert bad.sum() / starts == pytest.approx(1 / 0.25, rel=0.1)  # mean length of a burst


def test_gilbert_elliott_goes_on_where_the_last_block_ended() -> None:
    model = GilbertElliott(kind="gilbert-elliott", good_to_bad=0.1, bad_to_good=0.3)
    whole, _ = model.endurances(np.random.default_rng(4), 60, False)
    rng, state, parts = np.random.default_rng(4), False, []
    for size in (10, 50):
        part, state = model.endurances(rng, size, state)
        parts.append(np.asarray(part))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("probability", [0.05, 0.5])
def test_bursts_have_their_mean_loss_and_length(probability: float) -> None:
    model = Bursty(kind="bursty", probability=probability, burst=6)
    endurances, _ = model.endurances(np.random.default_rng(3), 200_000, None)
    lost = np.asarray(endurances) == 0
    assert lost.mean() == pytest.approx(probability, rel=0.05)
    starts = np.count_nonzero(lost[1:] & ~lost[:-1])
    assert lost.sum() / starts == pytest.approx(6, rel=0.05)


def test_bursts_of_no_loss_lose_nothing_and_too_much_loss_is_refused() -> None:
    nothing, _ = Bursty(kind="bursty", probability=0).endurances(None, 4, None)
    assert nothing == math.inf
    with pytest.raises(ValidationError, match=r"probability at most 0\.8"):
        Bursty(kind="bursty", probability=0.9, burst=4)


def test_a_bare_number_is_an_independent_loss() -> None:
    assert LOSS.validate_python("0.1").kind == "independent"
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        LOSS.validate_python(1.5)
