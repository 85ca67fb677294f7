"""Quantities with units in scenario files: `20 ms`, `10 Gbit/s`, `100 MB`. Inside the suite: seconds, bytes.

A bare number is already in base units (seconds, bytes, bytes per second).
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from rfast_bench.scenario.values.forms import RATE, SIZE, TIME, in_unit, instead, quantity, text, with_unit

if TYPE_CHECKING:
    import pint

_QUANTITY = re.compile(r"\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*([A-Za-zµ][A-Za-zµ/ ]*)?")
"""A number and perhaps a unit; pint alone would read sums and products too."""
LONGEST = 100
"""Characters of a quantity; pint takes time that grows with their square."""
_SIZE = re.compile(r"([0-9]+) ?([kMGT]?)B")
"""A size as most scenarios have it. It is read without pint, which takes most of a second to load: a worker's process
would do that beside all others."""
_PREFIX = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@cache
def _registry() -> pint.UnitRegistry[float]:
    import pint

    return pint.UnitRegistry()


def _convert(value: object, unit: str, example: str) -> object:
    if not isinstance(value, str):
        return value
    import pint  # slow to import, and many scenarios name no unit

    try:
        if len(value) > LONGEST or not _QUANTITY.fullmatch(value):
            raise ValueError(value)
        quantity: Any = _registry().Quantity(value)
        if quantity.unitless:
            return float(quantity.magnitude)
        return float(quantity.to(unit).magnitude)
    except (pint.PintError, ValueError) as problem:
        raise ValueError(f"'{value}' is not a quantity in {unit}s; write for example {example}") from problem


def seconds(value: object) -> object:
    """`20 ms` -> 0.02; what is not a string is left to pydantic. Raises ValueError."""
    return _convert(value, "second", "20 ms")


def in_seconds(value: float) -> str:
    """`20 ms`: three digits and a unit that suits."""
    return f"{_registry().Quantity(value, 'second').to_compact():.3g~P}"


def times_apart(found: float, bound: float) -> tuple[str, str]:
    """Both with a unit, and with so many digits that they do not read alike where they differ."""
    for digits in range(3, 17):
        texts = tuple(
            f"{_registry().Quantity(t, 'second').to_compact():.{digits}g~P}" for t in (found, bound)
        )
        if texts[0] != texts[1] or found == bound:
            break
    return texts[0], texts[1]


def bytes_(value: object) -> object:
    """`100 MB` -> 1e8; what is not a string is left to pydantic. Raises ValueError."""
    plain = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if plain is not None:
        return int(plain[1]) * _PREFIX[plain[2]]
    return _convert(value, "byte", "100 MB")


def bytes_per_second(value: object) -> object:
    """`1 Gbit/s` -> 1.25e8; what is not a string is left to pydantic. Raises ValueError."""
    return _convert(value, "byte/second", "10 Gbit/s")


def count_or_size(value: object) -> object:
    """A whole number from 1 on, or a size with its unit such as `25 MB`, as it is. Raises ValueError."""
    count = int(value) if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,18}\s*", value) else value
    if isinstance(count, int) and not isinstance(count, bool) and count >= 1:
        return count
    if isinstance(value, str) and 1 <= _size(value) < math.inf:
        return value
    raise ValueError(
        "expected a whole number from 1 on, or a size of a byte or more with its unit, such as 25 MB"
    )


def _size(text: str) -> float:
    """Bytes, where it names a unit of them; else none."""
    quantity = _QUANTITY.fullmatch(text)
    try:
        size = bytes_(text) if quantity and quantity[2] else 0.0
    except ValueError:
        return 0.0
    return size if isinstance(size, float) else 0.0


_TIME = with_unit("time", TIME, "s", "20 ms")
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(seconds), _TIME]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(seconds), _TIME]
_SIZE_FORM = with_unit("size", SIZE, "B", "100 MB")
Bytes = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(bytes_), _SIZE_FORM]
CountOrSize = Annotated[
    int | str,
    BeforeValidator(count_or_size),
    instead({"anyOf": [{"type": "integer", "minimum": 1}, text(quantity(SIZE), "25 MB", title="size")]}),
]
"""A count stays a number, a size its words."""
_RATE = with_unit("bandwidth", RATE, "B/s", "10 Gbit/s")
BytesPerSecond = Annotated[float, Field(gt=0), BeforeValidator(bytes_per_second), _RATE]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), in_unit("1")]


# ------------------------------------------------------------------------------------------ numbers in words
NOTHING = "–"
"""What stands for a number that does not exist."""


def few_digits(number: float, digits: int = 3) -> str:
    """That many significant digits; whole numbers below a million without an exponent."""
    return f"{number:.0f}" if 10 ** (digits - 1) <= abs(number) < 1e6 else f"{number:.{digits}g}"


def human_bytes(value: float) -> str:
    """`12.3 MB`: three digits, in steps of a thousand."""
    if not math.isfinite(value):
        return NOTHING
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    step = min(int(math.log10(max(value, 1.0)) // 3), len(units) - 1)
    return f"{few_digits(value / 1000**step)} {units[step]}"


def apart(found: float, bound: float, digits: int = 3) -> tuple[str, str]:
    """Both in so few digits, at least `digits`, that they do not read alike: `5.02` beside `5`. They differ."""
    for many in range(digits, 17):
        texts = few_digits(found, many), few_digits(bound, many)
        if texts[0] != texts[1] or found == bound:
            return texts
    return repr(float(found)), repr(float(bound))


def with_digits(found: float, bound: float, digits: int = 3) -> str:
    """`found`, told apart from a bound that stands beside it in full."""
    return next(
        (
            text
            for many in range(digits, 17)
            if float(text := few_digits(found, many)) != bound or found == bound
        ),
        repr(float(found)),
    )


def percent_done(share: float) -> str:
    """`99%` until all is done."""
    return f"{math.floor(100 * share + 1e-9)}%"
