"""How long gradients take: one distribution for all workers, one a worker, or measured times by device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import Discriminator, Tag

from rfast_bench.scenario.sections.timing import Draws, Empirical, Work, mean_time


def _form(value: object) -> str:
    return "(each)" if isinstance(value, list | tuple) else "(all)"


Compute = Annotated[
    Annotated[Work, Tag("(all)")] | Annotated[tuple[Work, ...], Tag("(each)")], Discriminator(_form)
]
"""One distribution for all workers, or one a worker."""


class Times(Protocol):
    """One worker's times."""

    @property
    def samples(self) -> int | None: ...

    @property
    def fixed(self) -> float | None: ...

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        """So many of them, in seconds."""


@dataclass(frozen=True)
class Device:
    """Measured times of one device, seconds."""

    values: Draws
    samples: int | None
    fixed: float | None

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        """With replacement."""
        drawn: Draws = self.values[rng.integers(len(self.values), size=size)]
        return drawn


def by_worker(compute: Compute) -> bool:
    """Whether workers have times of their own."""
    return isinstance(compute, tuple) or (isinstance(compute, Empirical) and compute.by is not None)


def times_of(compute: Compute, worker: int) -> Times:
    """What one worker draws its times from; of measured devices worker i takes the i-th, round and round."""
    if isinstance(compute, tuple):
        return times_of(compute[worker], worker)
    if isinstance(compute, Empirical) and compute.by is not None:
        return Device(compute.of_device(worker), compute.samples, compute.fixed)
    return compute


def seconds_for(times: Times, drawn: Any, samples: float) -> Any:
    """What a gradient of so many samples takes for a drawn time: `fixed + (T - fixed) b / samples`.

    A time that is drawn below `fixed` is all fixed, so that no batch takes less than nothing.
    """
    if times.samples is None:
        return drawn
    fixed = np.minimum(times.fixed or 0.0, drawn)
    return fixed + (drawn - fixed) * (samples / times.samples)


def mean_compute(compute: Compute, workers: int, samples: float | None = None) -> float:
    """Mean seconds of a gradient of so many samples at full speed, over the workers; None: as many as stated."""
    if not by_worker(compute):
        return _mean(compute, mean_time(compute), samples)  # type: ignore[arg-type]
    return float(np.mean([own_mean(compute, worker, samples) for worker in range(workers)]))


def own_mean(compute: Compute, worker: int, samples: float | None = None) -> float:
    """The same of one worker."""
    own = times_of(compute, worker)
    mean = float(own.values.mean()) if isinstance(own, Device) else mean_time(own)  # type: ignore[arg-type]
    return _mean(own, mean, samples)


def _mean(times: Times, mean: float, samples: float | None) -> float:
    return mean if samples is None else float(seconds_for(times, mean, samples))


def says_samples(compute: Compute) -> bool:
    """Whether it says for how many samples each of its times holds."""
    each = compute if isinstance(compute, tuple) else (compute,)
    return all(times.samples is not None for times in each)


def wrong_compute(compute: Compute, workers: int | None) -> str:
    """What is wrong with it for so many workers, if anything."""
    each = compute if isinstance(compute, tuple) else (compute,)
    if isinstance(compute, tuple) and workers is not None and len(each) != workers:
        return f"{len(each)} distributions for {workers} workers; a list has one a worker"
    if any(times.mean == 0 for times in each):
        return "a gradient must take time, or the clock never moves"
    return ""
