"""What a worker is given, and what its driver works with: its log, coroutines that wait, and threads that fail."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rfast_bench.api import Activity
from rfast_bench.plan.runs import Run


@dataclass(frozen=True)
class Job:
    """What all workers of a run are given."""

    run: Run
    token: bytes
    """Eight bytes that name this run on the network."""
    folder: Path
    """Where the workers leave their results."""
    prefix: str = ""
    """Of this run's keys, in a store that other runs use too."""
    host: str = ""
    """The address to bind to, when it is not the one the scenario names."""


@dataclass
class Work:
    """What a worker works on, given from outside."""

    gradient: Callable[[Any, Any], Any]
    """(point, batch) to the worker's stochastic gradient."""
    batches: Iterator[Any]
    size: Callable[[Any], int]
    mean: Callable[[Any, Sequence[Callable[[], object]]], Any]
    """A vector to its mean over all workers; blocks. In as many pieces as there are waits, if any: each is sent when
    its wait is over."""
    wait_until: Callable[[float], object]
    """A time of the run's clock; sooner over when the run ends."""


@dataclass
class Waiting:
    """A coroutine that waits for mail: when it may go on, and with what."""

    activity: Activity
    ready: Callable[[], float]
    take: Callable[[float], Any]


class Log:
    """When gradients were asked for and done, in seconds of the run's clock."""

    def __init__(self) -> None:
        self.asked, self.done = array("d"), array("d")
        self.parked = math.nan  # when the budget was used up
        self.samples = 0


class Reporting:
    """Around the body of a thread: tells what it raises."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, problem: BaseException | None, trace: Any) -> Literal[True]:
        if problem is not None:
            self._failed(problem)
        return True
