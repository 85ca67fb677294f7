"""What a scenario may say of how the simulated world is computed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.units import PositiveSeconds


class Simulation(Spec):
    """How the simulated world is computed; none of it changes what is computed, but for rounding."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where models and data live: `cuda` is the first GPU that the process sees."""
    gradient_batch: int | None = Field(default=None, gt=0)
    """Gradients evaluated in one call at most; None is as many as stay in cache, 1 is one by one."""
    timeline: PositiveSeconds | None = None
    """How long each worker's computing intervals are recorded; None is twenty mean compute times."""
