"""Whose models' mean is a method's answer, where it says that they are not all workers'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.tuning import Grid


def mean_of(kind: type[Algorithm], n: int, parameters: Mapping[str, Any]) -> tuple[int, ...]:
    """These workers, ascending; none where they are all. Raises UserError if the class names nobody, or somebody who
    does not exist."""
    if any(isinstance(value, Grid) for value in parameters.values()):
        return ()  # asked again when tuning has chosen
    named = tuple(sorted(set(kind.judged(n, parameters))))
    if not named or not set(named) <= set(range(n)):
        raise UserError(
            f"{kind.__name__}.judged names the workers {list(named)}; expected one or more of 0 to {n - 1}"
        )
    return () if len(named) == n else named
