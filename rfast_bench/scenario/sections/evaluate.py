"""When models are looked at, which ones and over how many samples, and the values that are to be reached."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from rfast_bench.scenario.values.base import Metric, Spec
from rfast_bench.scenario.values.units import PositiveSeconds, seconds


class Every(Spec):
    """The evaluation grid: every so many seconds, or epochs, or iterations per worker."""

    seconds: PositiveSeconds | None = None
    epochs: float | None = Field(default=None, gt=0)
    iterations: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_grid(self) -> Every:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("needs exactly one of seconds, epochs, iterations")
        return self


def _every(value: object) -> object:
    """`1 s`, `0.5 epochs`, `10 iterations`; a bare number is seconds."""
    if isinstance(value, int | float):
        return {"seconds": value}
    if not isinstance(value, str):
        return value
    counted = re.fullmatch(r"\s*([-+0-9.eE]+)\s*(epoch|iteration)s?\s*", value)
    if counted:
        return {counted[2] + "s": counted[1]}
    return {"seconds": seconds(value)}


class Evaluate(Spec):
    """When models are looked at and how, and the values whose times of arrival the tables give."""

    every: Annotated[Every, BeforeValidator(_every)]
    targets: dict[Metric, tuple[float, ...]] = Field(default_factory=dict)
    samples: Annotated[int, Field(gt=0)] | Literal["all"] | None = None
    """Training samples that the loss is of, at most; None is the problem's own choice."""
    workers: Literal["mean", "all"] = "mean"
    """`all`: the accuracy of every worker's own model too."""

    @field_validator("targets", mode="before")
    @classmethod
    def _bare_value(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {metric: v if isinstance(v, list | tuple) else [v] for metric, v in value.items()}

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Records of scenarios that do not have the last two keys are as they were before there were any."""
        plain: dict[str, Any] = handler(self)
        idle = {"samples": None, "workers": "mean"}
        return {key: value for key, value in plain.items() if key not in idle or value != idle[key]}


def wrong_samples(evaluate: Evaluate, kind: str) -> str:
    """Why a problem of this kind cannot be evaluated on some samples, if it cannot."""
    if evaluate.samples is None or kind == "torch":
        return ""
    return (
        f"samples is for problem.kind: torch; the loss of {kind} is always of all training samples, and so are the gap "
        "and the optimum where there are any; leave it out"
    )
