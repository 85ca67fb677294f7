"""One simulated worker: its node, its algorithm, its shard, and the gradient that it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from rfast_bench.api import Algorithm
from rfast_bench.conditions.liveness import Liveness
from rfast_bench.scenario.sections.slowdown import Slowdown
from rfast_bench.sim.clock import Due
from rfast_bench.sim.gradients import Request
from rfast_bench.sim.network.node import SimNode


class OwnOptimizer(Protocol):
    """What a worker does to its gradients and its step size before its algorithm goes on (`optimizer.py`)."""

    def __call__(self, worker: Worker, gradient: Any) -> Any: ...

    def wake(self, worker: Worker) -> None: ...

    @property
    def memory(self) -> Any: ...

    def restore(self, memory: Any) -> None: ...


class Worker(Request):
    """A node with its algorithm, its shard's mini-batches, its slowdown of work, and the gradient that it computes."""

    __slots__ = (
        *(
            "activity",
            "algorithm",
            "asked",
            "away",
            "batches",
            "breaker",
            "busy",
            "computing",
            "done",
            "down",
        ),
        *(
            "intervals",
            "life",
            "liveness",
            "node",
            "optimizer",
            "paused",
            "slowdown",
            "samples",
            "shard",
            "until",
        ),
        *("wasted", "work"),
    )

    def __init__(
        self,
        node: SimNode,
        algorithm: Algorithm,
        batches: Iterator[Any],
        work: Iterator[float],
        slowdown: Slowdown,
    ) -> None:
        self.number = node.id
        self.node = node
        self.algorithm = algorithm
        self.batches = batches
        self.work = work  # seconds of each gradient at full speed
        self.slowdown = slowdown
        self.asked = 0  # gradients asked for; one fewer is the number of completed iterations
        self.down = False
        self.life = 0  # how often it has died
        self.away = False  # it has been paused for so long that the others have given it up
        self.paused: list[Callable[[], Any]] | None = (
            None  # what it will do when it goes on, while it is paused
        )
        self.liveness: Liveness | None = None
        self.optimizer: OwnOptimizer | None = None
        self.samples = 0
        self.busy = 0.0  # seconds of computing, up to `until`
        self.wasted = 0.0  # seconds of it for gradients that were given up
        self.until = 0.0  # when the gradient being computed is done
        self.intervals: list[tuple[float, float]] = []
        # the gradient that is being computed, and the coroutine that waits for it
        self.computing = False
        self.activity: Any = None
        self.breaker: Any = None  # what it would be given up for (`waiting.Breaker`), if anything
        self.at = self.batch = self.value = None
        self.done: Done
        self.shard: int  # samples of a gradient without a mini-batch


class Done(Due):
    """A worker's gradient is done. It has one such event, which is planned again and again."""

    __slots__ = ("worker",)

    def __init__(self, callbacks: Sequence[Callable[[Any], None]], worker: Worker) -> None:
        super().__init__(callbacks)
        self.worker = worker


def whose(workers: Sequence[Worker]) -> list[int]:
    """Whose models are looked at: of all who are there; where nobody is, of those who are only paused, and last of all
    of the dead, as they were."""
    for counts in (there, lambda worker: not worker.down):
        found = [k for k, worker in enumerate(workers) if counts(worker)]
        if found:
            return found
    return list(range(len(workers)))


def there(worker: Worker) -> bool:
    """Whether the others count on it."""
    return not worker.down and not worker.away
