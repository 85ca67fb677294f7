"""One sweep, its truth, and what is done to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from rich.console import Console

from benchmarks.damage.kinds import ABSENT, DAMAGES, Rng, pick
from rfast_bench.cli.commands import main as rfast_bench
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.records.integrity import DIGEST
from rfast_bench.records.lock import Hold
from rfast_bench.records.reading import DAMAGED, Run, find_runs
from rfast_bench.records.writing import MANIFEST
from rfast_bench.study.sweep import run_all

CLOCK = ("wall_seconds", "cpu_seconds", "peak_memory_bytes", DIGEST)
"""Entries of a manifest that differ between two runs of the same."""
SWEEP: Mapping[str, Any] = {
    "name": "small",
    "workers": 3,
    "problem": {"kind": "quadratic", "dim": 3, "noise": 0.1},
    "compute": {"kind": "lognormal", "mean": "100 ms", "sigma": 0.3},
    "algorithms": [
        {"name": "r-fast", "step_size": 0.05, "topology": "line"},
        {"name": "ring-allreduce", "step_size": 0.2},
    ],
    "stop": {"time": "3 s"},
    "evaluate": {"every": "1 s", "targets": {"gap": [0.5]}},
    "sweep": {"network.loss": [0, 0.2]},
    "seeds": 2,
}


def write(folder: Path, **changes: Any) -> Path:
    """The scenario's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**SWEEP, **changes}))
    return path


def called(*words: object) -> tuple[int, str]:
    """Exit code and everything said; an exception of another kind than the command line's own is raised."""
    found = CliRunner().invoke(rfast_bench, [str(word) for word in words])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


def run(path: Path, out: Path, command: bool = True) -> None:
    """The whole sweep, or what is missing of it: by the command, or by what it does before it draws its table."""
    if command:
        code, said = called("run", path, "--out", out, "--no-plots", "--jobs", 1)
        if code:
            raise Broken(f"run ended with {code}: {said}")
        return
    with Hold() as hold, open(os.devnull, "w") as nothing:
        failed = run_all(plan(load_points(path)), out, 1, False, Console(file=nothing), hold=hold)
    if failed:
        raise Broken(str(failed))


def contents(out: Path) -> dict[str, object]:
    """Everything below a folder, hidden files too, but for the clock's entries of manifests."""
    return {str(path.relative_to(out)): _content(path) for path in sorted(out.rglob("*"))}


def _content(path: Path) -> object:
    if not path.is_file():
        return "folder" if path.is_dir() and not path.is_symlink() else "link"
    if path.name != MANIFEST:
        return path.read_bytes()
    try:
        entries = json.loads(path.read_text())
        return {key: value for key, value in entries.items() if key not in CLOCK}
    except (ValueError, AttributeError):
        return path.read_bytes()


def key(found: Run) -> tuple[Any, ...]:
    return (*sorted(found.point.items()), found.label, found.seed)


def numbers(found: Run) -> dict[str, object]:
    """What tables and figures take from a run: they may read any file of it."""
    kept = {name: value for name, value in found.manifest.items() if name not in CLOCK}
    return {path.name: path.read_bytes() for path in found.folder.glob("*.*") if path.name != MANIFEST} | kept


class Broken(AssertionError):
    """A damage that was shown as sound, or was not mended."""


class Trial:
    """A folder with the truth, the scenario's file, and what is damaged."""

    def __init__(self, home: Path) -> None:
        self.home, self.out = home, home / "out"
        self.path = write(home)
        run(self.path, home / "truth")
        run(write(home / "other", stop={"time": "2 s"}, first_seed=0), home / "other" / "out")
        self.others = [numbers(found) for found in find_runs([home / "other" / "out"])]
        """Whole records of an earlier version of the scenario: they are shown as what they are."""
        self.contents = contents(home / "truth")
        self.numbers = {key(found): numbers(found) for found in find_runs([home / "truth"])}

    def once(self, rng: Rng, all_shown: bool) -> str:
        """One damage, or two. Raises Broken, and whatever a command raises. The kinds of damage, told."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(self.home / "truth", self.out)
        kinds = [pick(rng, DAMAGES) for _ in range(1 + int(rng.integers(8) == 0))]
        for kind in kinds:
            folders = (one for one in self.out.glob("small/*/*/seed-*") if not one.is_symlink())
            files = sorted(p for one in folders for p in one.glob("*") if p.is_file() and not p.is_symlink())
            path = pick(rng, files)
            kind(path, self.home / "other" / "out" / path.relative_to(self.out), rng)
        self.check_shown(all_shown, any(kind in ABSENT for kind in kinds))
        self.check_mended(all_shown)
        return ", ".join(kind.__name__ for kind in kinds)

    def check_shown(self, all_shown: bool, absent: bool) -> None:
        """Nothing that is not true is shown as sound, and nothing is left out in silence."""
        commands: list[tuple[str | Path, ...]] = [("table", self.out, "--format", "csv")]
        if all_shown:
            commands += [("plot", self.out, "-o", self.home / "plots")]
            commands += [("report", self.out, "-o", self.home / "page.html")]
        for words in commands:
            code, said = called(*words)
            if code not in (0, 2):
                raise Broken(f"{words[0]} ended with {code}: {said}")
        try:
            found = find_runs([self.out])
        except UserError:
            return
        for one in found:
            true = (self.numbers.get(key(one)), *self.others)
            if one.status != DAMAGED and numbers(one) not in true:
                raise Broken(f"{one.folder} is shown as {one.status}, and is not what it was")
        told = {key(one) for one in found}
        if not absent and len(found) < len(self.numbers):
            raise Broken(f"no word of {sorted(map(str, self.numbers.keys() - told))}")

    def check_mended(self, command: bool = True) -> None:
        """The next run makes the folder what it was."""
        run(self.path, self.out, command)
        now = contents(self.out)
        differing = sorted(n for n in {*now, *self.contents} if now.get(n) != self.contents.get(n))
        if differing:
            raise Broken(f"not as before: {', '.join(differing[:5])}")

    # ------------------------------------------------------------------------------------------- kills
    def kill(self, rng: Rng, seconds: float) -> int:
        """Start the sweep on two cores, end it within so many seconds, perhaps again, and take it up. How many runs
        had been there."""
        shutil.rmtree(self.out, ignore_errors=True)
        for _ in range(1 + int(rng.integers(4) == 0)):
            self._started_and_killed(float(rng.uniform(0, seconds)), bool(rng.integers(2)))
        there = len(list(self.out.rglob(MANIFEST)))
        if there:
            self.check_shown(False, True)
        self.check_mended()
        return there

    def _started_and_killed(self, seconds: float, all_of_it: bool) -> None:
        words = ["-m", "rfast_bench.cli", "run", self.path, "--out", self.out, "--no-plots", "--jobs", "2"]
        child = subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            (os.killpg if all_of_it else os.kill)(child.pid, signal.SIGKILL)
        child.wait()
        _all_gone(child.pid)

    def duration(self) -> float:
        """Of an undisturbed sweep on two cores, seconds."""
        shutil.rmtree(self.out, ignore_errors=True)
        began = time.monotonic()
        self._started_and_killed(600.0, False)
        self.check_mended()
        return time.monotonic() - began


def _all_gone(group: int) -> None:
    """Wait until no process of a killed sweep is left: each ends by itself when its parent has."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise Broken("a process of a killed sweep lives on for half a minute")
