"""What a scenario may say under `problem:`. The values here are the defaults that users get."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rfast_bench.scenario.sections.base import Spec
from rfast_bench.scenario.sections.data import (
    BundledSpec,
    Count,
    DatasetSpec,
    NonNegative,
    PartitionSpec,
    PlainPartition,
)

DType = Literal["float64", "float32"]


# --------------------------------------------------------------------------------------------- problems
class QuadraticSpec(Spec):
    """`f_i(x) = ½ (x − b_i)ᵀ H_i (x − b_i)`; the mean of the H_i has eigenvalues from 1/condition to 1.

    `heterogeneity` 0 gives every worker the same H and b. `noise` is the standard deviation of each
    coordinate of the noise added to a gradient.
    """

    kind: Literal["quadratic"]
    dim: Count = 20
    condition: Annotated[float, Field(ge=1)] = 10.0
    heterogeneity: NonNegative = 1.0
    noise: NonNegative = 0.0
    seed: Annotated[int, Field(ge=0)] = 0
    dtype: DType = "float64"


class LearningSpec(Spec):
    """What all problems over samples have in common."""

    kind: str
    dataset: DatasetSpec = BundledSpec(kind="digits")
    partition: PartitionSpec = PlainPartition(kind="iid")
    batch_size: Count | Literal["full"] = 32
    sampling: Literal["without-replacement", "with-replacement"] = "without-replacement"
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    l2: NonNegative = 1e-3
    dtype: DType = "float64"

    @model_validator(mode="after")
    def _full_is_exact(self) -> Any:
        if self.batch_size == "full" and self.sampling == "with-replacement":
            raise ValueError(
                "batch_size: full is the exact gradient, so sampling must be without-replacement"
            )
        return self


class LogisticSpec(LearningSpec):
    """l2-regularised logistic regression: one weight column for two classes, softmax for more."""

    kind: Literal["logistic-regression"]


class MlpSpec(LearningSpec):
    """A fully connected network with cross-entropy loss; `hidden` lists the widths of its hidden layers."""

    kind: Literal["mlp"]
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (32,)
    activation: Literal["tanh", "relu"] = "tanh"


ProblemSpec = Annotated[QuadraticSpec | LogisticSpec | MlpSpec, Field(discriminator="kind")]
