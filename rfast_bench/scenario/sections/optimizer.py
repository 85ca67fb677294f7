"""What a scenario may say under `optimizer:` and `schedule:`, for all algorithms or within an entry of one.

Both are the worker's own business: the driver of either world applies them, and no algorithm knows of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from rfast_bench.errors import suggest
from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.forms import (
    POSITIVE,
    TIME,
    Form,
    also,
    instead,
    or_else,
    quantity,
    text,
    with_unit,
)
from rfast_bench.scenario.values.units import apart, seconds

Momentum = Annotated[float, Field(ge=0, lt=1)]
_POSITION = with_unit("time", TIME, "epochs, or s with `by: time`", "20 ms")
Position = Annotated[float, Field(gt=0), _POSITION]
"""Epochs, or seconds where the schedule is `by: time`."""
Factor = Annotated[float, Field(ge=0)]

SHAPES = ("drops", "cosine", "one_cycle", "points")
"""Keys of a schedule of which one at most may be given."""


# --------------------------------------------------------------------------------------------- optimizer
class OptimizerSpec(Spec):
    """What is done to a gradient before an algorithm gets it: `torch.optim.SGD`'s arithmetic."""

    momentum: Momentum = 0.0
    """How much of the last direction is kept; below 1."""
    nesterov: bool = False
    """Nesterov's momentum, which looks one step ahead; it needs momentum above 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """This times the model is added to each gradient."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest Euclidean norm of a gradient, decay included; null is no bound."""

    @model_validator(mode="before")
    @classmethod
    def _no_word(cls, data: Any) -> Any:
        if isinstance(data, str):
            keys = ", ".join(cls.model_fields)
            raise ValueError(f"'{data}' is no optimizer: it is SGD always, given as a mapping of {keys}")
        return data


# ---------------------------------------------------------------------------------------------- schedule
class Cosine(Spec):
    """From 1 down to `to` by half a cosine, which ends at `until`; constant after that."""

    until: Position
    """Where it ends."""
    to: Factor = 0.0
    """The factor at its end, and after it."""


class OneCycle(Spec):
    """From `start` up to 1 in the share `rise` of the time, then down to `to` at `until`, by half cosines."""

    until: Position
    """Where it ends."""
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """The share of the way in which the factor rises."""
    start: Factor = 0.04
    """The factor at its start."""
    to: Factor = 4e-6
    """The factor at its end, and after it."""


def _bare_end(value: Any) -> Any:
    return {"until": value} if isinstance(value, int | float | str) else value


def _pairs(value: Any) -> Any:
    """A mapping of positions to factors as pairs, in the order in which they stand."""
    return tuple(value.items()) if isinstance(value, Mapping) else value


_END: list[Form] = [{"type": "number", "exclusiveMinimum": 0}, text(quantity(TIME), "20 ms", title="time")]
_SHARE: Form = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, text(POSITIVE)]}
DROPS: Form = {
    "anyOf": [
        {"type": "object", "additionalProperties": _SHARE, "minProperties": 1},
        {
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [{"anyOf": _END}, _SHARE],
                "minItems": 2,
                "maxItems": 2,
            },
            "minItems": 1,
        },
    ]
}
"""Positions and numbers, as a mapping or as a list of pairs."""
Drop = tuple[float, float]
Point = tuple[Annotated[float, Field(ge=0), _POSITION], Factor]


class ScheduleSpec(Spec):
    """A factor of every step size, by how far the run is. With nothing given it is 1 throughout."""

    by: Literal["common", "own", "time"] = "common"
    """What positions count: epochs of all workers together, the worker's own epochs, or seconds of the run's clock."""
    warmup: Position | None = None
    """Where the linear warm-up ends."""
    warmup_from: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The factor with which it begins."""
    drops: Annotated[tuple[Drop, ...], BeforeValidator(_pairs), instead(DROPS)] = ()
    """From each position on the factor is multiplied by one more number."""
    cosine: Annotated[Cosine, BeforeValidator(_bare_end), also(*_END)] | None = None
    """Down to nothing, or to a share, by half a cosine; a bare position is where it ends."""
    one_cycle: Annotated[OneCycle, BeforeValidator(_bare_end), also(*_END)] | None = None
    """Up and down again by half cosines; a bare position is where it ends."""
    points: tuple[Point, ...] = ()
    """Positions and factors; straight lines between them, constant before the first and after the last."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Form:
        return or_else(core, handler, {"const": "constant", "description": "The factor is 1 throughout."})

    @model_validator(mode="before")
    @classmethod
    def _words_and_units(cls, data: Any) -> Any:
        if data == "constant":
            return {name: cls.model_fields[name].default for name in ("warmup", "warmup_from", *SHAPES)}
        if isinstance(data, str):
            raise ValueError(f"'{data}' is no schedule{suggest(data, ('constant', *cls.model_fields))}")
        if not isinstance(data, dict):
            return data
        if "kind" in data:
            raise ValueError(
                f"a schedule has no kind: name one by its key{suggest(str(data['kind']), cls.model_fields)}"
            )
        for name in ("drops", "points"):
            # what a run records says all keys, also those that are empty
            if data.get(name) in ([], {}) and not all(shape in data for shape in SHAPES):
                raise ValueError(f"{name}: there are none; give some, or leave the key out")
        return _in_seconds(data) if data.get("by") == "time" else data

    @model_validator(mode="after")
    def _forward(self) -> ScheduleSpec:
        for position, factor in self.drops:
            if position <= 0 or factor <= 0:
                raise ValueError(f"drops: {position:g}: {factor:g} is no drop, for both must be above 0")
        for name in ("drops", "points"):
            for (earlier, _), (later, _) in pairwise(getattr(self, name)):
                if later <= earlier:
                    told = apart(later, earlier, 6)
                    raise ValueError(
                        f"{name}: {told[0]} comes after {told[1]}, and a schedule does not go back in time"
                    )
        return self


def _in_seconds(data: Mapping[Any, Any]) -> dict[Any, Any]:
    """The same with every position such as `20 s` as a number of seconds; factors are numbers as they are."""
    read = {"warmup": seconds, "cosine": _end, "one_cycle": _end, "drops": _firsts, "points": _firsts}
    return {key: read[key](value) if key in read else value for key, value in data.items()}


def _end(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: seconds(item) if key == "until" else item for key, item in value.items()}
    return seconds(value)


def _firsts(value: Any) -> Any:
    """Of pairs, or the keys of a mapping."""
    if isinstance(value, Mapping):
        return {seconds(key): item for key, item in value.items()}
    if isinstance(value, list | tuple):
        pairs = [isinstance(pair, list | tuple) and len(pair) > 0 for pair in value]
        return [
            [seconds(pair[0]), *pair[1:]] if is_pair else pair
            for pair, is_pair in zip(value, pairs, strict=True)
        ]
    return value


# ----------------------------------------------------------------------------------------- as they apply
@dataclass(frozen=True)
class Training:
    """What the driver of one algorithm applies; None where there is nothing to do."""

    optimizer: OptimizerSpec | None = None
    schedule: ScheduleSpec | None = None


PLAIN = Training()


def conflicts(optimizer: OptimizerSpec) -> str:
    """What is wrong with an optimizer as a whole; empty when nothing is."""
    if optimizer.nesterov and not optimizer.momentum:
        return "nesterov needs momentum above 0"
    return ""


def impossible(schedule: ScheduleSpec) -> str:
    """What is wrong with a schedule as a whole; empty when nothing is."""
    given = [name for name in SHAPES if getattr(schedule, name)]
    if len(given) > 1:
        return f"{' and '.join(given)} cannot be combined: give one of {', '.join(SHAPES)}"
    warmup = schedule.warmup
    if warmup is None:
        return "warmup_from needs warmup" if schedule.warmup_from else ""
    if schedule.one_cycle or schedule.points:
        return f"warmup cannot be combined with {given[0]}, which says how it begins"
    if schedule.drops and schedule.drops[0][0] < warmup:
        first, end = apart(schedule.drops[0][0], warmup, 6)
        return f"the first drop, at {first}, comes before the end of the warm-up, at {end}"
    if schedule.cosine and schedule.cosine.until <= warmup:
        last, end = apart(schedule.cosine.until, warmup, 6)
        return f"the cosine ends at {last}, not after the warm-up, which ends at {end}"
    return ""


def is_constant(schedule: ScheduleSpec) -> bool:
    """Whether the factor is 1 throughout."""
    return schedule.warmup is None and not any(getattr(schedule, name) for name in SHAPES)


def merged(top: Spec | None, own: Spec | None, model: type[Spec]) -> dict[str, Any]:
    """The keys of both, as plain values of every key; what an algorithm says itself goes before.

    A shape of a schedule takes the place of another shape, and one_cycle and points that of a warm-up.
    """
    below = {} if top is None else top.model_dump(exclude_unset=True)
    above = {} if own is None else own.model_dump(exclude_unset=True)
    if any(above.get(name) for name in SHAPES):
        below = {key: value for key, value in below.items() if key not in SHAPES}
        if above.get("one_cycle") or above.get("points"):
            below = {key: value for key, value in below.items() if not key.startswith("warmup")}
    return {**model().model_dump(), **below, **above}
