"""Who is left at a moment of a run, and who can reach whom: what the rest solves while somebody is away.

A worker is away while it is dead, and from the time-out on while it is paused. A network that is split has several
sides; single links that are down split nothing, for whether a way around is left is the topology's affair.
"""

from __future__ import annotations

from collections.abc import Sequence

from rfast_bench.scenario.faults.kinds import Fault, Partition, Pause, RandomFaults, Stop
from rfast_bench.scenario.schema import Scenario


class Sides:
    """Of a run's faults. `patience`: after how many seconds a paused worker counts as away."""

    def __init__(self, faults: Sequence[Fault], workers: int, patience: float) -> None:
        self._workers, self._patience = workers, patience
        self._stops = [f for f in faults if isinstance(f, Stop)]
        self._splits = [f for f in faults if isinstance(f, Partition)]

    @property
    def several(self) -> bool:
        """Whether there is ever anything but all workers on one side."""
        return bool(self._stops or self._splits)

    def away(self, time: float) -> frozenset[int]:
        """Who is away."""
        return frozenset(f.worker for f in self._stops if self._begins(f) <= time < f.end)

    def at(self, time: float) -> frozenset[frozenset[int]]:
        """The sides, each a set of the workers that are there."""
        splits = [f for f in self._splits if f.on(time)]
        sides: dict[tuple[int, ...], set[int]] = {}
        for worker in set(range(self._workers)) - self.away(time):
            sides.setdefault(tuple(split.side(worker) for split in splits), set()).add(worker)
        return frozenset(map(frozenset, sides.values()))

    def _begins(self, fault: Stop) -> float:
        return fault.down + (self._patience if isinstance(fault, Pause) else 0.0)


def sides_of(scenario: Scenario, faults: Sequence[Fault]) -> Sides | None:
    """Those of a run with these faults, whose gaps are measured on each side; None where all are always on one. Random
    faults leave so many different sides that their optima would take longer to find than the run."""
    if any(isinstance(fault, RandomFaults) for fault in scenario.faults):
        return None
    patience = scenario.network.silence_timeout or 0.0
    sides = Sides(faults, scenario.workers, patience)
    return sides if sides.several else None
