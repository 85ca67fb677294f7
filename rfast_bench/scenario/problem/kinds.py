"""What a scenario may say under `problem:`. The values here are the defaults that users get."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from rfast_bench.errors import UserError
from rfast_bench.scenario.problem.data import BundledSpec, DatasetSpec, NonNegative
from rfast_bench.scenario.problem.partitions import PartitionSpec, PlainPartition
from rfast_bench.scenario.problem.torch_keys import TorchKeys
from rfast_bench.scenario.user_files import code
from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.bounds import Count
from rfast_bench.scenario.values.forms import Form, text

DType = Literal["float64", "float32"]


# --------------------------------------------------------------------------------------------- problems
class QuadraticSpec(Spec):
    """`f_i(x) = ½ (x − b_i)ᵀ H_i (x − b_i)`; the mean of the H_i has eigenvalues from 1/condition to 1."""

    kind: Literal["quadratic"]
    """A quadratic function for every worker, whose optimum is known."""
    dim: Annotated[int, Field(ge=1, le=10**4)] = 20
    """Number of coordinates."""
    condition: Annotated[float, Field(ge=1)] = 10.0
    """The largest eigenvalue of the mean of the H_i over the smallest."""
    heterogeneity: NonNegative = 1.0
    """How different the workers are; 0 gives all the same H and b."""
    noise: NonNegative = 0.0
    """Standard deviation of each coordinate of the noise that is added to a gradient."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of H_i and b_i; the run's seed does not change them."""
    dtype: DType = "float64"
    """Of models and messages."""


class LearningSpec(Spec):
    """What all problems over samples have in common."""

    kind: str
    dataset: DatasetSpec = BundledSpec(kind="digits")
    """Which samples there are: a name, or a mapping with `kind`."""
    partition: PartitionSpec = PlainPartition(kind="iid")
    """Who holds which training samples: a name, or a mapping with `kind`."""
    batch_size: Count | Literal["full"] = 32
    """Samples of one gradient; `full` is the exact gradient of the shard."""
    sampling: Literal["without-replacement", "with-replacement"] = "without-replacement"
    """How batches are drawn; without replacement each local pass is a fresh permutation of the shard."""
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """The share of samples that is held out for accuracy; image sets bring their own, which any value above 0 uses."""
    l2: NonNegative = 1e-3
    """Adds this times half the squared norm of the model to the loss."""
    dtype: DType = "float64"
    """Of models, features and messages."""

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
    """Logistic regression, for classes."""


class LinearSpec(LearningSpec):
    """l2-regularised least squares: the mean of `(a·x - y)²` over samples with numbers as targets."""

    kind: Literal["linear-regression"]
    """Least squares, for numbers."""


class MlpSpec(LearningSpec):
    """A fully connected network with cross-entropy loss."""

    kind: Literal["mlp"]
    """A small fully connected network, for classes."""
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (32,)
    """The widths of its hidden layers."""
    activation: Literal["tanh", "relu"] = "tanh"
    """What is between the layers."""


class TorchSpec(TorchKeys, LearningSpec):
    """A torch module of the user's own, or a shipped one; weight decay is the optimiser's, so `l2` is 0."""

    kind: Literal["torch"]
    """Any torch module."""
    l2: NonNegative = 0.0
    """Adds this times half the squared norm of the model to the loss."""
    dtype: DType = "float32"
    """Of models, features and messages."""


class PlugInSpec(Spec):
    """A problem of the user's own: `kind: path/to/file.py:Class`, or the name of an entry point of the group
    `rfast_bench.problems`. All other keys are the keyword arguments of the class."""

    kind: str
    """`path/to/file.py:Class`, or the name of an entry point."""
    parameters: dict[str, Any]
    """Those of the class."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Form:
        own = handler(core)
        kinds: list[Form] = [text(code.IS_FILE, "my_problem.py:MyProblem")]
        if plugged := sorted(code.plug_ins(code.PROBLEMS)):
            kinds.append({"enum": plugged})
        mapping = handler.resolve_ref_schema(own)
        mapping["properties"] = {
            "kind": {"anyOf": kinds, "description": mapping["properties"]["kind"]["description"]}
        }
        mapping |= {"required": ["kind"], "additionalProperties": True}
        return own

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


SHIPPED = ("quadratic", "logistic-regression", "linear-regression", "mlp", "torch")
ProblemSpec = Annotated[
    Annotated[QuadraticSpec, Tag("quadratic")]
    | Annotated[LogisticSpec, Tag("logistic-regression")]
    | Annotated[LinearSpec, Tag("linear-regression")]
    | Annotated[MlpSpec, Tag("mlp")]
    | Annotated[TorchSpec, Tag("torch")]
    | Annotated[PlugInSpec, Tag("(plug-in)")],
    Discriminator(_which),
]
