"""How messages are lost: what a scenario may say of it, and the endurances that links draw for their messages."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from rfast_bench.scenario.sections.timing import Draws
from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.forms import POSITIVE, also, kind_said, text
from rfast_bench.scenario.values.units import Probability, apart


def mean_endurance(probability: float) -> float:
    """Of a message lost with this probability when it has the model's size: 1 / -log(1 - p), in model sizes.

    A message of b bytes is lost with probability 1 - (1 - p)^(b / model bytes). That is: the link bears an
    exponentially distributed size with this mean, drawn anew for each message, and loses what is larger.
    """
    if probability <= 0:
        return math.inf
    return 0.0 if probability >= 1 else -1.0 / math.log1p(-probability)


class Independent(Spec):
    """Every message of the model's size is lost with probability `probability`, independently."""

    model_config = ConfigDict(json_schema_extra=kind_said)

    kind: Literal["independent"] = "independent"
    """Messages are lost independently of one another; a bare number means this."""
    probability: Probability
    """Of a message of the model's size; smaller ones are lost less."""

    def endurances(self, rng: object, size: int, bad: bool | None) -> tuple[float | Draws, bool]:
        """Mean endurance of a link's next messages (see `mean_endurance`), and the state it is left in."""
        return mean_endurance(self.probability), False


class GilbertElliott(Spec):
    """Bursty loss: a link is good or bad and may change before each message (Gilbert 1960, Elliott 1963)."""

    kind: Literal["gilbert-elliott"]
    """Bursts, by how often the state of a link changes."""
    good_to_bad: float = Field(gt=0, le=1)
    """How likely a good link turns bad before a message."""
    bad_to_good: float = Field(gt=0, le=1)
    """How likely a bad link turns good before a message."""
    loss_good: Probability = 0.0
    """How likely a message is lost on a good link."""
    loss_bad: Probability = 1.0
    """How likely a message is lost on a bad link."""

    def endurances(
        self, rng: np.random.Generator | None, size: int, bad: bool | None
    ) -> tuple[float | Draws, bool]:
        """Mean endurance of each of a link's next `size` messages, and the state it is left in."""
        assert rng is not None
        if bad is None:
            bad = bool(rng.random() < self.good_to_bad / (self.good_to_bad + self.bad_to_good))
        of_good, of_bad = mean_endurance(self.loss_good), mean_endurance(self.loss_bad)
        out = np.empty(size)
        for k, u in enumerate(rng.random(size).tolist()):
            bad = u >= self.bad_to_good if bad else u < self.good_to_bad
            out[k] = of_bad if bad else of_good
        return out, bad


class Bursty(Spec):
    """A Gilbert-Elliott link by its mean loss and the mean length of its bursts; a bad link loses everything."""

    kind: Literal["bursty"]
    """Bursts, by their mean length and the mean loss."""
    probability: float = Field(ge=0, lt=1)
    """Share of messages lost in the long run."""
    burst: float = Field(default=8.0, ge=1)
    """Messages lost in a row, on average."""

    @model_validator(mode="after")
    def _possible(self) -> Bursty:
        most = self.burst / (self.burst + 1)
        if self.probability > most:
            raise ValueError(
                f"bursts of {self.burst:g} messages leave a good one between them: probability at most "
                f"{apart(self.probability, most)[1]}"
            )
        return self

    @property
    def good_to_bad(self) -> float:
        """How often a good link turns bad, such that the stationary share of bad ones is `probability`."""
        return self.probability / (self.burst * (1 - self.probability))

    def endurances(
        self, rng: np.random.Generator | None, size: int, bad: bool | None
    ) -> tuple[float | Draws, bool]:
        """Mean endurance of each of a link's next `size` messages, and the state it is left in."""
        if self.probability == 0:
            return math.inf, False
        link = GilbertElliott(
            kind="gilbert-elliott", good_to_bad=self.good_to_bad, bad_to_good=1 / self.burst
        )
        return link.endurances(rng, size, bad)


def _bare_probability(value: object) -> object:
    return {"kind": "independent", "probability": value} if isinstance(value, str | int | float) else value


LossModel = Annotated[
    Annotated[Independent | GilbertElliott | Bursty, Field(discriminator="kind")],
    BeforeValidator(_bare_probability),
    also({"type": "number", "minimum": 0, "maximum": 1}, text(POSITIVE)),
]
