"""In which order sweep points stand: numbers by size, before words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any


def point_key(point: Mapping[str, Any]) -> tuple[Any, ...]:
    """A sortable, hashable form of a sweep point: numbers by size, before words."""
    return tuple((key, *value_key(value)) for key, value in sorted(point.items()))


def value_key(value: Any) -> tuple[bool, float, str]:
    """Numbers by size; then words, those that start with a number (`25 Gbit/s`) by that."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    leading = re.match(r"\d+(\.\d*)?", str(value))
    size = _size(value) if number else float(leading[0]) if leading else math.inf
    return (not number, size, str(value))


def _size(number: float) -> float:
    """As a float; a whole number beyond them all is infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
