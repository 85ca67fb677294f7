"""Vectors made smaller for the way: on arrays, tensors and floats, with their true bytes in both worlds."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfast_bench.conditions.payload import Size, size_of
from rfast_bench.problems import reference
from rfast_bench.real.transport.message import SEND, Message, pack, unpack
from rfast_bench.real.worker.gpu import TensorStaging
from rfast_bench.smaller import rounded, top, whole
from rfast_bench.study.run import perform, problem_of
from tests.problems.test_judged import planned

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "small_messages.py"
VECTORS = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e4, 1e4))


def sent(payload: Any) -> Any:
    """What comes out of the real world's frame."""
    return unpack(b"whatever", pack(b"whatever", Message(SEND, 0, 1, "x", 0, 0, 0.0, 0.0, payload))).payload


# ------------------------------------------------------------------------------------------ what they make
@given(vector=VECTORS)
def test_rounding_is_that_of_ieee_754(vector: np.ndarray) -> None:
    """Against Python's own packing of half and single precision."""
    for bits, letter in ((16, "e"), (32, "f")):
        expected = [struct.unpack(letter, struct.pack(letter, x))[0] for x in vector]
        payload = rounded(vector, bits)
        assert size_of(payload) == len(vector) * bits // 8
        back = whole(payload, vector)
        assert back.dtype == np.float64
        np.testing.assert_array_equal(back, expected)
        tensor = whole(rounded(torch.from_numpy(vector), bits), torch.from_numpy(vector))
        assert tensor.dtype == torch.float64
        np.testing.assert_array_equal(tensor.numpy(), expected)
        assert [whole(rounded(float(x), bits), 0.0) for x in vector] == expected


@given(vector=VECTORS, share=st.floats(0.01, 1))
def test_the_largest_are_kept_and_the_rest_is_0(vector: np.ndarray, share: float) -> None:
    """Against sorting; of equals the first count, and how many there are depends on d alone."""
    count = max(1, math.floor(share * len(vector) + 0.5))
    chosen = sorted(range(len(vector)), key=lambda k: (-abs(vector[k]), k))[:count]
    expected = np.zeros_like(vector)
    expected[chosen] = vector[chosen]
    values, places = payload = top(vector, share)
    assert places.tolist() == sorted(chosen)
    assert (values.dtype, places.dtype, size_of(payload)) == (np.float64, np.int32, count * 12)
    np.testing.assert_array_equal(whole(payload, vector), expected)
    tensor = torch.from_numpy(vector)
    np.testing.assert_array_equal(whole(top(tensor, share), tensor).numpy(), expected)
    assert size_of(top(tensor, share)) == count * 12


def test_what_is_no_number_is_among_the_largest() -> None:
    """As many as ever go, so that a diverging run sends what any other does."""
    values, places = top(np.array([1.0, np.nan, 3.0, -np.inf]), 0.5)
    assert places.tolist() == [1, 3]
    assert np.isnan(values[0])


def test_nothing_is_shared_with_the_vector_and_nothing_is_changed() -> None:
    """A payload may lie for long; a vector may be read-only."""
    for vector in (np.arange(4.0), torch.arange(4.0, dtype=torch.float64)):
        kept = [*map(float, vector)]
        for payload in (rounded(vector, 32), top(vector, 1.0)):
            back = whole(payload, vector)
            back += 7
            assert [*map(float, whole(payload, vector))] == kept == [*map(float, vector)]
    frozen = np.arange(4.0)
    frozen.flags.writeable = False
    assert whole(top(frozen, 0.25), frozen).tolist() == [0, 0, 0, 3]
    same = whole(np.arange(4.0), np.arange(4.0))
    same += 1


def test_floats_stand_for_vectors_of_one_coordinate() -> None:
    assert whole(top(2.5, 0.1), 0.0) == 2.5
    assert type(rounded(1 / 3)) is float


class Stand:
    """What stands for an array, and lets nobody do anything with it but + - * /."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array, float)

    def made(self, array: Any) -> Stand:
        return Stand(array)


def test_what_stands_for_an_array_is_made_smaller_as_the_array() -> None:
    vector = np.array([0.1, -3, 2, 1 / 3])
    for make in (rounded, lambda v: top(v, 0.5)):
        payload = make(Stand(vector))
        back = whole(payload, Stand(vector))
        assert type(back) is Stand
        np.testing.assert_array_equal(back.array, whole(make(vector), vector))


@pytest.mark.parametrize("share", [0, -0.1, 1.1, math.nan])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="expected above 0 and at most 1"):
        top(np.ones(3), share)


def test_bits_are_those_that_a_dtype_has() -> None:
    with pytest.raises(ValueError, match="bits is 8; allowed: 16, 32"):
        rounded(np.ones(3), 8)


# ---------------------------------------------------------------------------------------------- on the way
@pytest.mark.parametrize("make", [rounded, lambda v: top(v, 0.3), lambda v: (top(v, 0.3), 7)])
def test_the_real_worlds_frame_carries_them(make: Any) -> None:
    """From arrays, and from tensors that are staged."""
    vector = np.linspace(-2, 1, 9)
    expected = make(vector)
    staging = TensorStaging("cpu")
    staged = staging.to_device(sent(staging.to_host(make(torch.from_numpy(vector)))))
    for came, like in ((sent(expected), vector), (staged, torch.from_numpy(vector))):
        one, other = (
            p[0] if isinstance(p, tuple) and isinstance(p[0], tuple) else p for p in (came, expected)
        )
        np.testing.assert_array_equal(np.asarray(whole(one, like)), whole(other, vector))


def test_a_heavier_model_makes_them_heavier_in_proportion() -> None:
    """They are arrays: no part of them counts as numbers beside."""
    assert type(size_of(rounded(np.ones(8)))) is not Size
    assert type(size_of(top(np.ones(8), 0.5))) is not Size


@pytest.mark.parametrize("world", ["simulated", "real"])
@pytest.mark.parametrize("heavier", [1, 10])
@pytest.mark.parametrize(
    ("send", "size"), [({"send": "rounded"}, 42 * 2), ({"send": "largest", "share": 0.2}, 8 * 12)]
)
def test_both_worlds_count_their_true_bytes(
    world: str, heavier: int, send: dict[str, Any], size: int, tmp_path: Path
) -> None:
    """A softmax on wine has 14 × 3 coordinates of 8 bytes; a fifth of them are 8, of 12 bytes each."""
    model = 42 * 8
    run = planned(
        tmp_path,
        world=world,
        algorithms=[{"name": f"{EXAMPLE}:SmallMessages", "step_size": 0.3, **send}],
        network={"message_bytes": heavier * model} if heavier > 1 else {},
        compute="10 ms",
        stop={"iterations": 20},
        evaluate={"every": "5 iterations"},
    )
    problem = problem_of(run)
    assert problem.dim * 8 == model
    end = perform(run, reference(problem)).frames["curves"].iloc[-1]
    assert end["messages_sent"] > 100
    assert end["bytes_sent"] == pytest.approx(end["messages_sent"] * heavier * size)
    assert end["gap"] < 0.2
