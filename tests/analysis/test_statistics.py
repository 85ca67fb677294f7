"""Medians of what is known, their bootstrap intervals, and ratios of seeds that met the same conditions."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rfast_bench.analysis.outcomes import columns, speedups
from rfast_bench.analysis.statistics import NEVER, Bounds, Estimate, estimate, exactly, ratio, surest

INF = math.inf


def after(time: float) -> Bounds:
    """Not reached when the run ended."""
    return Bounds(time, INF)


def told(*values: Bounds) -> Estimate:
    found = estimate(values)
    assert found is not None
    return found


# ------------------------------------------------------------------------------------------------ medians
def test_one_seed_has_no_interval() -> None:
    one = told(exactly(3.0))
    assert one == Estimate(exactly(3.0), exactly(3.0), exactly(3.0), 1)
    assert columns([{"final_gap": exactly(3.0)}])["final_gap"] == 3.0
    assert math.isnan(columns([{"final_gap": exactly(3.0)}])["final_gap_low"])


def test_no_seed_has_no_median() -> None:
    assert estimate([]) is None


def test_three_seeds_give_their_range() -> None:
    """Of the 27 resamples of three values 7 have the smallest as median, so that 2.5 % still hit it."""
    found = told(exactly(12), exactly(10), exactly(20))
    assert (found.median, found.lower, found.upper) == (exactly(12), exactly(10), exactly(20))


def test_two_seeds_by_hand() -> None:
    """Resamples of 1, 3: the medians 1, 2, 2, 3, a quarter each."""
    found = told(exactly(1), exactly(3))
    assert (found.median, found.lower, found.upper) == (exactly(2), exactly(1), exactly(3))


@pytest.mark.parametrize("values", [(1, 2, 3, 5, 8), (4, 4, 5, 9)])
def test_the_interval_is_that_of_all_resamples(values: tuple[float, ...]) -> None:
    every = [float(np.median(resample)) for resample in product(values, repeat=len(values))]
    low, high = np.percentile(every, [2.5, 97.5])
    found = told(*map(exactly, values))
    assert (found.lower.low, found.upper.high) == pytest.approx((low, high), abs=0.26)


def test_many_seeds_give_less_than_their_range() -> None:
    found = told(*(exactly(float(k)) for k in range(1, 21)))
    assert found.median == exactly(10.5)
    assert 1 < found.lower.low < 9
    assert 12 < found.upper.high < 20


# ----------------------------------------------------------------------------------------------- censoring
def test_a_median_beyond_the_end_is_known_from_below() -> None:
    assert told(exactly(20), after(60), after(60)).median == after(60)
    assert told(exactly(20), exactly(30), after(60)).median == exactly(30)
    assert told(exactly(20), after(60)).median == after(40)


def test_an_interval_with_a_censored_seed_is_open() -> None:
    found = told(exactly(20), exactly(30), after(60))
    assert (found.lower, found.upper) == (exactly(20), after(60))


def test_never_is_no_time_at_all() -> None:
    assert told(NEVER, NEVER, exactly(3)).median == NEVER
    assert told(NEVER, exactly(1), exactly(2)).median == exactly(2)
    assert math.isinf(told(NEVER, exactly(1), exactly(2)).upper.low)


def test_a_run_cut_short_does_not_look_quick() -> None:
    """One seed stopped at 5 s without having reached; the others needed 20 and 30 s."""
    found = told(after(5), exactly(20), exactly(30))
    assert found.median == Bounds(20, 30), "30 if it would have come last, 20 if at any time before"


# -------------------------------------------------------------------------------------------------- ratios
@pytest.mark.parametrize(
    ("baseline", "own", "expected"),
    [
        (exactly(30), exactly(10), exactly(3)),
        (after(60), exactly(10), Bounds(6, INF)),
        (exactly(30), after(60), Bounds(0, 0.5)),
        (after(60), after(60), Bounds(0, INF)),
        (NEVER, exactly(10), NEVER),
        (exactly(30), NEVER, exactly(0)),
        (NEVER, NEVER, Bounds(0, INF)),
        (exactly(0), exactly(0), Bounds(0, INF)),
    ],
)
def test_ratios_keep_what_is_known(baseline: Bounds, own: Bounds, expected: Bounds) -> None:
    assert ratio(baseline, own) == expected


def test_nothing_is_known_of_two_that_were_stopped() -> None:
    assert not ratio(after(60), after(60)).known
    assert ratio(after(60), exactly(1)).known


def test_pairs_see_what_the_medians_hide() -> None:
    """Seeds differ tenfold, the method is twice as fast on each: paired, the interval is a point."""
    times = [1.0, 10.0, 3.0, 30.0, 5.0]
    own = [{"time_to_gap_0.1": exactly(t)} for t in times]
    base = [{"time_to_gap_0.1": exactly(2 * t)} for t in times]
    found = columns([speedups(o, b) for o, b in zip(own, base, strict=True)])
    assert [found[f"speedup_gap_0.1{end}"] for end in ("", "_low", "_high")] == [2, 2, 2]


def test_a_censored_baseline_leaves_the_interval_open() -> None:
    pairs = [(exactly(30), exactly(10)), (after(60), exactly(15)), (exactly(40), exactly(20))]
    found = columns([{"speedup_x": ratio(base, own)} for base, own in pairs])
    assert [found[f"speedup_x{end}"] for end in ("", "_low", "_high")] == [3, 2, INF]


def test_how_sure_the_range_of_a_few_seeds_can_be() -> None:
    """All of n values lie on one side of the median with probability 2 / 2^n."""
    assert [surest(n) for n in (1, 2, 3, 5, 6)] == [0, 0.5, 0.75, 0.9375, 0.96875]


# ----------------------------------------------------------------------------------------------- properties
TIMES = st.floats(min_value=1e-3, max_value=1e6)
KNOWN = st.one_of(TIMES.map(exactly), TIMES.map(after), st.just(NEVER))
SEVERAL = st.lists(KNOWN, min_size=2, max_size=9)


@settings(max_examples=40, deadline=None)
@given(SEVERAL)
@example([exactly(999999.9999999999)] * 2)  # interpolating between equal values may round them up
@example([exactly(6147.0), exactly(6146.847486794438), exactly(6146.847486794438)])
def test_estimates_are_bounds_in_order(values: list[Bounds]) -> None:
    found = told(*values)
    for bounds in (found.lower, found.median, found.upper):
        assert bounds.low <= bounds.high
    assert found.lower.low <= found.median.low <= found.upper.low
    assert found.lower.high <= found.median.high <= found.upper.high
    assert found.lower.low >= min(value.low for value in values)
    assert found.upper.high <= max(value.high for value in values)


@settings(max_examples=40, deadline=None)
@given(SEVERAL)
def test_the_truth_lies_within_the_bounds(values: list[Bounds]) -> None:
    """Whatever the censored times would have been, their median lies within the bounds of the median."""
    truth = [v if v.exact else exactly(v.low * (1 + k)) for k, v in enumerate(values)]
    bounds, true = told(*values).median, told(*truth).median
    assert bounds.low * (1 - 1e-12) <= true.low <= bounds.high * (1 + 1e-12)


@settings(max_examples=25, deadline=None)
@given(SEVERAL)
def test_later_times_never_make_an_estimate_earlier(values: list[Bounds]) -> None:
    later = told(*(Bounds(2 * v.low, 2 * v.high) for v in values))
    now = told(*values)
    assert later.median.low >= now.median.low
    assert later.lower.low >= now.lower.low
    assert later.upper.high >= now.upper.high


@settings(max_examples=25, deadline=None)
@given(SEVERAL)
def test_the_same_values_give_the_same_interval(values: list[Bounds]) -> None:
    from rfast_bench.analysis.statistics import _interval

    first = told(*values)
    _interval.cache_clear()
    assert told(*values) == first


@given(KNOWN, KNOWN, TIMES, TIMES)
def test_a_ratio_holds_every_ratio_of_what_may_be(above: Bounds, below: Bounds, p: float, q: float) -> None:
    def some(bounds: Bounds, more: float) -> float:
        return bounds.low if bounds.exact else bounds.low + more

    a, b = some(above, p), some(below, q)
    if math.isinf(a) and math.isinf(b):
        return  # never over never is no ratio
    found = ratio(above, below)
    assert found.low * (1 - 1e-9) <= a / b <= found.high * (1 + 1e-9)
