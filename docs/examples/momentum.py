"""R-FAST with heavy-ball momentum: a class derived from R-FAST's, with another local step and nothing else.

    here    meaning
    γ       step_size
    β       beta: how much of its last move a worker makes again
    before  x before the last move

The ledger knows of gradients alone, so the invariant is R-FAST's and is kept. In the long run a step is 1/(1 − β)
times as large, which `effective_step` says: so `step_size: {effective: 0.1}` means the same for every β.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Lt

from rfast_bench.algorithms.r_fast import RFast
from rfast_bench.api import StepSize, Vector


class MomentumRFast(RFast):  # type: ignore[misc, unused-ignore]
    """v = x - γ z + β (x - x before)."""

    def __init__(
        self, x0: Vector, *, step_size: StepSize, beta: Annotated[float, Ge(0), Lt(1)] = 0.5
    ) -> None:
        super().__init__(x0, step_size=step_size)
        self.beta, self.before = beta, x0

    def descend(self, x: Vector, z: Vector) -> Vector:
        v = super().descend(x, z) + self.beta * (x - self.before)
        self.before = x
        return v

    @classmethod
    def effective_step(
        cls, step_size: float, topology_factor: float, parameters: Mapping[str, Any] | None = None
    ) -> float:
        beta = parameters["beta"] if parameters else 0.5
        return step_size * topology_factor / (1 - beta)

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """R-FAST's, and the model before."""
        return super().vectors(edges_w, edges_a) + 1
