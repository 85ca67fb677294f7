"""What a scenario may say about tuning: which values are tried, where, on which seeds, and what is best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rfast_bench.scenario.values.base import Spec, without
from rfast_bench.scenario.values.bounds import MOST_VALUES, Repetitions, Seed, bad_range
from rfast_bench.scenario.values.forms import Form, also, given, instead, one_of
from rfast_bench.scenario.values.metrics import Metric, Whose, number, words
from rfast_bench.scenario.values.targets import TARGET_FORM, read_target
from rfast_bench.scenario.values.units import PositiveSeconds


def _list_or_range(form: Form) -> None:
    """Values, or all three of a range."""
    ends = given("from", "factor", "count")
    form["oneOf"] = [
        {"allOf": given("values"), "not": {"anyOf": ends}},
        {"allOf": ends, "properties": {"values": {"maxItems": 0}}},
    ]


class Grid(Spec):
    """The values that are tried for one parameter: a list, or a range `from`, `from·factor`, `from·factor²`, ..."""

    model_config = ConfigDict(json_schema_extra=_list_or_range)

    values: tuple[Any, ...] = ()
    """All there is to try; a bare list means this."""
    start: float | None = Field(default=None, alias="from", gt=0)
    """The first value of a range."""
    factor: float | None = Field(default=None, gt=1, le=1e6)
    """Each value of a range is so many times the one before."""
    count: int | None = Field(default=None, ge=1, le=MOST_VALUES)
    """How many values a range has."""
    effective: bool = False
    """The values are effective steps; each algorithm's step size follows from them."""

    @model_validator(mode="after")
    def _list_or_range(self) -> Grid:
        parts = (self.start, self.factor, self.count)
        if bool(self.values) == any(part is not None for part in parts):
            raise ValueError("needs a list of values, or from, factor and count")
        if not self.values and None in parts:
            raise ValueError("a range needs all of from, factor and count")
        if (
            self.start
            and self.factor
            and self.count
            and (wrong := bad_range(self.start, self.factor, self.count))
        ):
            raise ValueError(wrong)
        if len({repr(value) for value in self.values}) < len(self.values):
            raise ValueError("a value comes twice")
        return self

    @property
    def is_range(self) -> bool:
        """Only a range can be widened: a list says all there is to try."""
        return not self.values

    def tried(self, below: int = 0, above: int = 0) -> list[Any]:
        """The values in order, with so many further ones at the ends of a range."""
        if self.start is None or self.factor is None or self.count is None:
            return [self._as_given(value) for value in self.values]
        steps = range(-below, self.count + above)
        return [self._as_given(float(f"{self.start * self.factor**k:.12g}")) for k in steps]

    def _as_given(self, value: Any) -> Any:
        return {"effective": value} if self.effective else value


def _bare_list(value: Any) -> Any:
    if not isinstance(value, list | tuple | dict | Grid):
        raise ValueError("expected a list of values, or a range such as {from: 0.1, factor: 2, count: 6}")
    return {"values": value} if isinstance(value, list | tuple) else value


GridLike = Annotated[
    Grid,
    BeforeValidator(_bare_list),
    also({"type": "array", "minItems": 1, "description": "The values that are tried."}),
]


class Objective(Spec):
    """What the best value is best in: the time to one target, or a metric's final value."""

    model_config = ConfigDict(json_schema_extra=one_of("time_to", "final"))

    time_to: Annotated[dict[Metric, float], BeforeValidator(read_target), instead(TARGET_FORM)] | None = None
    """The shortest time to this value, such as `{gap: 0.03}`, is best."""
    within: PositiveSeconds | None = None
    """Time budget of a run that looks for a target; the scenario's own stop rule if none is given."""
    final: Metric | None = None
    """The best final value of this metric is best."""
    at: PositiveSeconds | None = None
    """The time at which the final value counts; the scenario's own stop rule if none is given."""
    of: Whose = "mean"
    """Whose model: the workers' mean model, or their own."""
    seed: Literal["median", "worst"] = "median"
    """Which of the tuning seeds stands for a value."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Objective:
        if (self.time_to is None) == (self.final is None):
            raise ValueError("needs exactly one of time_to, final")
        if self.time_to is not None and len(self.time_to) != 1:
            raise ValueError("time_to needs exactly one target, such as {gap: 0.03}")
        if self.within is not None and self.time_to is None:
            raise ValueError("within goes with time_to; final has at")
        if self.at is not None and self.final is None:
            raise ValueError("at goes with final; time_to has within")
        return self

    @property
    def target(self) -> tuple[str, float] | None:
        """The number and the value to reach, or None when a final value counts."""
        return next(((self.number, value) for value in self.time_to.values()), None) if self.time_to else None

    @property
    def key(self) -> str:
        """Where it is said what is looked at."""
        return "tune.objective.time_to" if self.time_to else "tune.objective.final"

    @property
    def number(self) -> str:
        """What is looked at."""
        metric = next(iter(self.time_to)) if self.time_to else self.final or "loss"
        return number(metric, self.of)

    @property
    def words(self) -> str:
        """For tables: `time to gap 0.03`, `final worst gap`, `time to gap 0.03 of the worst seed`."""
        if self.target:
            told = f"time to {words(f'{self.number}_{self.target[1]:g}')}"
        else:
            told = f"final {words(self.number)}" + (f" at {self.at:g} s" if self.at else "")
        return told + " of the worst seed" * (self.seed == "worst")

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without(("of",), self, handler(self))


class TuneSpec(Spec):
    """Parameters chosen on seeds of their own, before the runs that are reported."""

    objective: Objective
    """What the best value is best in."""
    parameters: dict[str, GridLike] = Field(default_factory=dict)
    """Values to try, for every algorithm that has the parameter and is not given it."""
    seeds: Repetitions = 2
    """How many seeds each value is tried on."""
    first_seed: Seed = 1000
    """The first of them; none of them may be reported."""
    anchor: dict[str, Any] = Field(default_factory=dict)
    """Key paths and values: the setting in which the values are tried, where it differs from the file as written."""
    per: tuple[str, ...] = ()
    """Swept keys for whose every value tuning is repeated."""
    widen: int = Field(default=3, ge=0, le=20)
    """How many further steps a range may go at either end when its first or last value is the best."""
    stop_early: bool = True
    """End a trial as soon as it can no longer be the best; the same values win."""

    @property
    def all_seeds(self) -> Sequence[int]:
        """The tuning seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)
