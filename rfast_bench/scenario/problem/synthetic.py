"""What a scenario may say of data sets that are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.bounds import Count, Seed

MOST_NUMBERS = 10**9
"""Of a data set that is made: eight gigabytes."""
Noise = Annotated[float, Field(ge=0)]


def _in_memory(spec: Any) -> Any:
    if spec.samples * spec.features > MOST_NUMBERS:
        raise ValueError(
            f"{spec.samples} samples of {spec.features} features; at most {MOST_NUMBERS} numbers are made"
        )
    return spec


class SyntheticSpec(Spec):
    """Gaussian features; the class is the largest of `classes` random linear scores of unit variance.

    `noise` is the standard deviation of what is added to each score: 0 gives separable data.
    """

    kind: Literal["synthetic"]
    """Classes that are made."""
    samples: Annotated[int, Field(ge=2)] = 1000
    """How many samples are made."""
    features: Count = 20
    """Numbers of a sample."""
    classes: Annotated[int, Field(ge=2, le=10**4)] = 2
    """How many classes there are."""
    noise: Noise = 0.5
    """Standard deviation of what is added to each class's score; 0 gives separable data."""
    seed: Seed = 0
    """Of the data; the run's seed does not change them."""

    _fits = model_validator(mode="after")(_in_memory)


class SyntheticRegressionSpec(Spec):
    """Gaussian features; the target is a random linear function of them of unit variance, plus `noise`."""

    kind: Literal["synthetic-regression"]
    """Numbers to be predicted, which are made."""
    samples: Annotated[int, Field(ge=2)] = 1000
    """How many samples are made."""
    features: Count = 20
    """Numbers of a sample."""
    noise: Noise = 0.5
    """Standard deviation of what is added to the target, whose own is 1."""
    seed: Seed = 0
    """Of the data; the run's seed does not change them."""

    _fits = model_validator(mode="after")(_in_memory)
