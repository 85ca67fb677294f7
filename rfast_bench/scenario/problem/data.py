"""What a scenario may say under `problem.dataset`: which samples there are. Who holds them: `partitions.py`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rfast_bench.scenario.problem.data_folders import with_folder
from rfast_bench.scenario.problem.synthetic import SyntheticRegressionSpec, SyntheticSpec
from rfast_bench.scenario.values.base import DataPath, SourceName, Spec, without
from rfast_bench.scenario.values.bounds import Count
from rfast_bench.scenario.values.forms import also
from rfast_bench.scenario.values.words import BARE_WORD, bare_word

NonNegative = Annotated[float, Field(ge=0)]


def _one_of_them(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_of_them), also({"type": "string"})]
"""Of columns; a single one may stand for itself."""


# --------------------------------------------------------------------------------------------- data sets
class BundledSpec(Spec):
    """A small data set that comes with scikit-learn; `diabetes` has numbers for targets, the others classes."""

    kind: Literal["digits", "breast_cancer", "wine", "diabetes"]
    """A small data set that comes with scikit-learn."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""


class CsvSpec(Spec):
    """A table with a header line; `target` names the column to learn, all others are features.

    A column that `partition: {kind: by-column, column: ...}` names says who owns a row, and is no feature; nor are
    those of `drop`.
    """

    kind: Literal["csv"]
    """A table with a header line."""
    path: DataPath
    """The CSV file."""
    target: str
    """The column that is learned; all others are features."""
    drop: Names = ()
    """Columns that are left out."""
    keep: Names = ()
    """Columns that are features although they look like the number of the row."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Records of tables that do not have the two keys are as they were before there were any."""
        return without(("drop", "keep"), self, handler(self))


class NpzSpec(Spec):
    """A NumPy archive; `x` and `y` name its arrays of features (samples first) and of targets."""

    kind: Literal["npz"]
    """A NumPy archive."""
    path: DataPath
    """The file."""
    x: str = "X"
    """The array of features, samples first."""
    y: str = "y"
    """The array of targets."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""


class ImagesSpec(Spec):
    """A folder with the original files of an image set, which brings its own test set."""

    kind: Literal["mnist", "cifar-10", "svhn"]
    """An image set, of which nothing is downloaded."""
    path: DataPath
    """The folder with its original files."""
    limit: Count | None = None
    """Only the first so many training images, and at most as many test images; null: all."""


class FashionSpec(Spec):
    """Fashion-MNIST. Without `path` it is looked for where it usually is (`data_folders.py`)."""

    kind: Literal["fashion-mnist"]
    """Fashion-MNIST, of which nothing is downloaded."""
    path: DataPath | None = None
    """The folder with its original files; null: where it usually is."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""

    @model_validator(mode="before")
    @classmethod
    def _where_it_usually_is(cls, data: Any) -> Any:
        return with_folder(data)


class Cifar100Spec(Spec):
    """CIFAR-100."""

    kind: Literal["cifar-100"]
    """CIFAR-100, of which nothing is downloaded."""
    path: DataPath
    """The folder with its original files."""
    labels: Literal["fine", "coarse"] = "fine"
    """Its 100 classes, or the 20 that they are grouped in."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""


class FemnistSpec(Spec):
    """LEAF's FEMNIST: a folder with `train/*.json` and `test/*.json`, each sample of one writer, its owner."""

    kind: Literal["femnist"]
    """LEAF's FEMNIST, of which nothing is downloaded."""
    path: DataPath
    """The folder with `train` and `test`."""
    users: Count | None = None
    """Only the first so many writers; null: all."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""


class TextSpec(Spec):
    """A text file, character by character: from `length` characters the next one is to be predicted."""

    kind: Literal["text"]
    """A text, character by character."""
    path: DataPath
    """The file, in UTF-8."""
    length: Count = 64
    """Characters from which the next one is to be predicted."""
    stride: Count | None = None
    """A window starts every so many characters; null: as long as a window, so that they do not overlap."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""


class PythonSpec(Spec):
    """What a function of the user's own gives: arrays or map-style data sets."""

    kind: Literal["python"]
    """Data from a function."""
    source: SourceName
    """The function, as `path/to/file.py:name`."""
    args: dict[str, Any] = Field(default_factory=dict)
    """What it is called with, by keyword."""
    x: str | None = None
    """The key of a sample's features, where samples are dictionaries; null: the first that is in use elsewhere."""
    y: str | None = None
    """The key of a sample's target; null: the first that is in use elsewhere."""
    owner: str | None = None
    """The key of who holds a sample; null: the first that is in use elsewhere."""
    standardise: bool = False
    """Features get mean 0 and variance 1 on the training part, instead of staying as they are."""
    limit: Count | None = None
    """Only the first so many samples; null: all."""


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
    BeforeValidator(bare_word),
    BARE_WORD,
]
