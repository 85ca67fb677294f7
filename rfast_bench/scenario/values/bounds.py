"""The most that a scenario may ask for. More is a slip of the finger, and would take the machine's memory, or its day,
before the first run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from rfast_bench.scenario.values.units import with_digits

MOST_RUNS = 1_000_000
MOST_WORKERS = 100_000
MOST_VALUES = 1_000
"""Of a range that is tried."""
LARGEST_FILE = 2**28
"""Bytes of a file that a scenario names: a graph, links, times, absences. Data sets may be as large as they are."""
MOST_COLUMNS = 100_000
"""Of a table."""
LARGEST = 2**63 - 1
"""Of seeds and other numbers that cost nothing: what numpy and JSON's readers hold."""
FARTHEST = 1e100
"""Of a range that is tried: it may be widened at its ends, and stay a number."""

Count = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, le=LARGEST)]
Repetitions = Annotated[int, Field(gt=0, le=MOST_RUNS)]
Workers = Annotated[int, Field(gt=0, le=MOST_WORKERS)]


def too_many(what: Iterable[tuple[int, str]]) -> str:
    """What is wrong with so many runs, the product of counts of something; nothing where they are few enough."""
    factors = list(what)
    runs = math.prod(count for count, _ in factors)
    if runs <= MOST_RUNS:
        return ""
    told = " x ".join(f"{count} {name}" for count, name in factors)
    return f"this asks for {with_digits(runs, MOST_RUNS, 2)} runs ({told}); at most {MOST_RUNS} are planned at once"


def bad_range(start: float, factor: float, count: int) -> str:
    """What is wrong with a range of values, if anything."""
    last = math.log10(start) + (count - 1) * math.log10(factor)
    if start >= 1 / FARTHEST and last <= math.log10(FARTHEST):
        return ""
    return f"a range lies between {1 / FARTHEST:g} and {FARTHEST:g}; this one goes from {start:g} to about 1e{last:.0f}"
