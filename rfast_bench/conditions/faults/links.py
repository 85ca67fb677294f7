"""What faults do to the messages of one link: those that would be under way while it is down are lost, and some of the
others during a bad spell. Times are seconds of the run's clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from rfast_bench.conditions.randomness.seeds import scalar_stream
from rfast_bench.scenario.faults.kinds import (
    Burst,
    Corruption,
    Duplication,
    Fault,
    LinkDown,
    Partition,
    Spell,
)

MOST_TRIES = 1000
"""A reliable message, or a chunk of a collective, that is lost so often is given up: the link is down."""
Spans = Sequence[tuple[float, float]]


class Chance(NamedTuple):
    """Of each message that leaves between two times."""

    down: float
    up: float
    probability: float
    delay: float = 0.0


class LinkFaults:
    """Those of one link. Whether a message meets one is drawn from the seed, the link and nothing else."""

    __slots__ = ("_cuts", "_downs", "_losses", "_luck", "_repeats", "_spoils", "spoilt")

    def __init__(self, faults: Sequence[Fault], seed: int, sender: int, receiver: int) -> None:
        own = [f for f in faults if isinstance(f, Spell) and f.meets(sender, receiver)]
        cuts = [f for f in faults if f.cuts(sender, receiver)] + [
            f for f in own if isinstance(f, Burst) and f.loss == 1
        ]
        self._cuts = _merged([(f.down, f.end) for f in cuts])
        self._downs = [down for down, _ in self._cuts]
        self._losses = [Chance(f.down, f.end, f.loss) for f in own if isinstance(f, Burst)]
        self._spoils = [Chance(f.down, f.end, f.share) for f in own if isinstance(f, Corruption)]
        self._repeats = [Chance(f.down, f.end, f.share, f.delay) for f in own if isinstance(f, Duplication)]
        self._luck = scalar_stream(seed, "fault", sender, receiver)
        self.spoilt = 0
        """Messages that arrived spoilt, and were dropped there."""

    def __bool__(self) -> bool:
        return bool(self._cuts or self._losses or self._spoils or self._repeats)

    @property
    def repeating(self) -> bool:
        """Whether it may ever bring a message twice."""
        return bool(self._repeats)

    def down_until(self, begin: float, end: float) -> float:
        """When the link is up again where it is down some time from `begin` to `end`; 0 where it is up throughout."""
        k = bisect_right(self._downs, end) - 1
        return self._cuts[k][1] if k >= 0 and self._cuts[k][1] > begin else 0.0

    def loses(self, leaves: float, arrives: float) -> bool:
        """Whether a message that is under way between two times is lost."""
        if self.down_until(leaves, arrives) or self._happens(self._losses, leaves):
            return True
        spoilt = self._happens(self._spoils, leaves)
        self.spoilt += spoilt
        return spoilt

    def again(self, leaves: float, flight: float, pause: float) -> float:
        """When a reliable message that was lost is sent again: after the pause, or once the link is up."""
        up = self.down_until(leaves, leaves + flight)
        return max(leaves + pause, up)

    def repeats(self, leaves: float) -> float:
        """How much later than a message its copy comes, seconds; negative where there is none."""
        for chance in self._repeats:
            if chance.down <= leaves < chance.up and self._luck.random() < chance.probability:
                return chance.delay
        return -1.0

    def _happens(self, chances: Sequence[Chance], time: float) -> bool:
        return any(c.down <= time < c.up and self._luck.random() < c.probability for c in chances)


class FaultyLinks:
    """Of all links of a run."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._seed = seed
        self._faults = [f for f in faults if isinstance(f, LinkDown | Partition | Spell)]

    def __bool__(self) -> bool:
        return bool(self._faults)

    def of(self, sender: int, receiver: int) -> LinkFaults | None:
        """One link's; None where it never meets one."""
        if not self._faults:
            return None
        return LinkFaults(self._faults, self._seed, sender, receiver) or None


def _merged(spans: Spans) -> Spans:
    """Without overlaps, ascending."""
    found: list[tuple[float, float]] = []
    for down, up in sorted(spans):
        if found and down <= found[-1][1]:
            found[-1] = found[-1][0], max(up, found[-1][1])
        else:
            found.append((down, up))
    return found
