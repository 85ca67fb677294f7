"""Keys that a run's scenario and hash say nothing of: at their defaults, so that older records count as they are, and
those that change no number of a record."""

from __future__ import annotations

from typing import Any

from rfast_bench.scenario.schema import Scenario

CHECKPOINT, MEMORY = ("checkpoint",), ("real", "samples_memory")
LATER = (CHECKPOINT, MEMORY, ("real", "collectives"), ("network", "receive_bandwidth"))
"""Keys that are younger than the records."""
DULL = (CHECKPOINT, MEMORY)
"""Those that change no number."""


def at_default(scenario: Scenario) -> dict[str, Any]:
    """The later keys that are at their defaults, in the form of pydantic's `exclude`."""
    return _nested([path for path in LATER if _is_default(scenario, path)])


def dull(scenario: Scenario) -> dict[str, Any]:
    """The same, and those that change no number, whatever they are."""
    return _nested([path for path in LATER if path in DULL or _is_default(scenario, path)])


def _is_default(scenario: Scenario, path: tuple[str, ...]) -> bool:
    part: Any = scenario
    for name in path[:-1]:
        part = getattr(part, name)
    default: object = type(part).model_fields[path[-1]].default
    return bool(getattr(part, path[-1]) == default)


def _nested(paths: list[tuple[str, ...]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for *rooms, name in paths:
        inner = found
        for room in rooms:
            inner = inner.setdefault(room, {})
        inner[name] = True
    return found
