"""The launcher of a real run is ended by a signal: no process, port or temporary folder stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from rfast_bench.processes.folders import PREFIX
from rfast_bench.records.reading import find_runs

pytestmark = [pytest.mark.timeout(400)]
RAW: dict[str, Any] = {
    "name": "ended",
    "world": "real",
    "workers": 3,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"},
    "compute": "20 ms",
    "network": {},
    "stop": {"time": "600 s"},
    "evaluate": {"every": "10 s"},
    "real": {"startup_timeout": "250 s"},
}
R_FAST, RING = {"name": "r-fast", "step_size": 0.05}, {"name": "ring-allreduce", "step_size": 0.5}
"""Of many moments and both, `benchmarks/kills` tells more."""


class Command:
    """`rfast-bench run` with a place of its own for temporary folders."""

    def __init__(self, folder: Path, algorithm: dict[str, Any], **more: Any) -> None:
        self.out, self.place = folder / "out", folder / "tmp"
        self.place.mkdir()
        path = folder / "ended.yaml"
        path.write_text(yaml.safe_dump({**RAW, "algorithms": [algorithm], **more}))
        command = [
            sys.executable,
            "-m",
            "rfast_bench.cli",
            "run",
            str(path),
            "--out",
            str(self.out),
            "--no-plots",
        ]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command,
            start_new_session=True,
            stderr=pipe,
            text=True,
            env=os.environ | {"TMPDIR": str(self.place)},
        )
        self.all: list[psutil.Process] = []

    def __enter__(self) -> Command:
        """Its workers are there, and busy."""
        until(lambda: self.ended or (len(self.folders) == 2 and len(self.workers) == 3), 300)
        assert not self.ended, self.process.communicate()[1]
        self.all = [
            psutil.Process(self.process.pid),
            *psutil.Process(self.process.pid).children(recursive=True),
        ]
        time.sleep(1.0)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.alive:
            one.kill()
        self.process.kill()
        self.process.communicate()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def folders(self) -> list[Path]:
        """That for numbers, and that of the run."""
        return list(self.place.glob(f"{PREFIX}*"))

    @property
    def workers(self) -> list[psutil.Process]:
        """Those that lead a session of their own."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if os.getsid(one.pid) == one.pid]

    @property
    def alive(self) -> list[psutil.Process]:
        return [one for one in self.all if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def end(self, number: signal.Signals) -> str:
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)[1]


def until(done: Callable[[], bool], seconds: float) -> None:
    last = time.monotonic() + seconds
    while not done() and time.monotonic() < last:
        time.sleep(0.1)
    assert done()


def test_killed_it_takes_its_workers_along_and_its_folders_go_too(tmp_path: Path) -> None:
    """One of them is stopped, and would not hear of it. What they were forked from removes the folders."""
    with Command(tmp_path, R_FAST) as command:
        command.workers[1].suspend()
        command.end(signal.SIGKILL)
        until(lambda: not command.alive, 30)
        until(lambda: list(command.place.iterdir()) == [], 30)


def test_stopped_until_after_the_runs_end_it_changes_no_record(tmp_path: Path) -> None:
    """Workers keep the run's clock though the store, which is the launcher's, answers nobody."""
    with Command(tmp_path, RING, stop={"time": "8 s"}, evaluate={"every": "1 s"}) as command:
        command.process.send_signal(signal.SIGSTOP)
        time.sleep(22)  # longer than workers have to leave
        said = command.end(signal.SIGCONT)
        assert command.process.returncode == 0, said
        (run,) = find_runs([command.out])
        assert run.stopped_by == "time"
        assert run.curves()["time"].tolist() == pytest.approx(range(9))
        assert run.manifest["real"]["deaths"] == []


@pytest.mark.parametrize(
    ("algorithm", "number"),
    [(R_FAST, signal.SIGTERM), (RING, signal.SIGHUP)],
    ids=["r-fast", "ring-allreduce"],
)
def test_told_to_end_it_leaves_nothing(
    algorithm: dict[str, Any], number: signal.Signals, tmp_path: Path
) -> None:
    with Command(tmp_path, algorithm) as command:
        said = command.end(number)
        assert command.process.returncode == 128 + number
        assert f"Ended by {number.name}. Finished runs are kept; the same command continues." in said
        until(lambda: not command.alive, 30)
        assert list(command.place.iterdir()) == []
        assert not list(command.out.rglob("manifest.json"))
