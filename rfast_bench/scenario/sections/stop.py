"""What a scenario may say under `stop:`: when a run ends."""

from __future__ import annotations

from pydantic import ConfigDict, Field, model_validator

from rfast_bench.scenario.sections.evaluate import Target
from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.forms import some_of
from rfast_bench.scenario.values.units import PositiveSeconds


class StopRule(Spec):
    """A run ends with the first rule that fires. At least one is needed."""

    model_config = ConfigDict(json_schema_extra=some_of("time", "iterations", "epochs"))

    time: PositiveSeconds | None = None
    """Seconds of the run's clock."""
    iterations: int | None = Field(default=None, gt=0)
    """Iterations per worker: of each for synchronous methods, on average for asynchronous ones."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over all training samples, by all workers together."""
    target: Target | None = None
    """All of these values are reached at one evaluation."""

    @model_validator(mode="after")
    def _some_rule(self) -> StopRule:
        if self.time is None and self.iterations is None and self.epochs is None:
            raise ValueError("needs at least one of time, iterations, epochs (a target alone may never come)")
        return self
