"""What `problem: {kind: torch}` says beside its data: a module, its loss, its metric. Defaults that users get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rfast_bench.errors import suggest
from rfast_bench.scenario.values.base import CODE, Code, Spec, is_code, without
from rfast_bench.scenario.values.forms import Reads, instead, text

MODELS = ("lenet", "resnet20", "transformer")
LOSSES = ("cross-entropy", "mse", "bce-with-logits")
METRICS = ("accuracy", "r2", "none")


def _known(words: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if not is_code(text) and text not in words:
            raise ValueError(f"unknown name '{text}'{suggest(text, words)}, or path/to/file.py:name")
        return text

    return AfterValidator(check)


def _words(words: tuple[str, ...]) -> Reads:
    return instead({"anyOf": [{"enum": list(words)}, text(CODE, "my_net.py:Net")]})


class TorchKeys(Spec):
    """A torch module as the model; `file.py:name` is a callable of the user's own."""

    model: Annotated[Code, _known(MODELS), _words(MODELS)]
    """A shipped network, or a callable that gives a `torch.nn.Module`."""
    model_args: dict[str, Any] = Field(default_factory=dict)
    """What the model is called with, by keyword."""
    loss: Annotated[Code, _known(LOSSES), _words(LOSSES)] = "cross-entropy"
    """The loss; a callable takes (outputs, targets) and gives one loss a sample."""
    metric: Annotated[Code, _known(METRICS), _words(METRICS)] = "accuracy"
    """What stands as accuracy; a callable takes (outputs, targets) of all held-out samples. With `mse` it is `r2`."""
    recalibrate: Annotated[int, Field(ge=1)] = 20
    """Training batches over which BatchNorm's statistics are computed before a model is evaluated."""
    targets: Literal["classes", "numbers"] | None = None
    """What the loss takes; null is as its name has it, or, of one of your own, as the targets look."""

    @model_validator(mode="before")
    @classmethod
    def _metric_of_the_loss(cls, data: Any) -> Any:
        if isinstance(data, dict) and (data.get("loss") == "mse" or _own_numbers(data)):
            return {"metric": "r2", **data}
        return data

    @model_validator(mode="after")
    def _metric_fits(self) -> TorchKeys:
        known = {"cross-entropy": "classes", "mse": "numbers"}.get(self.loss, self.targets)
        if self.targets not in (None, known):
            raise ValueError(
                f"targets: {self.targets} is at odds with loss: {self.loss}, which takes {known}"
            )
        if self.loss == "mse" and self.metric == "accuracy":
            raise ValueError("metric: accuracy is of classes, but loss is mse; allowed: r2, none, your own")
        if self.metric == "accuracy" and _own_numbers({"loss": self.loss, "targets": self.targets}):
            raise ValueError(
                "metric: accuracy is of classes, but targets are numbers; allowed: r2, none, your own"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Records of networks that do not say `targets` are as they were before there was the key."""
        return without(("targets",), self, handler(self))


def _own_numbers(keys: Mapping[str, Any]) -> bool:
    """Whether a loss of the user's own is said to take numbers."""
    return keys.get("targets") == "numbers" and is_code(str(keys.get("loss")))
