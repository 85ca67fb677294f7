"""What `problem: {kind: torch}` says beside its data: a module, its loss, its metric. Defaults that users get."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from rfast_bench.errors import suggest
from rfast_bench.scenario.values.base import Code, Spec, is_code

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

    @model_validator(mode="before")
    @classmethod
    def _metric_of_the_loss(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("loss") == "mse":
            return {"metric": "r2", **data}
        return data

    @model_validator(mode="after")
    def _metric_fits(self) -> TorchKeys:
        if self.loss == "mse" and self.metric == "accuracy":
            raise ValueError("metric: accuracy is of classes, but loss is mse; allowed: r2, none, your own")
        return self
