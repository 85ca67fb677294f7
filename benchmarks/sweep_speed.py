"""How much faster a sweep of eight equal runs is with two jobs than with one: the whole command, by the wall clock.

    python -m benchmarks.sweep_speed [--jobs 2] [--repeat 1] [--bound] [--set stop.iterations=8000]

It wants a machine with nothing else to do, and as many idle cores as jobs. `--bound` also times one such run as
a command of its own, alone and as many at once as there are jobs: no sweep can scale better than these.
Exit code 1 when the records of the two ways differ in anything but the time that they took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

SCENARIO = Path(__file__).with_name("eight.yaml")
TIMES = ("wall_seconds", "cpu_seconds")
"""Entries of a manifest that differ from call to call."""


def command(out: Path, jobs: int, overrides: Sequence[str]) -> list[str]:
    """`rfast-bench run` on the eight runs."""
    more = [word for override in overrides for word in ("--set", override)]
    run = [sys.executable, "-m", "rfast_bench.cli", "run", str(SCENARIO)]
    return [*run, "--no-plots", "--jobs", str(jobs), "--out", str(out), *more]


def seconds(commands: Sequence[list[str]]) -> float:
    """Of wall clock until all of the commands, started together, have ended. Raises CalledProcessError."""
    start = time.perf_counter()
    started = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in commands]
    codes = [process.wait() for process in started]
    spent = time.perf_counter() - start
    for words, code in zip(commands, codes, strict=True):
        if code:
            raise subprocess.CalledProcessError(code, words)
    return spent


def records(out: Path) -> dict[str, Any]:
    """Every file below `out`: its bytes, and of a manifest all but the times."""
    found: dict[str, Any] = {}
    for file in sorted(path for path in out.rglob("*") if path.is_file()):
        content: Any = file.read_bytes()
        if file.name == "manifest.json":
            content = {key: value for key, value in json.loads(content).items() if key not in TIMES}
        found[str(file.relative_to(out))] = content
    return found


def run_seconds(out: Path) -> str:
    """Medians over the runs themselves; where the wall clock is ahead of the CPU time, others had the cores."""
    manifests = [json.loads(file.read_text()) for file in out.rglob("manifest.json")]
    wall, cpu = (median(manifest[name] for manifest in manifests) for name in TIMES)
    return f"a run {wall:.2f} s, CPU {cpu:.2f} s"


def compare(home: Path, jobs: int, overrides: Sequence[str]) -> bool:
    """Do the sweep both ways, print the ratio; whether the records are the same."""
    one, several = home / "one", home / "several"
    alone = seconds([command(one, 1, overrides)])
    together = seconds([command(several, jobs, overrides)])
    same = records(one) == records(several)
    print(
        f"one job {alone:.2f} s ({run_seconds(one)}), {jobs} jobs {together:.2f} s "
        f"({run_seconds(several)}): {alone / together:.3f} times faster, "
        f"records {'the same' if same else 'DIFFER'}",
        flush=True,
    )
    return same


def bound(home: Path, jobs: int, overrides: Sequence[str]) -> None:
    """Print how well as many processes of one run each go together that know nothing of each other."""
    single = [*overrides, "seeds=1"]
    alone = seconds([command(home / "alone", 1, single)])
    together = seconds([command(home / f"beside-{k}", 1, single) for k in range(jobs)])
    print(
        f"one run a process: alone {alone:.2f} s, {jobs} at once {together:.2f} s: "
        f"bound {jobs * alone / together:.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--bound", action="store_true")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    same = True
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory() as folder:
            if options.bound:
                bound(Path(folder), options.jobs, options.overrides)
            same &= compare(Path(folder), options.jobs, options.overrides)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
