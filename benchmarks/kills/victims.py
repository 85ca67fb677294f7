"""One command in a place of its own: its processes, the workers among them, and whatever of it is left afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
LISTENS, ESTABLISHED = "0A", "01"
"""How /proc/net/tcp says it."""
MET = 3
"""Connections of a worker that has met others; before, it has one to the store."""
SOON = 30.0
"""Seconds after the command's end in which all of it must be gone, on a busy machine."""
LOOK = 0.1


class Command:
    """`rfast-bench run` in a session of its own; all that it starts has a word in its environment."""

    def __init__(self, scenario: Path, home: Path) -> None:
        self.out, self.temporary = home / "out", home / "tmp"
        self.temporary.mkdir()
        self._mark = f"RFAST_BENCH_TRIED={uuid.uuid4().hex}"
        self._shared = shared_memory()
        self.ports: set[str] = set()
        self.lasted = 0.0
        name, _, word = self._mark.partition("=")
        command = [sys.executable, "-m", "rfast_bench.cli", "run", str(scenario), "--out", str(self.out)]
        self._said = home / "said.txt"
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [*command, "--no-plots"],
                env=os.environ | {"TMPDIR": str(self.temporary), name: word},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self.began = time.monotonic()

    # ------------------------------------------------------------------------------------------ who there is
    def pids(self) -> list[int]:
        """All processes that run; zombies are gone."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is_own(pid)]

    def _is_own(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            return self._mark.encode() in words and is_alive(pid)
        return False

    def workers(self) -> list[int]:
        """Those that were forked by the server, from their birth on."""
        return [pid for server in self.servers() for pid in children(server)]

    def servers(self) -> list[int]:
        """What workers are forked from."""
        return [pid for pid in children(self.process.pid) if is_server(pid)]

    def note_ports(self) -> None:
        """Remember the sockets that listen by now."""
        own = {inode for pid in self.pids() for inode in sockets(pid)}
        self.ports |= {inode for inode in listening() if inode in own}

    def part(self) -> str:
        """Which part of a run's life it is, as far as it is seen from outside."""
        workers = self.workers()
        if not workers:
            return "no workers"
        folders = [path for path in self.temporary.glob("rfast-bench-*") if (path / "job").exists()]
        left = any(path.suffix == ".json" for folder in folders for path in folder.iterdir())
        return "at the end" if left else "running" if any(map(is_met, workers)) else "starting"

    # ------------------------------------------------------------------------------------------ how it ends
    def wait(self, seconds: float) -> int | None:
        """The exit code, as a shell would tell it; None where it goes on for longer."""
        try:
            code = self.process.wait(max(0.1, seconds))
        except subprocess.TimeoutExpired:
            return None
        self.lasted = time.monotonic() - self.began
        return 128 - code if code < 0 else code

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace")

    def left(self) -> list[str]:
        """What is still there of it, a while after its end."""
        until(lambda: not self._left(), SOON)
        return self._left()

    def _left(self) -> list[str]:
        processes = [f"process {pid} ({state(pid)[0]})" for pid in self.pids()]
        ports = [f"port of socket {inode}" for inode in self.ports & set(listening())]
        folders = [f"folder {path.name}" for path in self.temporary.iterdir()]
        hidden = [
            f"file {path.name}" for path in self.out.rglob(".*") if not path.name.endswith(".unfinished")
        ]
        return processes + ports + folders + hidden + self._left_in_memory()

    def _left_in_memory(self) -> list[str]:
        """Files that have come since, and are open in no process that is somebody else's."""
        new = shared_memory() - self._shared
        return [f"shared memory {name}" for name in sorted(new) if not is_open(SHARED_MEMORY / name)]

    def end(self) -> None:
        """Nothing of it outlives a trial, whatever went wrong."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait for it; whether it came."""
    last = time.monotonic() + seconds
    while not (over := done()) and time.monotonic() < last:
        time.sleep(LOOK)
    return over


# ----------------------------------------------------------------------------------------------- what Linux says
def state(pid: int) -> Sequence[str]:
    """State, parent, process group, session, and more of `/proc/PID/stat`. Raises OSError."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """Of all its threads; those that are gone and not yet waited for are not counted."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return [child for child in found if is_alive(child)]


def is_alive(pid: int) -> bool:
    """Whether it is there, and no zombie."""
    with contextlib.suppress(OSError):
        return state(pid)[0] != "Z"
    return False


def is_server(pid: int) -> bool:
    """Whether it is what multiprocessing forks from, or forked from it."""
    with contextlib.suppress(OSError):
        return b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def rank(pid: int) -> int | None:
    """Of a worker, by the file that it writes to; None before it does."""
    with contextlib.suppress(OSError):
        name = Path(os.readlink(f"/proc/{pid}/fd/1")).name
        return int(name.removesuffix(".log")) if name.endswith(".log") else None
    return None


def sockets(pid: int) -> list[str]:
    """The inodes of a process's sockets."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                place = os.readlink(f"/proc/{pid}/fd/{name}")
                if place.startswith("socket:["):
                    found.append(place[8:-1])
    return found


def is_met(pid: int) -> bool:
    """Whether a worker is connected to others, as it is from the run's start."""
    return len(set(sockets(pid)) & set(listening(ESTABLISHED))) >= MET


def listening(state: str = LISTENS) -> list[str]:
    """The inodes of all sockets of this machine in a state."""
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().split("\n")
    ]
    return [line[9] for line in lines if len(line) > 9 and line[3] == state]


def shared_memory() -> set[str]:
    """The names of its files."""
    return set(os.listdir(SHARED_MEMORY)) if SHARED_MEMORY.is_dir() else set()


def is_open(path: Path) -> bool:
    """Whether a process has it open, or in its memory: then it is in use, by a program that is not ours."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if str(path) in Path(f"/proc/{pid}/maps").read_text():
                return True
            if any(os.readlink(f"/proc/{pid}/fd/{fd}") == str(path) for fd in os.listdir(f"/proc/{pid}/fd")):
                return True
    return False
