"""What a method says of its workers: who computes, and whose models' mean is its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.tuning import Grid


def mean_of(kind: type[Algorithm], n: int, parameters: Mapping[str, Any]) -> tuple[int, ...]:
    """The workers that its mean model is of; none where they are all. Raises UserError."""
    return _some(kind, kind.judged, n, parameters)


def computing(kind: type[Algorithm], n: int, parameters: Mapping[str, Any]) -> tuple[int, ...]:
    """The workers that compute, and so hold a shard; none where they are all. Raises UserError."""
    return _some(kind, kind.computes, n, parameters)


def check(kind: type[Algorithm], n: int, parameters: Mapping[str, Any]) -> None:
    """Raises UserError if the class names nobody, or somebody who does not exist."""
    mean_of(kind, n, parameters)
    computing(kind, n, parameters)


def _some(
    kind: type[Algorithm],
    named: Callable[[int, Mapping[str, Any]], Sequence[int]],
    n: int,
    parameters: Mapping[str, Any],
) -> tuple[int, ...]:
    if any(isinstance(value, Grid) for value in parameters.values()):
        return ()  # asked again when tuning has chosen
    found = tuple(sorted(set(named(n, parameters))))
    if not found or not set(found) <= set(range(n)):
        name = getattr(named, "__name__", "")
        raise UserError(
            f"{kind.__name__}.{name} names the workers {list(found)}; expected one or more of 0 to {n - 1}"
        )
    return () if len(found) == n else found
