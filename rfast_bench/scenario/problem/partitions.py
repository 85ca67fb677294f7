"""What a scenario may say under `problem.partition`: who holds which training samples."""

from __future__ import annotations

from math import isclose
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from rfast_bench.scenario.values.base import DataPath, Spec
from rfast_bench.scenario.values.bounds import Count
from rfast_bench.scenario.values.units import with_digits
from rfast_bench.scenario.values.words import BARE_WORD, bare_word

Share = Annotated[float, Field(gt=0)]


class PlainPartition(Spec):
    """`iid`: shuffled and cut evenly. `by-label`: sorted by label and cut evenly."""

    kind: Literal["iid", "by-label"]
    """Shuffled, or sorted by label; then cut evenly."""


class DirichletPartition(Spec):
    """Each class is split among the workers in proportions drawn from Dirichlet(alpha, ..., alpha)."""

    kind: Literal["dirichlet"]
    """Unequal mixes of classes."""
    alpha: Annotated[float, Field(gt=0)] = 0.1
    """The smaller, the more unequal are the mixes."""


class ShardsPartition(Spec):
    """Sorted by label, cut into `per_worker` pieces for each worker, pieces dealt at random."""

    kind: Literal["shards"]
    """Pieces of the sorted data, dealt at random."""
    per_worker: Count = 2
    """Pieces for each worker."""


class ClassesPartition(Spec):
    """Every worker holds samples of `per_worker` classes; those who share a class share it evenly."""

    kind: Literal["classes"]
    """A few classes for every worker."""
    per_worker: Count = 2
    """Classes of each worker."""


class QuantityPartition(Spec):
    """Shuffled; the shards' sizes are drawn from Dirichlet(alpha, ..., alpha)."""

    kind: Literal["quantity"]
    """Shards of unequal size."""
    alpha: Annotated[float, Field(gt=0)] = 0.5
    """The smaller, the more unequal are the sizes."""


def _size(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError as problem:
        raise ValueError("expected a count of at least 1, or a share above 0") from problem


class SizesPartition(Spec):
    """Shuffled; one size a worker: counts that add up to all training samples, or shares that add up to 1."""

    kind: Literal["sizes"]
    """Shards of given sizes."""
    sizes: Annotated[tuple[Annotated[Count | Share, WrapValidator(_size)], ...], Field(min_length=1)]
    """One a worker: counts that add up to all training samples, or shares that add up to 1."""

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
    """Each sample goes to the worker that its owner stands for, in sorted order of owners."""

    kind: Literal["by-column"]
    """A worker for every owner of samples."""
    column: str | None = None
    """The column of a CSV file, or the array of an NPZ archive, that names owners; other data sets bring theirs."""


class FilePartition(Spec):
    """A list of row numbers (from 0, of the data as read) for each worker."""

    kind: Literal["file"]
    """A list of rows for each worker."""
    path: DataPath
    """The file: JSON, or a line for each worker."""
    unused: bool = False
    """Rows on no list train nobody, instead of being refused."""


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
    BeforeValidator(bare_word),
    BARE_WORD,
]
