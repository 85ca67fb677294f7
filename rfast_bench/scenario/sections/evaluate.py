"""When models are looked at, which ones and over how many samples, and the values that are to be reached."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rfast_bench.scenario.values.base import Spec, without
from rfast_bench.scenario.values.forms import PLAIN, TIME, Form, also, instead, one_of, some_of, text
from rfast_bench.scenario.values.metrics import Whose, number, of_workers, words, worker_of
from rfast_bench.scenario.values.targets import NO_TARGET, TARGETS_FORM, Accuracy, Gap, Loss, read_targets
from rfast_bench.scenario.values.units import PositiveSeconds, seconds


class Every(Spec):
    """The evaluation grid: every so many seconds, or epochs, or iterations per worker."""

    model_config = ConfigDict(json_schema_extra=one_of("seconds", "epochs", "iterations"))

    seconds: PositiveSeconds | None = None
    """So many seconds of the run's clock."""
    epochs: float | None = Field(default=None, gt=0)
    """So many passes over all training samples, by all workers together."""
    iterations: float | None = Field(default=None, gt=0)
    """So many iterations per worker."""

    @model_validator(mode="after")
    def _one_grid(self) -> Every:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("needs exactly one of seconds, epochs, iterations")
        return self


def _every(value: object) -> object:
    """`1 s`, `0.5 epochs`, `10 iterations`; a bare number is seconds."""
    if isinstance(value, int | float):
        return {"seconds": value}
    if not isinstance(value, str):
        return value
    counted = re.fullmatch(r"\s*([-+0-9.eE]+)\s*(epoch|iteration)s?\s*", value)
    if counted:
        return {counted[2] + "s": counted[1]}
    return {"seconds": seconds(value)}


EVERY = also(
    {"type": "number", "exclusiveMinimum": 0},
    text(rf"^\s*\+?(?:{PLAIN})\s*(?:epochs?|iterations?|{TIME})?\s*$", "1 s", "0.5 epochs", "10 iterations"),
)
TARGETS = "evaluate.targets"
CHEAP = ("quadratic", "logistic-regression", "linear-regression")
"""Problems of which a loss costs little beside a run."""
SOME = 4
"""So many workers are judged where nothing is said, evenly spread from worker 0 on."""


def _chosen(value: object) -> object:
    """`mean`, `all` or None as they are, one worker's number or several as a tuple. Raises ValueError."""
    if value is None or (isinstance(value, str) and value in ("mean", "all")):
        return value
    several = tuple(value) if isinstance(value, list | tuple) else (value,)
    if all(isinstance(k, int) and not isinstance(k, bool) and k >= 0 for k in several):
        return several
    found = f" (found {value!r})" if isinstance(value, dict) else ""  # of others it is told anyway
    raise ValueError(f"expected mean, all, a worker's number or a list of them{found}")


_NUMBER: Form = {"type": "integer", "minimum": 0}
CHOSEN: Form = {
    "anyOf": [
        {"enum": ["mean", "all", None]},
        _NUMBER,
        {"type": "array", "items": _NUMBER, "minItems": 1, "uniqueItems": True},
    ]
}
"""What `_chosen` reads."""


class Target(Spec):
    """A value to reach: of the loss or the gap from above, of the accuracy from below."""

    model_config = ConfigDict(json_schema_extra=some_of("loss", "gap", "accuracy"))

    loss: Loss | None = None
    """The loss is at most this."""
    gap: Gap | None = None
    """The loss is at most this above its optimum."""
    accuracy: Accuracy | None = None
    """The accuracy is at least this: a share, or what `problem.metric` gives."""
    of: Whose = "mean"
    """Whose model is to reach it."""

    @model_validator(mode="after")
    def _some_target(self) -> Target:
        if not self.wanted:
            raise ValueError(NO_TARGET)
        return self

    @property
    def wanted(self) -> dict[str, float]:
        """The value to reach of each number."""
        values = {"loss": self.loss, "gap": self.gap, "accuracy": self.accuracy}
        return {number(metric, self.of): v for metric, v in values.items() if v is not None}

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without(("of",), self, handler(self))


class Evaluate(Spec):
    """When models are looked at and how, and the values whose times of arrival the tables give."""

    every: Annotated[Every, BeforeValidator(_every), EVERY]
    """How often: `1 s`, `0.5 epochs`, `10 iterations`; a bare number is seconds."""
    targets: Annotated[dict[str, tuple[float, ...]], BeforeValidator(read_targets), instead(TARGETS_FORM)] = (
        Field(default_factory=dict)
    )
    """Values to reach, of `loss`, `gap` and `accuracy`, by whose models: tables give the time at which each is."""
    samples: Annotated[int, Field(gt=0)] | Literal["all"] | None = None
    """Of `kind: torch`: how many training samples, at most, the loss is of; null is the problem's own choice."""
    workers: Annotated[
        Literal["mean", "all"] | tuple[int, ...] | None, BeforeValidator(_chosen), instead(CHOSEN)
    ] = None
    """Whose own models are measured beside the mean model: nobody's (`mean`), all workers', or those of these; null:
    four workers' where that costs little, nobody's where it does not, and all where a target asks for them."""

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Records of scenarios that do not have the last two keys are as they were before there were any."""
        plain: dict[str, Any] = handler(self)
        return without(("samples", "workers"), self, plain)

    def judged(self, kind: str, workers: int, waited_for: Iterable[str]) -> tuple[int, ...]:
        """The workers whose own models count for the median and the worst.

        Of a problem of this kind where nothing is said: some, none where a loss may cost as much as a run; all where
        the worst or the median is among the numbers that are waited for.
        """
        if isinstance(self.workers, tuple):
            return self.workers
        if self.workers == "all" or any(map(of_workers, waited_for)):
            return tuple(range(workers))
        if self.workers == "mean" or kind not in CHEAP:
            return ()
        return tuple(dict.fromkeys(k * workers // SOME for k in range(SOME)))


def wrong_samples(evaluate: Evaluate, kind: str) -> str:
    """Why a problem of this kind cannot be evaluated on some samples, if it cannot."""
    if evaluate.samples is None or kind == "torch":
        return ""
    return (
        f"samples is for problem.kind: torch; the loss of {kind} is always of all training samples, and so are the gap "
        "and the optimum where there are any; leave it out"
    )


def wrong_workers(evaluate: Evaluate, asked: Iterable[tuple[str, str]], workers: int) -> str:
    """Why workers cannot be judged as it is said, if they cannot; `asked`: keys, and the numbers they wait for."""
    chosen = evaluate.workers
    own = chosen if isinstance(chosen, tuple) else ()
    if isinstance(chosen, tuple) and len(set(own)) < max(1, len(own)):
        return "evaluate.workers: each worker once, and one at least; or mean, or all"
    named = [("evaluate.workers", k) for k in own]
    named += [(_says_whom(key), k) for key, name in asked if (k := worker_of(name)) is not None]
    for key, worker in named:
        if worker >= workers:
            return f"{key}: names worker {worker}; workers are 0 to {workers - 1}"
    for key, name in asked:
        if chosen == "mean" and of_workers(name):
            return (
                f"evaluate.workers: mean measures no worker's own model, but {words(name)} is wanted by {key}; say "
                "all, or which"
            )
    return ""


def _says_whom(key: str) -> str:
    """The key that names the worker: elsewhere than among the targets of tables it is always `of`."""
    return key if key == TARGETS else f"{key.removesuffix('.time_to').removesuffix('.final')}.of"
