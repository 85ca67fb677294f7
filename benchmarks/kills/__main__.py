"""Kills and stops workers and launchers of real runs at random moments; says what came of it.

    python -m benchmarks.kills [--workers-killed 50] [--paused 20] [--stopped 10] [--launchers 20] [--told 12]
                               [--halted 4] [--servers 4] [--seed 0] [--at-once 2] [--verbose]

R-FAST and Ring-AllReduce in turn, four workers, 3 s a run. Every run must be over within its bound (`setting.py`), with
the exit code and the record that belong to it, and nothing of it may be left: no process, port, temporary folder or
shared memory. Prints a table; the exit code is 1 on any breach. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.kills.launchers import Trial
from benchmarks.kills.setting import Seen, TooLate
from benchmarks.kills.workers import Block
from rfast_bench.cli.errors import ends_when_told

TRIES = 8
"""As often a trial is drawn again whose run was over before anything was done to it."""
BLOCK = 10
"""Runs of one command, at most."""
KINDS = {
    "workers_killed": ("kill", 50, "a worker killed (`kill -9`)"),
    "paused": ("pause", 20, "a worker stopped for 0.5 to 3 s"),
    "stopped": ("stop", 10, "a worker stopped for good"),
    "launchers": ("launcher", 20, "the launcher killed (`kill -9`)"),
    "told": ("told", 12, "the launcher told to end (SIGTERM, SIGHUP, Ctrl-C), alone or with its group"),
    "halted": ("halted", 4, "the launcher stopped, for 0.5 to 3 s or until its workers had ended"),
    "servers": ("server", 4, "what workers are forked from killed, or stopped for good"),
}
HEAD = "| what was done | times | when | what the record says | longest until the end (s) | breaches |"


class Laboratory:
    """Does trials in a folder."""

    def __init__(self, home: Path, seed: int, verbose: bool) -> None:
        self._home, self._seed, self._verbose = home, seed, verbose
        self.worker_life, self.life = 0.0, (0.0, 0.0)

    def undisturbed(self) -> list[Seen]:
        """Both algorithms, for the life of a run."""
        seen, lives, starts, ends = [], [], [], []
        for number in range(2):
            block = Block("nothing", number, self._home / f"nothing-{number}", 1, 0.0)
            seen += list(block.do())
            lives.append(block.life)
            ends.append(block.command.lasted)
            starts.append(ends[-1] - block.life)
        self.worker_life, self.life = max(lives), (min(starts), max(ends))
        return seen

    def block(self, harm: str, runs: int, number: int) -> list[Seen]:
        """Harm to a worker of each of so many runs; some may come too late."""
        drawn = number + 1000 * self._seed
        home = self._home / f"{harm}-{drawn}"
        seen = []
        for one in Block(harm, drawn, home, runs, self.worker_life).do():
            self._tell(f"{harm} {drawn}", one)
            seen.append(one)
        self._clear(home, seen)
        return seen

    def trial(self, harm: str, number: int) -> Seen:
        """What came of one trial, which is drawn again where it came too late."""
        for again in range(TRIES):
            drawn = number + 1200 * (again + TRIES * self._seed)
            home = self._home / f"{harm}-{drawn}"
            try:
                seen = Trial(harm, drawn, home, self.life).do()
            except TooLate:
                shutil.rmtree(home)
                continue
            self._tell(f"{harm} {drawn}", seen)
            self._clear(home, [seen])
            return seen
        return Seen(breaches=["its run was always over before"])

    def _tell(self, what: str, seen: Seen) -> None:
        if self._verbose or seen.breaches:
            told = f"{what}, {seen.after}: {seen.seconds:.1f} s, {seen.record} {seen.breaches or ''}"
            print(told, file=sys.stderr, flush=True)

    def _clear(self, home: Path, seen: Sequence[Seen]) -> None:
        if not any(one.breaches for one in seen):
            shutil.rmtree(home)


def many(laboratory: Laboratory, harm: str, count: int, threads: ThreadPoolExecutor) -> list[Seen]:
    """Until so many have been done."""
    if harm not in ("kill", "pause", "stop"):
        return list(threads.map(partial(laboratory.trial, harm), range(count)))
    seen: list[Seen] = []
    first = 0
    while (missing := count - sum(bool(one.after) for one in seen)) > 0:
        blocks = max(2, -(-missing // BLOCK))
        work: Callable[[int], list[Seen]] = partial(laboratory.block, harm, min(BLOCK, -(-missing // blocks)))
        seen += [one for own in threads.map(work, range(first, first + blocks)) for one in own]
        first += blocks
        if first > TRIES * count:
            seen.append(Seen(breaches=["most runs were over before"]))
            break
    return seen


def row(what: str, seen: Sequence[Seen]) -> str:
    """Of the table."""
    done = [one for one in seen if one.after]
    parts = Counter(one.after for one in done)
    ends = Counter(one.record.partition(":")[0].partition(",")[0] for one in done)
    cells = [
        *(what, str(len(done))),
        *(", ".join(f"{name} {count}" for name, count in sorted(found.items())) for found in (parts, ends)),
        f"{max((one.seconds for one in done), default=0.0):.1f}",
        str(sum(len(one.breaches) for one in seen)),
    ]
    return f"| {' | '.join(cells)} |"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    for name, (_, count, what) in KINDS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=count, help=what)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table; 1 if anything was not as it must be."""
    asked = parsed(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    home = Path(tempfile.mkdtemp(prefix="kills-"))
    laboratory = Laboratory(home, asked.seed, asked.verbose)
    breaches = [breach for one in laboratory.undisturbed() for breach in one.breaches]
    (first, last), alive = laboratory.life, laboratory.worker_life
    print(
        f"undisturbed: workers after {first:.1f} s, for {alive:.1f} s; the end after {last:.1f} s", *breaches
    )
    print(HEAD, "| --- |" + " --- |" * 5, sep="\n", flush=True)
    with ThreadPoolExecutor(asked.at_once) as threads:
        try:
            for name, (harm, _, what) in KINDS.items():
                seen = many(laboratory, harm, getattr(asked, name), threads)
                breaches += [breach for one in seen for breach in one.breaches]
                if seen:
                    print(row(what, seen), flush=True)
        finally:
            threads.shutdown(cancel_futures=True)
    if breaches:
        print(f"{len(breaches)} breaches; what is left of them is in {home}")
    else:
        shutil.rmtree(home)
    return int(bool(breaches))


if __name__ == "__main__":
    with ends_when_told():
        sys.exit(main())
