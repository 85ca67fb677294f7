"""The resolved scenario beside a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from rfast_bench.errors import UserError
from rfast_bench.files import read_text
from rfast_bench.scenario import yaml_text
from rfast_bench.scenario.problem.kinds import SHIPPED

Number = float | None
NEEDS = {
    "periodic": ("duration", "period"),
    "random": ("mean_slow",),
    "bursty": ("burst",),
    "gilbert-elliott": ("good_to_bad", "bad_to_good", "loss_good", "loss_bad"),
}
"""What a part of a kind has, beside what may be missing."""


class _Part(BaseModel, extra="allow", strict=True):
    """Of a scenario: its type, as far as reports and tables count on it. What is missing is left out of them."""

    kind: str | None = None
    mean: Number = None
    fixed: Number = None
    slowdown: Number = None
    duration: Number = None
    period: Number = None
    mean_slow: Number = None
    probability: Number = None
    burst: Number = None
    good_to_bad: Number = None
    bad_to_good: Number = None
    loss_good: Number = None
    loss_bad: Number = None

    @model_validator(mode="after")
    def _has_what_its_kind_has(self) -> Self:
        for name in NEEDS.get(self.kind or "", ()):
            if getattr(self, name) is None:
                raise ValueError(f"kind {self.kind} without {name}")
        return self


class _Problem(BaseModel, extra="allow", strict=True):
    """Of a kind that ships; what a class of the user's own has is its own affair."""

    kind: str | None = None
    dataset: dict[str, Any] | None = None
    partition: dict[str, Any] | None = None
    l2: Number = None
    hidden: list[int] | None = None


def ships(kind: object) -> bool:
    """Whether it is a kind of problem that the suite has."""
    return kind in SHIPPED


def _as_shipped(problem: dict[str, Any]) -> dict[str, Any]:
    """The same, looked at where it is not of a class of the user's own."""
    if ships(problem.get("kind")):
        _Problem.model_validate(problem)
    return problem


class _Until(BaseModel, extra="allow", strict=True):
    until: Any


class _Schedule(BaseModel, extra="allow", strict=True):
    """Of what reports say of a schedule."""

    drops: list[Annotated[list[Any], Field(min_length=2, max_length=2)]] | None = None
    points: list[Annotated[list[Any], Field(min_length=1)]] | None = None
    cosine: _Until | None = None
    one_cycle: _Until | None = None


def schedule(values: dict[str, Any]) -> dict[str, Any]:
    """The same. Raises ValueError where it is no schedule."""
    _Schedule.model_validate(values)
    return values


class _Network(BaseModel, extra="allow", strict=True):
    latency: _Part | None = None
    bandwidth: Number = None
    receive_bandwidth: Number = None
    loss: _Part | None = None
    retransmit_timeout: Number = None
    message_bytes: Number = None
    links: list[Any] | None = None


class _Fault(BaseModel, extra="allow", strict=True):
    kind: str | None = None
    worker: int | None = None
    down: Number = None
    up: Number = None
    rate: Number = None
    lasts: Number = None
    until: Number = None
    loss: Number = None
    share: Number = None
    links: list[list[int]] | None = None
    groups: list[list[int]] | None = None
    kinds: list[str] | None = None


class _Stop(BaseModel, extra="allow", strict=True):
    time: Number = None
    iterations: int | None = None
    epochs: Number = None
    target: dict[str, Any] | None = None


class _Resolved(BaseModel, extra="allow", strict=True):
    problem: Annotated[dict[str, Any], AfterValidator(_as_shipped)] | None = None
    compute: _Part | list[_Part] | None = None
    stragglers: list[_Part] = []
    network: _Network | None = None
    faults: list[_Fault] | None = None
    stop: _Stop | None = None
    algorithms: list[dict[str, Any]] = []


def read_resolved(path: Path) -> dict[str, Any]:
    """What it says; empty where there is none. Raises UserError."""
    try:
        found = yaml_text.load(read_text(path, 4 * yaml_text.LONGEST), quick=True)
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise UserError(f"{path}: cannot be read: {problem.strerror}") from problem
    except (ValueError, yaml.YAMLError) as problem:
        raise UserError(f"{path}: cannot be read: {yaml_text.reason(problem)}") from problem
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected a mapping, found {type(found).__name__}")
    try:
        _Resolved.model_validate(found)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: this is no resolved scenario: {where}: {first['msg']}") from problem
    return found
