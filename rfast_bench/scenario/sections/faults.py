"""Workers that die and perhaps come back: what a scenario may say of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rfast_bench.scenario.sections.base import Spec
from rfast_bench.scenario.sections.units import PositiveSeconds, Seconds


class Fault(Spec):
    """Worker `worker` dies at `down`, with all it knew and all that is under way to it.

    Started again at `up` it holds the start model (`empty`), or what it held `snapshot_age` before it died.
    """

    worker: int = Field(ge=0)
    down: PositiveSeconds
    up: PositiveSeconds | None = None
    state: Literal["empty", "snapshot"] = "empty"
    snapshot_age: Seconds = 0.0

    @model_validator(mode="after")
    def _up_after_down(self) -> Fault:
        if self.up is not None and self.up <= self.down:
            raise ValueError(f"up ({self.up} s) must come after down ({self.down} s)")
        if self.snapshot_age > self.down:
            raise ValueError(f"snapshot_age ({self.snapshot_age} s) reaches before the start")
        return self
