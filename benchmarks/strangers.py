"""Stray connections to every port of a real run, of each algorithm that ships: they must change no record.

    python -m benchmarks.strangers [--connections 10000] [--algorithms r-fast ring-allreduce ...] [--seconds 20]

Each algorithm runs undisturbed and then with so many connections, to the store, to the workers' mail and to the
collectives: random bytes, HTTP, half a handshake, ZeroMQ of another version, of another mechanism (NULL, PLAIN) and
with another key, an old run's messages sent again, floods, and connections that stay open and say a byte now and then.
The records must have the same form, the run must have ended well, nobody may have died, and no message of a stranger
may have come through the door. Prints a table; the exit code is 1 on any breach. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import secrets
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml
import zmq

from benchmarks.kills.victims import Command, is_met
from rfast_bench.cli.errors import ends_when_told
from rfast_bench.plan import registry
from rfast_bench.real.transport.keys import Keys
from rfast_bench.real.transport.limits import make_room
from rfast_bench.records.reading import Run, find_runs
from tests.support.strangers import FRAME, SAID, listening, speaking

WORKERS, OPEN, SLOW, THREADS = 4, 200, 600, 6
SPEAKERS = ("NULL", "PLAIN", "another key")
"""Who speaks ZeroMQ as it should, but for the key; so many times a hundredth of all connections."""
SELDOM = 4.0
FLOOD = 1 << 17
"""Bytes at once."""
NOISE = os.urandom(FLOOD)
LONG = 300.0
EARLY = 0.2
"""The share of the connections that come before the run's start."""


def scenario(home: Path, names: Sequence[str], seconds: float) -> Path:
    """Of these algorithms. Four workers; gradients so long that a busy machine does not make them late."""
    home.mkdir(parents=True)
    path = home / "visited.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                **{"name": "visited", "world": "real", "workers": WORKERS, "compute": "200 ms"},
                "problem": {"kind": "quadratic", "dim": 200, "heterogeneity": 1},
                **{"network": {}, "stop": {"time": seconds}, "evaluate": {"every": "1 s"}},
                "real": {"startup_timeout": LONG},
                "algorithms": [{"name": name, "step_size": 0.02} for name in names],
            }
        )
    )
    return path


@dataclass
class Strangers:
    """Connections to whatever a command listens on, until there are so many or it ends."""

    command: Command
    wanted: int
    sorts: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Connections that were not even taken: the port was gone, or its queue was full."""

    def __post_init__(self) -> None:
        self._ports: list[int] = []
        self._most, self._next = EARLY * self.wanted, 0.0
        self.visited: set[int] = set()
        self._lock = threading.Lock()
        self._slow: list[socket.socket] = []

    @property
    def count(self) -> int:
        return sum(self.sorts.values())

    def visit(self) -> None:
        """Until the command's end."""
        threads = [threading.Thread(target=self._visit, args=(k,), daemon=True) for k in range(THREADS)]
        with speaking() as context:
            for thread in threads:
                thread.start()
            while self.command.process.poll() is None:
                self._look(context)
                self._say_more()
                time.sleep(0.5)
            for thread in threads:
                thread.join()
        for one in self._slow:
            one.close()

    def _look(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Which ports there are; seldom, for it takes long where there are many connections."""
        now = time.monotonic()
        if now < self._next:
            return
        with contextlib.suppress(psutil.Error):
            self._ports = listening(self.command.process.pid)
        if self._most < self.wanted and any(map(is_met, self.command.workers())):
            self._most = self.wanted
        self._next = now + (SELDOM if self._most == self.wanted else 0.5)
        if self._most == self.wanted:
            self._speak(context)

    def _visit(self, number: int) -> None:
        rng, open_ones = random.Random(number), deque[socket.socket](maxlen=OPEN)
        while self.command.process.poll() is None and self.count < self.wanted:
            if not self._ports or self.count >= self._most:
                time.sleep(0.05)
                continue
            sort = rng.choice([*SAID, "a flood", "an old run's message"])
            if len(open_ones) == OPEN:
                open_ones.popleft().close()
            one = self._said(rng.choice(self._ports), sort)
            if one is not None and sort == "nothing" and len(self._slow) < SLOW:
                self._slow.append(one)
            elif one is not None:
                open_ones.append(one)

    def _said(self, port: int, sort: str) -> socket.socket | None:
        said = {"a flood": NOISE, "an old run's message": FRAME}.get(sort) or SAID[sort]
        try:
            one = socket.create_connection(("127.0.0.1", port), timeout=1)
        except OSError:
            self.refused += 1
            time.sleep(0.01)
            return None
        one.settimeout(0.02)  # whoever does not read on is not waited for
        with contextlib.suppress(OSError):
            one.sendall(said)
        self._count(sort, port)
        return one

    def _count(self, sort: str, port: int) -> None:
        with self._lock:
            self.sorts[sort] += 1
            self.visited.add(port)

    def _speak(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Full ZeroMQ at every port, which tries again by itself."""
        for sort in SPEAKERS:
            for port in self._ports:
                if self.sorts[sort] >= self.wanted // 100:
                    break
                pusher = context.socket(zmq.PUSH)
                pusher.setsockopt(zmq.LINGER, 0)
                if sort == "PLAIN":
                    pusher.plain_username, pusher.plain_password = b"worker", b"0"
                elif sort == "another key":
                    Keys(secrets.token_bytes(32)).sends(pusher)
                pusher.connect(f"tcp://127.0.0.1:{port}")
                with contextlib.suppress(zmq.Again):
                    pusher.send(FRAME, zmq.NOBLOCK)
                self._count(sort, port)

    def _say_more(self) -> None:
        """A byte more from those that stay."""
        for one in self._slow:
            with contextlib.suppress(OSError):
                one.send(b"\x01")


def form(run: Run) -> dict[str, Any]:
    """What two records of one algorithm have in common, whatever the machine was doing."""
    frames = {"curves": run.curves(), "workers": run.workers(), "staleness": run.staleness()}
    columns = {f"columns of {name}": list(frame.columns) for name, frame in frames.items()}
    return columns | {
        "files": sorted(path.name for path in run.folder.iterdir()),
        "rows": len(frames["curves"]),
        "who": frames["workers"]["worker"].tolist(),
        "deaths": run.manifest["real"]["deaths"],
        "keys of the manifest": sorted(run.manifest),
        "keys of real": sorted(run.manifest["real"]),
    }


def delivered(run: Run) -> Counter[str]:
    """Messages that came through the door and were dropped behind it, and who was turned away by the porter."""
    found: Counter[str] = Counter()
    for transport in run.manifest["real"]["transport"]:
        found.update(transport["refused"])
    return found


@dataclass
class Visit:
    """What came of one algorithm."""

    name: str
    strangers: Strangers
    run: Run | None
    breaches: list[str]

    def row(self) -> str:
        """Of the table."""
        inside = sum(count for why, count in delivered(self.run).items() if why != "key") if self.run else 0
        late = self.run.manifest["real"]["lateness"].get("share", 0.0) if self.run else 0.0
        cells = [
            *(self.name, str(self.strangers.count), str(len(self.strangers.visited))),
            *(str(self.run.status) if self.run else "failed", str(inside), f"{100 * late:.1f} %"),
            "; ".join(self.breaches) or "none",
        ]
        return f"| {' | '.join(cells)} |"


HEAD = "| algorithm | connections | ports | status | strangers' messages let in | late by | breaches |"


def visited(name: str, home: Path, wanted: int, seconds: float) -> Visit:
    """An algorithm's run with strangers."""
    command = Command(scenario(home / name, [name], seconds), home / name)
    try:
        strangers = Strangers(command, wanted)
        strangers.visit()
        breaches = [f"left: {what}" for what in command.left()]
    finally:
        command.end()
    if strangers.count < wanted:
        breaches.append(f"the run was over after {strangers.count} connections")
    if list(command.out.rglob("manifest.json")):
        return Visit(name, strangers, find_runs([command.out])[0], breaches)
    said = " ".join("".join(path.read_text() for path in command.out.rglob("failure.txt")).split())
    return Visit(name, strangers, None, [*breaches, f"failed: {said[:300] or command.said[-300:]}"])


def differences(alone: Run, run: Run) -> list[str]:
    """Between both records, as far as they must be the same; and what else is not as it must be."""
    expected, found = form(alone), form(run)
    breaches = [f"{key}: {found[key]}, not {value}" for key, value in expected.items() if found[key] != value]
    if run.status not in ("finished", alone.status):
        breaches.append(f"status {run.status}: {run.reason}")
    through = {why: count for why, count in delivered(run).items() if why != "key"}
    return breaches + [f"let in: {through}"] * bool(through)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table; 1 if anything was not as it must be."""
    form_ = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form_)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--algorithms", nargs="+", default=sorted(registry.names()))
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    make_room()
    home = Path(tempfile.mkdtemp(prefix="strangers-"))
    visits = all_visited(home, asked.algorithms, asked.connections, asked.seconds)
    print(HEAD, "| --- |" + " --- |" * 6, *(visit.row() for visit in visits), sep="\n")
    sorts: Counter[str] = sum((visit.strangers.sorts for visit in visits), Counter())
    print("\nBy sort:", ", ".join(f"{sort} {count}" for sort, count in sorts.most_common()))
    breaches = sum(len(visit.breaches) for visit in visits)
    if breaches:
        print(f"{breaches} breaches; the records are in {home}")
    else:
        shutil.rmtree(home)
    return int(breaches > 0)


def all_visited(home: Path, names: Sequence[str], wanted: int, seconds: float) -> list[Visit]:
    """Each algorithm's run with strangers, compared with one that had none."""
    alone = Command(scenario(home / "alone", names, seconds), home / "alone")
    try:
        visits = []
        for name in names:
            visits.append(visited(name, home, wanted, seconds))
            print(visits[-1].row(), file=sys.stderr, flush=True)
        alone.wait(LONG * len(names))
    finally:
        alone.end()
    expected = {run.label: run for run in find_runs([alone.out])}
    for visit in visits:
        if visit.run is not None:
            visit.breaches.extend(differences(expected[visit.name], visit.run))
    return visits


if __name__ == "__main__":
    with ends_when_told():
        sys.exit(main())
