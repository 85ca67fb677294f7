"""Keeps a worker's models at the points where they will be evaluated, after the run.

A model changes only when algorithm code runs, and arrays are never changed in place. So nothing wakes at a
grid point: the driver calls `before` before it runs algorithm code, and whatever points have passed meanwhile
belong to the model as it is. Keeping a reference is all it takes, or a copy on the host of what is on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from rfast_bench.api import Algorithm
from rfast_bench.real.samples.kept_models import KeptModels
from rfast_bench.scenario.schema import Every

Counters = tuple[float, ...]
FINER = 8
"""How much oftener an asynchronous worker keeps its model than all of them are looked at. At a look, which comes when
all together have done so much, a worker shows the newest that it has kept: four times slower than the others, it would
show one of four looks ago. Rounds need none of it."""
COUNTED = ("gradients", "iterations", "samples", "sent", "lost", "superseded", "bytes")


class Sampler:
    """One worker's samples: (time, model, counters), the counters as `COUNTED` names them."""

    def __init__(
        self,
        every: Every,
        algorithm: Algorithm,
        models: KeptModels,
        counters: Callable[[], Counters],
        epochs: Callable[[], float] = lambda: 0.0,
        finer: int = 1,
    ) -> None:
        """`epochs` says how many epochs all workers would have done, had they done what this one has. `finer`: how
        often a model is kept while `every` passes, where that is no time."""
        self.times: list[float] = []
        self.models = models
        self.counters: list[Counters] = []
        self._algorithm = algorithm
        self._read = counters
        self._epochs = epochs if every.epochs else None
        self._seconds = every.seconds
        self._step = (
            max(1.0, every.iterations / finer) if every.iterations else (every.epochs or math.inf) / finer
        )
        self._point = 0  # of the grid of seconds
        self._counted = 0

    @property
    def _next(self) -> float:
        return self._point * (self._seconds or math.inf) if self._point else 0.0

    def skip(self, now: float) -> None:
        """Begin at `now`, in a run that is under way."""
        self._point = int(now / self._seconds) + 1 if self._seconds else 0

    def before(self, now: float) -> None:
        """Algorithm code is about to run at `now`."""
        while self._next <= now:
            self.take(self._next)
            self._point += 1

    def iteration(self, now: float, iterations: int) -> None:
        """The worker has completed an iteration."""
        done = iterations if self._epochs is None else self._epochs()
        if done >= (self._counted + 1) * self._step:
            self._counted = int(done / self._step)
            self.take(now)

    def take(self, time: float) -> None:
        """Keep the model as it is now."""
        self.times.append(time)
        self.models.keep(self._algorithm.model)
        self.counters.append(self._read())
