"""Distributions of compute time and latency, stragglers: what a scenario may say of time (losses: `losses.py`).

Everything here is drawn in blocks from a given generator, so that a stream's k-th value does not depend on
how many are drawn at once.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rfast_bench.scenario.sections.slowdown import Phases
from rfast_bench.scenario.user_files.tables import column, rows_by
from rfast_bench.scenario.values.base import DataPath, Spec
from rfast_bench.scenario.values.forms import TIME, UNIT, Reads, also, kind_said, quantity, text
from rfast_bench.scenario.values.units import PositiveSeconds, Probability, Seconds

Draws = NDArray[np.float64]


# ----------------------------------------------------------------------------------- distributions (seconds)
OF_COMPUTE = ("samples", "fixed", "by")
"""Keys that only `compute` has; they are neither written nor counted where they are not said."""


class _Times(Spec):
    """A drawn time T holds for a gradient of `samples` samples; one of b takes `fixed + (T - fixed) b / samples`."""

    samples: int | None = Field(default=None, ge=1)
    """Of `compute`: for a gradient of how many samples the time holds; null: for any."""
    fixed: Seconds | None = None
    """Of `compute`: the part of the time that no batch changes; it needs `samples`."""

    @model_validator(mode="after")
    def _fixed_is_a_part(self) -> Any:
        if self.fixed is None:
            return self
        if self.samples is None:
            raise ValueError("fixed needs samples: for how many samples does the time hold?")
        mean = mean_time(self)  # type: ignore[arg-type]
        if self.fixed > mean:
            raise ValueError(f"fixed ({self.fixed:g} s) is above the mean ({mean:g} s)")
        return self

    trailing: ClassVar = OF_COMPUTE

    @model_serializer(mode="wrap")
    def _as_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = handler(self)
        return {key: value for key, value in plain.items() if value is not None or key not in OF_COMPUTE}


class Constant(_Times):
    """Always the same; a bare number or quantity means this."""

    model_config = ConfigDict(json_schema_extra=kind_said)

    kind: Literal["constant"] = "constant"
    """Always the same time."""
    mean: Seconds
    """The time."""

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        return np.full(size, self.mean)


class Lognormal(_Times):
    """Mean `mean`; `sigma` is the standard deviation of the logarithm."""

    kind: Literal["lognormal"]
    """Times whose logarithm is normal."""
    mean: PositiveSeconds
    """The mean of the times."""
    sigma: float = Field(ge=0)
    """The standard deviation of the logarithm."""

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        return rng.lognormal(math.log(self.mean) - self.sigma**2 / 2, self.sigma, size)


class Exponential(_Times):
    """`shift` seconds that always pass, and an exponential rest; the mean of both together is `mean`."""

    kind: Literal["exponential"]
    """Some seconds that always pass, and an exponential rest."""
    mean: PositiveSeconds
    """The mean of both together."""
    shift: Seconds = 0.0
    """What always passes; at most the mean."""

    @model_validator(mode="after")
    def _shift_below_mean(self) -> Exponential:
        if self.shift > self.mean:
            raise ValueError(f"shift ({self.shift} s) is above the mean ({self.mean} s)")
        return self

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        return self.shift + rng.exponential(self.mean - self.shift, size)


class Gamma(_Times):
    """Mean `mean`; the coefficient of variation is 1/sqrt(shape)."""

    kind: Literal["gamma"]
    """Gamma-distributed times."""
    mean: PositiveSeconds
    """The mean of the times."""
    shape: float = Field(gt=0)
    """The larger, the less the times vary: their coefficient of variation is 1/√shape."""

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        return rng.gamma(self.shape, self.mean / self.shape, size)


class Pareto(_Times):
    """Heavy tail P(T > t) ~ t^-alpha with mean `mean`; alpha > 1, below 2 the variance is infinite."""

    kind: Literal["pareto"]
    """Times with a heavy tail."""
    mean: PositiveSeconds
    """The mean of the times."""
    alpha: float = Field(gt=1)
    """The exponent of the tail; up to 2 the variance is infinite."""

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        smallest = self.mean * (self.alpha - 1) / self.alpha
        return smallest * (1 + rng.pareto(self.alpha, size))


class Empirical(_Times):
    """Measured times, drawn with replacement from a column of a CSV file; `unit` is that of the file.

    `by`: a column that names devices, for `compute`: each worker then draws from the rows of a device of its own.
    """

    kind: Literal["empirical"]
    """Measured times from a file."""
    path: DataPath
    """The CSV file, with a header line."""
    column: str
    """The column that has the times."""
    unit: PositiveSeconds = Field(default=1.0, validate_default=True)
    """What 1 in the file means."""
    mean: PositiveSeconds | None = None
    """The mean to which the times are scaled; null: they are as measured."""
    by: str | None = None
    """Of `compute`: a column that names devices; each worker draws from the rows of a device of its own."""

    @model_validator(mode="after")
    def _readable(self) -> Empirical:
        values = self.values()
        if self.by is not None and not all(values[rows].any() for rows in rows_by(self.path, self.by)):
            raise ValueError(f"column '{self.column}' of {self.path} is 0 in all rows of one '{self.by}'")
        return self

    def of_device(self, number: int) -> Draws:
        """The times of one device by its place in the file, counted round and round: of `by`."""
        assert self.by is not None
        devices = rows_by(self.path, self.by)
        return self.values()[devices[number % len(devices)]]

    def values(self) -> Draws:
        """The file's times in seconds, scaled to `mean` if one is given."""
        times = column(self.path, self.column)
        return times * (self.mean / times.mean() if self.mean else self.unit)

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        values = self.values()
        drawn: Draws = values[rng.integers(len(values), size=size)]
        return drawn


def _bare_number(value: object) -> object:
    return {"kind": "constant", "mean": value} if isinstance(value, str | int | float) else value


def _of_no_samples(times: Any) -> Any:
    said = [key for key in OF_COMPUTE if getattr(times, key, None) is not None]
    if said:
        raise ValueError(f"'{said[0]}' is for compute; this time is not that of a gradient")
    return times


Work = Annotated[
    Annotated[Constant | Lognormal | Exponential | Gamma | Pareto | Empirical, Field(discriminator="kind")],
    BeforeValidator(_bare_number),
    also({"type": "number", "minimum": 0}, text(quantity(TIME), "20 ms", title="time")),
]
"""The time of a gradient."""
_UNSAID = {"properties": {key: {"type": "null"} for key in OF_COMPUTE}}
Distribution = Annotated[
    Work, AfterValidator(_of_no_samples), Reads(lambda own: {"allOf": [own, _UNSAID], UNIT: "s"})
]
"""Any other time."""


def mean_time(times: Work) -> float:
    """Mean of a distribution, seconds: of measured ones that of the same thousand draws in every run."""
    if times.mean is not None:
        return float(times.mean)
    return float(np.mean(times.draw(np.random.default_rng([0, crc32(b"mean")]), 1000)))


# -------------------------------------------------------------------------------------------- stragglers
class _Straggler(Spec):
    worker: int | list[int]
    """Who is slow: a worker's number, or a list of them."""
    slowdown: float = Field(gt=0)
    """4 is four times slower; below 1 is faster."""

    @property
    def workers(self) -> list[int]:
        return [self.worker] if isinstance(self.worker, int) else self.worker


class Permanent(_Straggler):
    """Slow from the start to the end."""

    kind: Literal["permanent"] = "permanent"
    """Slow throughout; what is meant where no kind is said."""

    def phases(self, rng: np.random.Generator) -> Phases | None:
        return None


class Periodic(_Straggler):
    """Slow for `duration` in every `period`, first at `offset`."""

    kind: Literal["periodic"]
    """Slow again and again, in equal steps."""
    period: PositiveSeconds
    """From the start of one slow phase to that of the next."""
    duration: PositiveSeconds
    """How long a slow phase lasts; below the period."""
    offset: Seconds = 0.0
    """When the first slow phase starts."""

    @model_validator(mode="after")
    def _duration_below_period(self) -> Periodic:
        if self.duration >= self.period:
            raise ValueError(f"duration ({self.duration} s) must be below the period ({self.period} s)")
        return self

    def phases(self, rng: np.random.Generator) -> Phases | None:
        fast = self.period - self.duration
        return Phases(self.offset, lambda k: np.tile([self.duration, fast], k))


class RandomPhases(_Straggler):
    """Slow and normal phases of exponential length, starting with a normal one."""

    kind: Literal["random"]
    """Slow again and again, at random."""
    mean_slow: PositiveSeconds
    """How long a slow phase lasts on average."""
    mean_normal: PositiveSeconds
    """How long a normal phase lasts on average."""

    def phases(self, rng: np.random.Generator) -> Phases | None:
        def lengths(k: int) -> Draws:
            return rng.exponential(np.tile([self.mean_slow, self.mean_normal], k))

        return Phases(float(rng.exponential(self.mean_normal)), lengths)


def _permanent_by_default(value: object) -> object:
    return {"kind": "permanent", **value} if isinstance(value, dict) and "kind" not in value else value


Straggler = Annotated[
    Annotated[Permanent | Periodic | RandomPhases, Field(discriminator="kind")],
    BeforeValidator(_permanent_by_default),
]


class Reorder(Spec):
    """A message is held back by `delay` with this probability, so that later ones overtake it."""

    probability: Probability
    """How likely a message is held back."""
    delay: PositiveSeconds
    """For how long."""
