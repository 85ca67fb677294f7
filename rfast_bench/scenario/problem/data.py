"""What a scenario may say under `problem.dataset` and `problem.partition`: which samples, and who holds them."""

from __future__ import annotations

from math import isclose
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)

from rfast_bench.scenario.problem.data_folders import with_folder
from rfast_bench.scenario.problem.synthetic import SyntheticRegressionSpec, SyntheticSpec
from rfast_bench.scenario.values.base import DataPath, SourceName, Spec, without
from rfast_bench.scenario.values.bounds import Count
from rfast_bench.scenario.values.units import with_digits

NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0)]


def _one_of_them(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_of_them)]
"""Of columns; a single one may stand for itself."""


def _bare_word(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


# --------------------------------------------------------------------------------------------- data sets
class BundledSpec(Spec):
    """A small data set that comes with scikit-learn; `diabetes` has numbers for targets, the others classes.

    `limit`: only its first so-many samples.
    """

    kind: Literal["digits", "breast_cancer", "wine", "diabetes"]
    limit: Count | None = None


class CsvSpec(Spec):
    """A table with a header line; `target` names the column to learn, all others are features.

    A column that `partition: {kind: by-column, column: ...}` names says who owns a row, and is no feature; nor are
    those of `drop`. `keep`: features that look like the number of the row.
    """

    kind: Literal["csv"]
    path: DataPath
    target: str
    drop: Names = ()
    keep: Names = ()
    limit: Count | None = None

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Records of tables that do not have the two keys are as they were before there were any."""
        return without(("drop", "keep"), self, handler(self))


class NpzSpec(Spec):
    """A NumPy archive; `x` and `y` name its arrays of features (samples first) and of targets."""

    kind: Literal["npz"]
    path: DataPath
    x: str = "X"
    y: str = "y"
    limit: Count | None = None


class ImagesSpec(Spec):
    """A folder with the original files of an image set, which brings its own test set.

    `limit`: only the first so-many training images, and at most as many test images.
    """

    kind: Literal["mnist", "cifar-10", "svhn"]
    path: DataPath
    limit: Count | None = None


class FashionSpec(Spec):
    """Fashion-MNIST. Without `path` it is looked for where it usually is (`data_folders.py`)."""

    kind: Literal["fashion-mnist"]
    path: DataPath | None = None
    limit: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _where_it_usually_is(cls, data: Any) -> Any:
        return with_folder(data)


class Cifar100Spec(Spec):
    """CIFAR-100; `labels` chooses its 100 classes or the 20 that they are grouped in."""

    kind: Literal["cifar-100"]
    path: DataPath
    labels: Literal["fine", "coarse"] = "fine"
    limit: Count | None = None


class FemnistSpec(Spec):
    """LEAF's FEMNIST: a folder with `train/*.json` and `test/*.json`, each sample of one writer, its owner.

    `users`: only the first so-many writers.
    """

    kind: Literal["femnist"]
    path: DataPath
    users: Count | None = None
    limit: Count | None = None


class TextSpec(Spec):
    """A text file, character by character: from `length` characters the next one is to be predicted.

    Windows start every `stride` characters (default: `length`, so that they do not overlap).
    """

    kind: Literal["text"]
    path: DataPath
    length: Count = 64
    stride: Count | None = None
    limit: Count | None = None


class PythonSpec(Spec):
    """What a function of the user's own gives, called with `args`: arrays or map-style data sets.

    `x`, `y`, `owner`: keys of its samples where these are dictionaries; by default those in use elsewhere.
    Features are taken as they are, or, with `standardise`, to mean 0 and variance 1 on the training part.
    """

    kind: Literal["python"]
    source: SourceName
    args: dict[str, Any] = Field(default_factory=dict)
    x: str | None = None
    y: str | None = None
    owner: str | None = None
    standardise: bool = False
    limit: Count | None = None


DatasetSpec = Annotated[
    Annotated[
        BundledSpec
        | SyntheticSpec
        | SyntheticRegressionSpec
        | CsvSpec
        | NpzSpec
        | ImagesSpec
        | FashionSpec
        | Cifar100Spec
        | FemnistSpec
        | TextSpec
        | PythonSpec,
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


class ClassesPartition(Spec):
    """Every worker holds samples of `per_worker` classes; those who share a class share it evenly."""

    kind: Literal["classes"]
    per_worker: Count = 2


class QuantityPartition(Spec):
    """Shuffled; the shards' sizes are drawn from Dirichlet(alpha, ..., alpha)."""

    kind: Literal["quantity"]
    alpha: Annotated[float, Field(gt=0)] = 0.5


def _size(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError as problem:
        raise ValueError("expected a count of at least 1, or a share above 0") from problem


class SizesPartition(Spec):
    """Shuffled; one size a worker: counts that add up to all training samples, or shares that add up to 1."""

    kind: Literal["sizes"]
    sizes: Annotated[tuple[Annotated[Count | Share, WrapValidator(_size)], ...], Field(min_length=1)]

    @field_validator("sizes")
    @classmethod
    def _shares_add_up(cls, sizes: tuple[float, ...]) -> tuple[float, ...]:
        whole = sum(sizes)
        if not all(isinstance(size, int) for size in sizes) and not isclose(whole, 1, abs_tol=1e-6):
            raise ValueError(
                f"shares that add up to {with_digits(whole, 1)}; allowed: shares that add up to 1, or counts"
            )
        return sizes


class ColumnPartition(Spec):
    """Each sample goes to the worker that its owner stands for, in sorted order of owners.

    `column`: of a CSV file, or an array of an NPZ archive; other data sets bring their owners.
    """

    kind: Literal["by-column"]
    column: str | None = None


class FilePartition(Spec):
    """A list of row numbers (from 0, of the data as read) for each worker, as JSON or one line a worker.

    `unused`: rows on no list train nobody, instead of being refused.
    """

    kind: Literal["file"]
    path: DataPath
    unused: bool = False


PartitionSpec = Annotated[
    Annotated[
        PlainPartition
        | DirichletPartition
        | ShardsPartition
        | ClassesPartition
        | QuantityPartition
        | SizesPartition
        | ColumnPartition
        | FilePartition,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_bare_word),
]
