"""Harm to launchers, and to what workers are forked from; one command a trial, at any moment of it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.kills.records import Record, undisturbed
from benchmarks.kills.setting import (
    ALGORITHMS,
    LONG,
    PAUSE,
    SLACK,
    STARTUP,
    STOPPED,
    TIME,
    Seen,
    TooLate,
    scenario,
)
from benchmarks.kills.victims import Command, is_met, until
from benchmarks.kills.workers import EARLY
from rfast_bench.real.transport.store import ANSWER

SHORT = 2.0
"""Seconds that a run's start takes, once there are workers."""
TELLING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
ALONE = 2 * STARTUP + ANSWER + SLACK
"""Until the workers of a launcher that is stopped for good must have ended."""


class Trial:
    """One command, and what was seen of it."""

    def __init__(self, harm: str, number: int, home: Path, life: tuple[float, float]) -> None:
        """`life`: seconds from the command's start to its first worker, and to its end, when nothing is done."""
        self.algorithm = ALGORITHMS[number % len(ALGORITHMS)]
        self._harm, self._number, self._life = harm, number, life
        self._rng = random.Random(f"{harm} {number}")
        self.command = Command(scenario(home, self.algorithm, 1), home)
        self._record = Record(self.command.out, self.algorithm["name"], 0)
        self._harmed = time.monotonic()
        self.seen = Seen()

    def do(self) -> Seen:
        """Raises TooLate."""
        try:
            HARMS[self._harm](self)
            self.seen.record = self._record.told()
            self.seen.breaches += [f"left: {what}" for what in self.command.left()]
        finally:
            self.command.end()
        return self.seen

    def kill(self) -> None:
        """Nobody is there who could clean up."""
        self._at_any_time(signal.SIGKILL)
        self._end_within(SLACK, 128 + signal.SIGKILL)

    def tell(self) -> None:
        """It alone, or its whole group as a terminal does it."""
        number = TELLING[self._number // 2 % len(TELLING)]
        self._at_any_time(number, os.killpg if self._number // 6 % 2 else os.kill)
        self._end_within(SLACK, 128 + number)

    def stop(self) -> None:
        """For a while, or until its workers have ended by themselves."""
        long = self._number // 2 % 2 == 1
        self._with_workers()
        self._do(self.command.process.pid, signal.SIGSTOP)
        if not long:
            time.sleep(self._rng.uniform(*PAUSE))
        elif not until(lambda: not self.command.workers(), ALONE):
            self.seen.breaches.append(f"workers of a stopped launcher are there after {ALONE:g} s")
        os.kill(self.command.process.pid, signal.SIGCONT)
        self._end_within((ALONE if long else PAUSE[1]) + STARTUP + TIME + SLACK)
        if not long:
            self.seen.breaches += [problem for problem in [undisturbed(self._record)] if problem]

    def server(self) -> None:
        """Killed, or stopped for good."""
        self._with_workers()
        number = (signal.SIGKILL, signal.SIGSTOP)[self._number // 2 % 2]
        self._do((self.command.servers() or [0])[0], number)
        self._end_within(STOPPED)

    # ------------------------------------------------------------------------------------------------- when
    def _at_any_time(self, number: signal.Signals, how: Callable[[int, int], object] = os.kill) -> None:
        if self._rng.random() < EARLY:
            time.sleep(self._rng.uniform(0, self._life[0]))
        else:
            self._with_workers()
        self._do(self.command.process.pid, number, how)

    def _with_workers(self) -> None:
        until(lambda: bool(self.command.workers()) or self.command.process.poll() is not None, LONG)
        if self._rng.random() < EARLY:
            return time.sleep(self._rng.uniform(0, SHORT))
        until(lambda: any(map(is_met, self.command.workers())) or not self.command.workers(), STARTUP)
        return time.sleep(self._rng.uniform(0, TIME))

    def _do(self, pid: int, number: signal.Signals, how: Callable[[int, int], object] = os.kill) -> None:
        if self.command.process.poll() is not None or not pid:
            raise TooLate
        self.command.note_ports()
        self.seen.after = self.command.part()
        how(pid, number)
        self._harmed = time.monotonic()

    def _end_within(self, seconds: float, wanted: int | None = None) -> None:
        code = self.command.wait(seconds - (time.monotonic() - self._harmed))
        self.seen.seconds = time.monotonic() - self._harmed
        if code is None:
            self.seen.breaches.append(f"no end within {seconds:g} s")
        elif wanted is None and code != (0 if self._record.run is not None else 2):
            self.seen.breaches.append(f"exit code {code} with {self._record.told()}")
        elif wanted is not None and code != wanted:
            self.seen.breaches.append(f"exit code {code}, not {wanted}")


HARMS: Mapping[str, Callable[[Trial], None]] = {
    "launcher": Trial.kill,
    "told": Trial.tell,
    "halted": Trial.stop,
    "server": Trial.server,
}
