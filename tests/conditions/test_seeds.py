"""Streams of randomness: which ones are the same, however they are made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfast_bench.conditions.randomness.seed_states import Known, states
from rfast_bench.conditions.randomness.seeds import Streams, later, stream

WORDS = st.integers(0, 2**32 - 1)


@given(
    common=st.lists(st.integers(0, 2**100), max_size=5),
    own=st.integers(1, 3).flatmap(lambda m: st.lists(st.tuples(*[WORDS] * m), min_size=1, max_size=4)),
)
def test_many_states_at_once_are_those_of_numpy(common: list[int], own: list[tuple[int, ...]]) -> None:
    found = states(common, list(np.array(own, np.uint32).T))
    for numbers, state in zip(own, found, strict=True):
        expected = np.random.SeedSequence([*common, *numbers]).generate_state(4, np.uint64)
        np.testing.assert_array_equal(state, expected)


def test_a_stream_is_the_same_whether_it_was_expected_or_not() -> None:
    links = [(0, 1), (1, 0), (7, 4095)]
    streams = Streams(2**40 + 5)
    streams.expect("latency", links)
    for ids in [*links, (1, 2), (0, 1)]:  # the last one for the second time
        drawn = streams("latency", *ids).random(5)
        np.testing.assert_array_equal(drawn, stream(2**40 + 5, "latency", *ids).random(5))
    assert (streams("latency", 0, 1).random(5) != streams("loss", 0, 1).random(5)).all()


def test_a_later_stream_takes_up_what_was_expected() -> None:
    streams = Streams(3)
    streams.expect("batches", [(0,), (1,)])
    postponed = later(streams, "batches", 1)
    assert postponed.random() == stream(3, "batches", 1).random()
    assert postponed.integers(1000) == np.random.Generator(_after_one(3)).integers(1000)


def _after_one(seed: int) -> np.random.BitGenerator:
    generator = stream(seed, "batches", 1)
    generator.random()
    return generator.bit_generator


def test_expecting_nothing_is_nothing() -> None:
    Streams(0).expect("loss", [])


def test_a_known_state_is_given_only_as_what_it_is() -> None:
    known = Known(np.arange(4, dtype=np.uint64))
    with pytest.raises(ValueError, match="asked for 8 of uint32"):
        known.generate_state(8)
