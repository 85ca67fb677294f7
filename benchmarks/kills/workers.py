"""Harm to workers: one command does many runs, one after the other, and one worker of each is killed or stopped."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
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
    scenario,
)
from benchmarks.kills.victims import Command, is_alive, is_met, rank, until

BOUNDS = {"nothing": LONG, "kill": TIME + SLACK, "pause": PAUSE[1] + STARTUP + TIME + SLACK, "stop": STOPPED}


EARLY, END = 0.4, 1.0
"""How many moments are in a run's start, and seconds after its end in which there are some too."""


class Block:
    """The runs of one command."""

    def __init__(self, harm: str, number: int, home: Path, runs: int, life: float) -> None:
        """`life`: seconds from the first worker's birth to the last one's end, when nothing is done."""
        self.algorithm = ALGORITHMS[number % len(ALGORITHMS)]
        self.life, self._start = life, max(0.0, life - TIME) / 2
        self._harm, self._runs = harm, runs
        self._rng = random.Random(f"{harm} {number}")
        self.command = Command(scenario(home, self.algorithm, runs), home)
        self._known: set[int] = set()

    def do(self) -> Iterator[Seen]:
        """What came of each run to which something was done; at last of the command as a whole."""
        try:
            for number in range(self._runs):
                seen = self._one(Record(self.command.out, self.algorithm["name"], number))
                if seen is not None:
                    yield seen
            yield from self._end()
        finally:
            self.command.end()

    def _one(self, record: Record) -> Seen | None:
        if not until(lambda: bool(self._new()) or self.command.process.poll() is not None, LONG):
            return Seen(breaches=[f"no worker within {LONG:g} s"])
        born, workers = time.monotonic(), self._new()
        if self._harm != "nothing":
            self._wait(self._rng.random() < EARLY)
        workers = sorted({*workers, *self._new()})
        seen = self._done_to([pid for pid in workers if is_alive(pid)], record)
        began = time.monotonic()
        over = until(lambda: record.is_there and not self._alive(workers), BOUNDS[self._harm])
        self._known |= {*workers, *self._new()} if over else set()
        self.life = max(self.life, time.monotonic() - born) if self._harm == "nothing" else self.life
        if seen is None:
            return None
        seen.seconds = time.monotonic() - began
        if not over:
            seen.breaches.append(f"no end within {BOUNDS[self._harm]:g} s")
        seen.record = record.told()
        seen.breaches += [f"{problem}: {seen.record}" for problem in [self._judged(record)] if problem]
        return seen

    def _wait(self, early: bool) -> None:
        """Until a moment before the run's start, or from there to the end: a start takes longer on a busy machine."""
        if early:
            return time.sleep(self._rng.uniform(0, self._start))
        born = time.monotonic()
        until(lambda: any(map(is_met, self.command.workers())) or not self.command.workers(), STARTUP)
        self._start = time.monotonic() - born
        return time.sleep(self._rng.uniform(0, TIME + END))

    def _new(self) -> list[int]:
        return [pid for pid in self.command.workers() if pid not in self._known]

    def _alive(self, workers: list[int]) -> bool:
        return any(is_alive(pid) for pid in workers)

    def _done_to(self, workers: list[int], record: Record) -> Seen | None:
        """None where the run was over."""
        if not workers or record.is_there:
            return None
        self.command.note_ports()
        chosen = self._rng.choice(workers)
        self._rank = rank(chosen)
        seen = Seen(self.command.part())
        try:
            self._harm_to(chosen)
        except ProcessLookupError:
            return None
        return seen

    def _harm_to(self, pid: int) -> None:
        if self._harm == "nothing":
            return
        os.kill(pid, signal.SIGKILL if self._harm == "kill" else signal.SIGSTOP)
        if self._harm == "pause":
            time.sleep(self._rng.uniform(*PAUSE))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _judged(self, record: Record) -> str:
        if self._harm == "kill":
            return record.problem(self._rank, "was killed by SIGKILL", "")
        return (
            record.problem(self._rank, "stopped", "stopped") if self._harm == "stop" else undisturbed(record)
        )

    def _end(self) -> Iterator[Seen]:
        """Its exit code, and what is left of it."""
        code = self.command.wait(LONG)
        wanted = 2 if list(self.command.out.rglob("failure.txt")) else 0
        breaches = [] if code == wanted else [f"exit code {code}, not {wanted}"]
        breaches += [f"left: {what}" for what in self.command.left()]
        if breaches:
            yield Seen(breaches=breaches)
