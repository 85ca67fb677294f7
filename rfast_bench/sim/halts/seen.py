"""As much of a driver and its workers as is looked at from here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rfast_bench.api import Activity, Algorithm
from rfast_bench.sim.network.node import SimNode


class Seen(Protocol):
    """A simulated worker."""

    number: int
    node: SimNode
    algorithm: Algorithm
    activity: Any
    breaker: Any
    life: int
    paused: Any


class SeenDriver(Protocol):
    """Who drives the workers. `ended`: activities that are over; `all_reduce.parts`: of a mean that is not complete."""

    iterations: int
    samples: int

    @property
    def clock(self) -> Any: ...

    @property
    def all_reduce(self) -> Any: ...

    @property
    def workers(self) -> Sequence[Seen]: ...

    @property
    def ended(self) -> Sequence[tuple[Seen, Activity]]: ...
