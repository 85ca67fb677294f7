"""Workers that die in a run on this machine: who, when, by which signal, and whether the others go on.

An elastic algorithm goes on when the scenario says when a silent neighbour is given up; its dead may be started
again, with a higher incarnation. Every other run is ended as stalled, so long after the death. A worker that fails
with an exit code of its own is a mistake in a program, and ends everything.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rfast_bench.conditions.faults.schedule import schedule
from rfast_bench.plan.runs import Run
from rfast_bench.scenario.faults.kinds import Crash

FILE = "deaths.json"


@dataclass
class Death:
    """One worker's end, and its return if there was one; seconds of the run's clock."""

    worker: int
    at: float
    signal: str
    back: float | None = None
    why: str = ""
    """Why the launcher itself killed it, if it did so for its silence."""
    said: str = ""
    """How it came, with the last lines of its stderr."""

    def told(self) -> str:
        """In words."""
        returned = "" if self.back is None else f", started again at {self.back:.1f} s"
        why = f" ({self.why})" if self.why else ""
        _, _, lines = self.said.partition("\n")
        last = f", its last words: {lines.strip().splitlines()[-1].strip()}" if lines.strip() else ""
        return f"worker {self.worker} killed by {self.signal} at {self.at:.1f} s{why}{last}{returned}"


@dataclass
class Deaths:
    """What the launcher knows and does of deaths. `revive` starts a worker again with an incarnation."""

    run: Run
    revive: Callable[[int, int], None]
    start: float = math.inf
    """Of the run's clock, as this machine's monotonic clock tells it."""
    known: list[Death] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    """Of each death, how it came and the worker's last words."""
    over: bool = False
    """Whether the run is: nobody is started again then."""
    silent: dict[int, str] = field(default_factory=dict)
    """Whom the launcher kills for not being heard of, and what it found."""
    _killed: set[int] = field(default_factory=set)  # numbers of the scenario's faults that were carried out
    _due: dict[int, float] = field(default_factory=dict)  # whom to start again, and when

    def __post_init__(self) -> None:
        faults = schedule(self.run.scenario, self.run.seed)
        self._planned = [fault for fault in faults if isinstance(fault, Crash)]

    @property
    def survivable(self) -> bool:
        """Whether the others can do without a worker."""
        silence = self.run.scenario.network.silence_timeout
        return self.run.algorithm_class.elastic and silence is not None

    @property
    def now(self) -> float:
        return time.monotonic() - self.start

    def carry_out(self, kill: Callable[[int], bool]) -> None:
        """Kill whom the scenario's faults name, and start again who is due. `kill` says whether there was one."""
        for number, fault in enumerate(self._planned):
            if number not in self._killed and self.now >= fault.down and kill(fault.worker):
                self._killed.add(number)
        if self.over:
            self._due.clear()
        for worker, due in list(self._due.items()):
            if self.now >= due:
                del self._due[worker]
                self._start_again(worker)

    @property
    def pending(self) -> bool:
        """Whether somebody will be started again."""
        return bool(self._due)

    def died(self, worker: int, by: int, said: str = "") -> float | None:
        """A worker was ended by signal `by`. When the run must end because of that; None: it goes on."""
        self.said.append(said)
        self.gone.add(worker)
        why, name = self.silent.pop(worker, ""), signal.Signals(by).name
        self.known.append(Death(worker, self.now, name, why=why, said=said))
        scenario = self.run.scenario
        if not self.survivable:
            return self.now + (scenario.network.silence_timeout or scenario.real.stall_timeout)
        back = self._return_of(worker)
        if back is not None:
            self._due[worker] = back
        return None

    def _return_of(self, worker: int) -> float | None:
        own = [f for k, f in enumerate(self._planned) if k in self._killed and f.worker == worker]
        if own:
            return max(own, key=lambda fault: fault.down).up
        after = self.run.scenario.real.restart_after
        return None if after is None else self.now + after

    def _start_again(self, worker: int) -> None:
        self.gone.discard(worker)
        [*_, latest] = (death for death in self.known if death.worker == worker)
        latest.back = self.now
        self.revive(worker, self.lives(worker))

    def lives(self, worker: int) -> int:
        """How often a worker has died."""
        return sum(death.worker == worker for death in self.known)

    def save(self, folder: Path) -> None:
        """For the manifest."""
        (folder / FILE).write_text(json.dumps([asdict(death) for death in self.known]))


def load(folder: Path) -> list[Death]:
    """What `save` wrote; nothing where nobody watched deaths."""
    path = folder / FILE
    return [Death(**death) for death in json.loads(path.read_text())] if path.exists() else []
