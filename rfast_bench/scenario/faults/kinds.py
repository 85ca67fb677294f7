"""Faults: workers that die or are paused, links that are down, networks that split, and bad spells of links.

Each begins at `down` and is over at `up`, seconds of the run's clock; without `up` it lasts to the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.forms import PLAIN, TIME, also, in_unit, kind_unsaid, text
from rfast_bench.scenario.values.units import PositiveSeconds, Probability, Seconds, in_seconds, seconds

State = Literal["empty", "snapshot"]
Worker = Annotated[int, Field(ge=0)]
Way = Annotated[tuple[Worker, Worker], Field(description="[from, to]")]
"""A link, from one worker to another."""


class Span(Spec):
    """What all faults have: from when to when."""

    down: PositiveSeconds
    """When it begins, by the run's clock."""
    up: PositiveSeconds | None = None
    """When it is over; null: it lasts to the end."""

    @model_validator(mode="after")
    def _up_after_down(self) -> Any:
        if self.up is not None and self.up <= self.down:
            raise ValueError(f"up ({self.up} s) must come after down ({self.down} s)")
        return self

    @property
    def end(self) -> float:
        """Seconds; infinite when it lasts to the end."""
        return math.inf if self.up is None else self.up

    def on(self, time: float) -> bool:
        """Whether it is under way."""
        return self.down <= time < self.end

    @property
    def named(self) -> tuple[int, ...]:
        """The workers it names."""
        return ()

    def cuts(self, sender: int, receiver: int) -> bool:
        """Whether nothing gets from one to the other while it lasts."""
        return False

    @property
    def told(self) -> str:
        """In words, with when it began."""
        return f"at {in_seconds(self.down)}"


class Stop(Span):
    """What both ways have in which one worker does nothing."""

    worker: Worker
    """Which worker."""

    @property
    def named(self) -> tuple[int, ...]:
        return (self.worker,)


class Crash(Stop):
    """Worker `worker` dies at `down`, with all it knew and all that is under way to it.

    Started again at `up` it holds the start model (`empty`), or what it held `snapshot_age` before it died.
    """

    kind: Literal["crash"] = "crash"
    """A worker dies; what is meant where no kind is said."""
    state: State = "empty"
    """What it holds when it is started again: the start model, or what it held before it died."""
    snapshot_age: Seconds = 0.0
    """How long before its death the snapshot was taken."""

    @model_validator(mode="after")
    def _snapshot_in_time(self) -> Crash:
        if self.snapshot_age > self.down:
            raise ValueError(f"snapshot_age ({self.snapshot_age} s) reaches before the start")
        return self

    @property
    def told(self) -> str:
        return f"worker {self.worker} died at {self.down:g} s"


class Pause(Stop):
    """Worker `worker` is stopped, as by SIGSTOP: it keeps all it holds and takes in what comes once it goes on."""

    kind: Literal["pause"]
    """A worker is stopped for a while."""

    @property
    def told(self) -> str:
        return f"worker {self.worker} paused at {self.down:g} s"


class LinkDown(Span):
    """Nothing gets over these links; `both`: in the other direction neither."""

    kind: Literal["link"]
    """Links are down."""
    links: tuple[Way, ...] = Field(min_length=1)
    """Which links, each as `[from, to]`."""
    both: bool = True
    """In the other direction nothing gets through either."""

    @property
    def named(self) -> tuple[int, ...]:
        return tuple(worker for link in self.links for worker in link)

    def cuts(self, sender: int, receiver: int) -> bool:
        return (sender, receiver) in self.links or (self.both and (receiver, sender) in self.links)

    @property
    def told(self) -> str:
        arrow = "-" if self.both else "->"
        ways = ", ".join(f"{i} {arrow} {j}" for i, j in self.links[:3]) + (" ..." if self.links[3:] else "")
        return f"links {ways} down at {self.down:g} s"


class Partition(Span):
    """The network splits into `groups`; workers that no group names are one group more."""

    kind: Literal["partition"]
    """The network splits."""
    groups: tuple[tuple[Worker, ...], ...] = Field(min_length=1)
    """Lists of workers that still hear one another; the rest are one group more."""

    @model_validator(mode="after")
    def _once_each(self) -> Partition:
        seen: set[int] = set()
        for worker in self.named:
            if worker in seen:
                raise ValueError(f"groups name worker {worker} more than once")
            seen.add(worker)
        return self

    @property
    def named(self) -> tuple[int, ...]:
        return tuple(worker for group in self.groups for worker in group)

    @cached_property
    def _sides(self) -> dict[int, int]:
        return {worker: k for k, group in enumerate(self.groups) for worker in group}

    def side(self, worker: int) -> int:
        """The number of its group."""
        return self._sides.get(worker, -1)

    def cuts(self, sender: int, receiver: int) -> bool:
        return self.side(sender) != self.side(receiver)

    @property
    def told(self) -> str:
        return f"the network split at {self.down:g} s"


class Spell(Span):
    """What happens to some of the messages over some links; over all of them where none is named."""

    links: tuple[Way, ...] | None = Field(default=None, min_length=1)
    """Which links, each as `[from, to]`; null: all."""

    @property
    def named(self) -> tuple[int, ...]:
        return tuple(worker for link in self.links or () for worker in link)

    def meets(self, sender: int, receiver: int) -> bool:
        """Whether it is about this link."""
        return self.links is None or (sender, receiver) in self.links


class Burst(Spell):
    """Messages of any size are lost with this probability, beside what the network loses anyway."""

    kind: Literal["burst"]
    """Messages are lost for a while."""
    loss: Probability = 1.0
    """How likely each is lost."""


class Corruption(Spell):
    """Of the messages this share arrives spoilt, which the receiver sees by a checksum and drops."""

    kind: Literal["corrupt"]
    """Messages arrive spoilt, and are dropped."""
    share: Probability
    """How likely each is spoilt."""


class Duplication(Spell):
    """Of the messages this share arrives twice, the second time `delay` later."""

    kind: Literal["duplicate"]
    """Messages arrive twice."""
    share: Probability
    """How likely each is doubled."""
    delay: Seconds = 0.0
    """How much later the second one arrives."""


Kind = Literal["crash", "pause", "link", "isolation", "partition", "burst", "duplicate", "corrupt"]
DRAWN: tuple[Kind, ...] = get_args(Kind)
MOST_DRAWN = 100_000


PER_TIME = text(rf"^\s*\+?(?:{PLAIN})\s*/\s*(?:(?:{PLAIN})\s*)?(?:{TIME})?\s*$", "1 / 500 s")
"""What `_rate` reads, beside numbers."""


def _rate(value: object) -> object:
    """`2 / 1000 s` -> 0.002; what is not such a string is left to pydantic. Raises ValueError."""
    if not isinstance(value, str) or "/" not in value:
        return value
    count, _, time = value.partition("/")
    try:
        return float(count) / float(str(seconds(time if any(c.isdigit() for c in time) else f"1 {time}")))
    except (ValueError, ZeroDivisionError) as problem:
        raise ValueError(f"'{value}' is not a rate; write for example 1 / 500 s, or 0.002") from problem


class RandomFaults(Spec):
    """Faults that are drawn from the run's seed, the same for every algorithm: on average `rate` a second begin at each
    worker, one after another, of `kinds` with equal chances, and last `lasts` on average. All are over at `until`."""

    model_config = ConfigDict(json_schema_extra=kind_unsaid)

    kind: Literal["random"]
    """Faults at random; in files it is said by the key `random`."""
    rate: Annotated[float, Field(ge=0), BeforeValidator(_rate), also(PER_TIME), in_unit("1/s")]
    """How many begin at each worker: `1 / 500 s`, or a number a second."""
    lasts: PositiveSeconds
    """How long one lasts on average."""
    until: PositiveSeconds | None = None
    """When all are over; null: at the scenario's `stop.time`."""
    kinds: tuple[Kind, ...] = Field(default=("pause", "link", "crash"), min_length=1)
    """Which kinds there are, with equal chances."""
    state: State = "snapshot"
    """What workers hold that come back from a crash."""
    loss: Probability = 0.9
    """How likely a message is lost in a burst, which is over all links of one worker."""
    share: Probability = 0.2
    """How likely a message is doubled or spoilt, over all links of one worker."""
    delay: Seconds = 0.0
    """How much later the second one of a doubled message arrives."""


Fault = Crash | Pause | LinkDown | Partition | Burst | Corruption | Duplication
SILENT = (Crash, Pause, LinkDown, Partition, RandomFaults)
"""Faults after which somebody may have to be given up."""


def _crash_by_default(value: object) -> object:
    return {"kind": "crash", **value} if isinstance(value, dict) and "kind" not in value else value


OneFault = Annotated[
    Annotated[Fault | RandomFaults, Field(discriminator="kind")], BeforeValidator(_crash_by_default)
]


def own_spans(faults: Sequence[Fault]) -> list[Stop]:
    """Those that stop a worker, by worker and time."""
    found = [fault for fault in faults if isinstance(fault, Stop)]
    return sorted(found, key=lambda fault: (fault.worker, fault.down))
