"""The values of a swept key: a list, or a mapping that gives each a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rfast_bench.scenario.values.forms import also


@dataclass(frozen=True)
class Named:
    """A swept value with a name of its own, for tables and folders."""

    name: str
    value: Any


def _named(values: object) -> object:
    """A mapping of names to values; a list stays as it is."""
    return [Named(str(n), value) for n, value in values.items()] if isinstance(values, dict) else values


Swept = Annotated[
    tuple[Any, ...],
    Field(min_length=1),
    BeforeValidator(_named),
    also({"type": "object", "minProperties": 1, "description": "Names of values, and the values."}),
]
