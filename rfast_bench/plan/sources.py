"""Where a scenario comes from: a file, or a mapping made in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rfast_bench.scenario.reading import assign, parse_override, read_yaml, validate
from rfast_bench.scenario.schema import Scenario


@dataclass(frozen=True)
class Given:
    """The keys and values of a scenario that is no file, or of one that was changed after it was read."""

    raw: Mapping[str, Any]
    folder: Path
    """Where relative paths start."""
    name: str = "scenario"
    """What messages call it."""
    changed: tuple[str, ...] = ()
    """Key paths of those values that were put in after it was read."""

    def __str__(self) -> str:
        return self.name


Source = Path | Given


def read_raw(scenario: Source, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """Its mapping with the overrides put in. Raises UserError."""
    raw = dict(scenario.raw) if isinstance(scenario, Given) else read_yaml(scenario)
    for text in overrides:
        raw = assign(raw, *parse_override(text))
    return raw


def read(scenario: Source, overrides: tuple[str, ...] = ()) -> tuple[dict[str, Any], Scenario]:
    """Its mapping, and what it says as it is written, sweeps and all; what only algorithms and problems know of it is
    not looked at. Raises UserError.
    """
    raw, by = read_raw(scenario, overrides), changed(scenario, overrides)
    return raw, validate(Scenario, raw, str(scenario), folder_of(scenario), by)


def folder_of(scenario: Source) -> Path:
    """Where relative paths start."""
    return scenario.folder if isinstance(scenario, Given) else scenario.resolve().parent


def changed(scenario: Source, overrides: tuple[str, ...] = ()) -> dict[str, str]:
    """What put which key path in, of those that a scenario does not have by itself."""
    own = scenario.changed if isinstance(scenario, Given) else ()
    return dict.fromkeys(own, "changes=") | {parse_override(text)[0]: "--set" for text in overrides}
