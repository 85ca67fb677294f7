"""Quantities with units."""

from __future__ import annotations

from typing import Any

import pint
import pytest
from pydantic import ValidationError

from rfast_bench.real.world import _void
from rfast_bench.scenario.problem.partitions import SizesPartition
from rfast_bench.scenario.sections.losses import Bursty
from rfast_bench.scenario.sections.optimizer import ScheduleSpec, impossible
from rfast_bench.scenario.sections.timing import Constant
from rfast_bench.scenario.values.bounds import too_many
from rfast_bench.scenario.values.units import apart, bytes_, percent_done, with_digits


@pytest.mark.parametrize("unit", ["B", "kB", "MB", "GB", "TB", "MiB", "Mbit", "megabyte"])
@pytest.mark.parametrize("number", ["0", "1", "25", "333", "123456789", "2.5", "1e3"])
@pytest.mark.parametrize("space", ["", " ", "  "])
def test_a_size_is_to_the_bit_what_pint_makes_of_it(number: str, unit: str, space: str) -> None:
    registry: Any = pint.application_registry
    found = bytes_(f"{number}{space}{unit}")
    assert isinstance(found, float)
    assert found == float(registry.Quantity(f"{number} {unit}").to("byte").magnitude)


@pytest.mark.parametrize(
    ("found", "bound", "digits", "texts"),
    [
        (5.02, 5, 2, ("5.02", "5")),
        (0.8884, 0.8888888888888888, 3, ("0.888", "0.889")),
        (3.3334e-3, 3.3333e-3, 3, ("0.0033334", "0.0033333")),
        (12.0, 5, 3, ("12", "5")),
        (2, 2, 3, ("2", "2")),
        (1 + 1e-15, 1, 3, ("1.000000000000001", "1")),
    ],
)
def test_a_number_and_its_bound_do_not_read_alike(
    found: float, bound: float, digits: int, texts: tuple[str, str]
) -> None:
    assert apart(found, bound, digits) == texts
    assert float(with_digits(found, bound, digits)) != bound or found == bound


def test_a_share_is_whole_only_where_all_is_done() -> None:
    assert [percent_done(share) for share in (0, 0.29, 0.996, 1)] == ["0%", "29%", "99%", "100%"]


@pytest.mark.parametrize(
    ("told", "both"),
    [
        (_void({"mean": 1e-3, "step": 0.0199, "share": 0.0502}), ("5.02 %", "at most 5 %")),
        (too_many([(1_000_001, "seeds")]), ("1000001 runs", "at most 1000000")),
        (
            impossible(ScheduleSpec.model_construct(warmup=10.0000001, drops=((10.0, 0.1),))),
            ("10,", "10.0000001"),
        ),
    ],
)
def test_no_message_contradicts_itself_by_rounding(told: str, both: tuple[str, str]) -> None:
    assert all(one in told for one in both), told


@pytest.mark.parametrize(
    ("model", "keys", "both"),
    [
        (Bursty, {"kind": "bursty", "probability": 0.8889, "burst": 8}, ("at most 0.88889",)),
        (Constant, {"mean": 1.0, "samples": 8, "fixed": 1.0000001}, ("1.0000001 s", "(1 s)")),
        (SizesPartition, {"kind": "sizes", "sizes": [0.5, 0.500002]}, ("add up to 1.000002;",)),
    ],
)
def test_no_bound_reads_as_what_breaks_it(model: Any, keys: dict[str, Any], both: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(keys)
    assert all(one in str(refusal.value) for one in both), str(refusal.value)
