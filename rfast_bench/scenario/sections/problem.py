"""What a scenario may say under `problem:`. The values here are the defaults that users get."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rfast_bench.scenario.sections.base import DataPath, Spec
from rfast_bench.scenario.sections.torch_problem import TorchKeys

Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0)]
DType = Literal["float64", "float32"]


def _bare_word(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


# --------------------------------------------------------------------------------------------- data sets
class BundledSpec(Spec):
    """A small data set that comes with scikit-learn. `limit`: only its first so-many samples."""

    kind: Literal["digits", "breast_cancer", "wine"]
    limit: Count | None = None


class SyntheticSpec(Spec):
    """Gaussian features; the class is the largest of `classes` random linear scores of unit variance.

    `noise` is the standard deviation of what is added to each score: 0 gives separable data.
    """

    kind: Literal["synthetic"]
    samples: Annotated[int, Field(ge=2)] = 1000
    features: Count = 20
    classes: Annotated[int, Field(ge=2)] = 2
    noise: NonNegative = 0.5
    seed: Annotated[int, Field(ge=0)] = 0


class CsvSpec(Spec):
    """A table with a header line; `target` names the column of class labels, all others are features."""

    kind: Literal["csv"]
    path: DataPath
    target: str
    limit: Count | None = None


class NpzSpec(Spec):
    """A NumPy archive; `x` and `y` name its arrays of features (samples first) and of class labels."""

    kind: Literal["npz"]
    path: DataPath
    x: str = "X"
    y: str = "y"
    limit: Count | None = None


class ImagesSpec(Spec):
    """A folder with the original files of an image set, which brings its own test set.

    `limit`: only the first so-many training images, and at most as many test images.
    """

    kind: Literal["mnist", "fashion-mnist", "cifar-10"]
    path: DataPath
    limit: Count | None = None


DatasetSpec = Annotated[
    Annotated[BundledSpec | SyntheticSpec | CsvSpec | NpzSpec | ImagesSpec, Field(discriminator="kind")],
    BeforeValidator(_bare_word),
]


# ------------------------------------------------------------------------------------------- partitions
class PlainPartition(Spec):
    """`iid`: shuffled and cut evenly. `by-label`: sorted by label and cut evenly."""

    kind: Literal["iid", "by-label"]


class DirichletPartition(Spec):
    """Each class is split among the workers in proportions drawn from Dirichlet(alpha, ..., alpha)."""

    kind: Literal["dirichlet"]
    alpha: Annotated[float, Field(gt=0)] = 0.1


class ShardsPartition(Spec):
    """Sorted by label, cut into `per_worker` pieces for each worker, pieces dealt at random."""

    kind: Literal["shards"]
    per_worker: Count = 2


PartitionSpec = Annotated[
    Annotated[PlainPartition | DirichletPartition | ShardsPartition, Field(discriminator="kind")],
    BeforeValidator(_bare_word),
]


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


class _DataProblem(Spec):
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


class LogisticSpec(_DataProblem):
    """l2-regularised logistic regression: one weight column for two classes, softmax for more."""

    kind: Literal["logistic-regression"]


class MlpSpec(_DataProblem):
    """A fully connected network with cross-entropy loss; `hidden` lists the widths of its hidden layers."""

    kind: Literal["mlp"]
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (32,)
    activation: Literal["tanh", "relu"] = "tanh"


class TorchSpec(TorchKeys, _DataProblem):
    """A torch module of the user's own, or a shipped one; weight decay is the optimiser's, so `l2` is 0."""

    kind: Literal["torch"]
    l2: NonNegative = 0.0
    dtype: DType = "float32"


ProblemSpec = Annotated[QuadraticSpec | LogisticSpec | MlpSpec | TorchSpec, Field(discriminator="kind")]
