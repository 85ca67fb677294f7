"""What `problem: {kind: torch}` says beside its data: a module, its loss, its metric. Defaults that users get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rfast_bench.errors import suggest
from rfast_bench.scenario.values.base import Code, Spec, is_code, without

MODELS = ("lenet", "resnet20", "transformer")
LOSSES = ("cross-entropy", "mse", "bce-with-logits")
METRICS = ("accuracy", "r2", "none")


def _known(words: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if not is_code(text) and text not in words:
            raise ValueError(f"unknown name '{text}'{suggest(text, words)}, or path/to/file.py:name")
        return text

    return AfterValidator(check)


class TorchKeys(Spec):
    """A torch module as the model; `file.py:name` is a callable of the user's own.

    `model` is called with `model_args` and gives the module; `loss` takes (outputs, targets) and gives one loss a
    sample; `metric` takes (outputs, targets) of all held-out samples and gives a number. `recalibrate`: over how many
    training batches BatchNorm's statistics are computed before a model is evaluated.
    """

    model: Annotated[Code, _known(MODELS)]
    model_args: dict[str, Any] = Field(default_factory=dict)
    loss: Annotated[Code, _known(LOSSES)] = "cross-entropy"
    metric: Annotated[Code, _known(METRICS)] = "accuracy"
    """`r2` when the loss is `mse`."""
    recalibrate: Annotated[int, Field(ge=1)] = 20
    targets: Literal["classes", "numbers"] | None = None
    """What the loss takes; None is as its name has it, or, of one of the user's own, as the targets look."""

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
