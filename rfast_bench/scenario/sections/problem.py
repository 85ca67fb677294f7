"""What a scenario may say under `problem:`. The values here are the defaults that users get."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.base import DataPath, Spec
from rfast_bench.scenario.sections.torch_problem import TorchKeys
from rfast_bench.scenario.user_files import code

Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0)]
DType = Literal["float64", "float32"]


def _bare_word(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


# --------------------------------------------------------------------------------------------- data sets
class BundledSpec(Spec):
    """A small data set that comes with scikit-learn. `limit`: only its first so-many samples."""

    kind: Literal["digits", "breast_cancer", "wine", "diabetes"]
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


class SyntheticRegressionSpec(Spec):
    """Gaussian features; the target is a random linear function of them of unit variance, plus `noise`."""

    kind: Literal["synthetic-regression"]
    samples: Annotated[int, Field(ge=2)] = 1000
    features: Count = 20
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
    Annotated[
        BundledSpec | SyntheticSpec | SyntheticRegressionSpec | CsvSpec | NpzSpec | ImagesSpec,
        Field(discriminator="kind"),
    ],
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


class LinearSpec(_DataProblem):
    """l2-regularised least squares: the mean of `(a·x - y)²` over samples with numbers as targets."""

    kind: Literal["linear-regression"]


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


class PlugInSpec(Spec):
    """A problem of the user's own: `kind: path/to/file.py:Class`, or the name of an entry point of the group
    `rfast_bench.problems`. All other keys are the keyword arguments of the class."""

    kind: str
    """With the file's whole path."""
    parameters: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _as_the_class_says(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict):
            return data
        given = {key: value for key, value in data.items() if key != "kind"}
        try:
            kind, model = _plugged(data["kind"], (info.context or {}).get("folder"))
        except UserError as problem:
            told = PydanticCustomError("plug_in", "{why}", {"why": str(problem)})
            details = InitErrorDetails(type=told, loc=("kind",), input=data)
            raise ValidationError.from_exception_data(cls.__name__, [details]) from problem
        checked = model.model_validate(given, context=info.context)
        return {"kind": kind, "parameters": {name: getattr(checked, name) for name in model.model_fields}}

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.parameters}

    def load(self) -> Any:
        """The class. Raises UserError."""
        return _load(self.kind, None)


def _load(kind: str, folder: Path | None) -> Any:
    if code.is_file(kind):
        return code.from_file(kind, folder, "problem")
    return code.plug_ins(code.PROBLEMS)[kind].load()


def _plugged(kind: str, folder: Path | None) -> tuple[str, type[Spec]]:
    """The kind with its file's whole path, and what may stand beside it. Raises UserError."""
    found = _load(kind, folder)
    if not isinstance(found, type):
        raise UserError(f"problem '{kind}' is no class")
    code.check_parameters(
        found, kind, "problem", ["workers", "seed"], "__init__(self, workers, seed, *, size: int = 10)"
    )
    model = code.parameters(found, Spec)
    return code.rooted(kind, folder, "problem") if code.is_file(kind) else kind, model


def _which(problem: Any) -> Any:
    """The tag of a problem, which is its kind but for a plug-in."""
    kind = problem.get("kind") if isinstance(problem, dict) else getattr(problem, "kind", None)
    if not isinstance(kind, str):
        return None
    return "(plug-in)" if code.is_file(kind) or kind in code.plug_ins(code.PROBLEMS) else kind


ProblemSpec = Annotated[
    Annotated[QuadraticSpec, Tag("quadratic")]
    | Annotated[LogisticSpec, Tag("logistic-regression")]
    | Annotated[LinearSpec, Tag("linear-regression")]
    | Annotated[MlpSpec, Tag("mlp")]
    | Annotated[TorchSpec, Tag("torch")]
    | Annotated[PlugInSpec, Tag("(plug-in)")],
    Discriminator(_which),
]
