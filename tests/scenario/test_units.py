"""Quantities with units."""

from __future__ import annotations

from typing import Any

import pint
import pytest

from rfast_bench.scenario.values.units import bytes_


@pytest.mark.parametrize("unit", ["B", "kB", "MB", "GB", "TB", "MiB", "Mbit", "megabyte"])
@pytest.mark.parametrize("number", ["0", "1", "25", "333", "123456789", "2.5", "1e3"])
@pytest.mark.parametrize("space", ["", " ", "  "])
def test_a_size_is_to_the_bit_what_pint_makes_of_it(number: str, unit: str, space: str) -> None:
    registry: Any = pint.application_registry
    found = bytes_(f"{number}{space}{unit}")
    assert isinstance(found, float)
    assert found == float(registry.Quantity(f"{number} {unit}").to("byte").magnitude)
