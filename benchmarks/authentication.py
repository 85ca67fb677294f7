"""What authentication costs a message between two workers on one machine, beside one without; taken in turns.

    python -m benchmarks.authentication [--megabytes 1 25] [--times 30] [--compute 100] [--seconds 8] [--no-runs]

A message is handed over, and waited for until it is delivered. Processor time is that of both ends together, for both
are in this process. Then real runs of R-FAST, two workers with models of as many megabytes and emulated gradients of
`--compute` milliseconds: how much longer an iteration takes than its gradient, without and with.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from benchmarks.samples_memory import MODULE
from rfast_bench.real.launch.secret import OFF, VARIABLE
from rfast_bench.real.transport.keys import Keys
from rfast_bench.real.transport.limits import largest
from rfast_bench.real.transport.message import SEND, Message
from rfast_bench.real.transport.sockets import Mail
from rfast_bench.records.reading import find_runs

RUN = b"measured"
WARM_UP = 3
RUNS = "|  | iteration over gradient, without | status | with | status |"
HEAD = "|  | without: ms a message | of the processor | with: ms a message | of the processor | ratio |"


class Link:
    """Two workers' ends; `keys`: what they know each other by."""

    def __init__(self, keys: Keys | None, size: int) -> None:
        self._came, self._over = threading.Event(), threading.Event()
        self._mails = [
            Mail(
                k,
                RUN,
                "127.0.0.1",
                lambda message: self._came.set(),
                threading.RLock(),
                0,
                keys,
                largest(size),
            )
            for k in range(2)
        ]
        for mail in self._mails:
            mail.connect({k: other.address for k, other in enumerate(self._mails)})
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while not self._over.is_set():
            self._mails[1].receive(0.1)

    def seconds(self, payload: np.ndarray) -> tuple[float, float]:
        """Until a message is there, and of the processor."""
        self._came.clear()
        began, spent = time.perf_counter(), time.process_time()
        self._mails[0].send(1, Message(SEND, 0, 0, "x", 0, 0, 0.0, 0.0, payload))
        if not self._came.wait(60):
            raise TimeoutError("a message did not come within 60 s")
        return time.perf_counter() - began, time.process_time() - spent

    def close(self) -> None:
        """End both."""
        self._over.set()
        self._thread.join()
        for mail in self._mails:
            mail.close()


def measured(size: int, times: int) -> list[tuple[float, float]]:
    """The medians without authentication and with it, in milliseconds: of time, of processor time."""
    payload = np.random.default_rng(0).standard_normal(size // 8)
    links = [Link(keys, size) for keys in (None, Keys(secrets.token_bytes(32)))]
    found: list[list[tuple[float, float]]] = [[], []]
    try:
        for k in range(WARM_UP + times):
            for link, own in zip(links, found, strict=True):
                taken = link.seconds(payload)
                if k >= WARM_UP:
                    own.append(taken)
    finally:
        for link in links:
            link.close()
    return [
        (1e3 * statistics.median(t for t, _ in own), 1e3 * statistics.median(c for _, c in own))
        for own in found
    ]


def share(folder: Path, megabytes: float, compute: float, seconds: float, secret: str) -> tuple[float, str]:
    """Of a run: an iteration's time as a multiple of its gradient's, and the run's status."""
    (folder / "wide.py").write_text(MODULE)
    weights = round(megabytes * 1e6 / 4)
    said = {
        **{"name": "authentication", "world": "real", "workers": 2, "compute": f"{compute} ms"},
        "problem": {
            **{"kind": "torch", "model": "wide.py:Wide", "model_args": {"weights": weights}, "loss": "mse"},
            **{"dataset": "diabetes", "metric": "none", "batch_size": 8},
        },
        "algorithms": [{"name": "r-fast", "step_size": 0.01}],
        **{"network": {}, "stop": {"time": seconds}, "evaluate": {"every": seconds / 2}},
    }
    path = folder / "authentication.yaml"
    path.write_text(yaml.safe_dump(said))
    out = folder / f"{megabytes:g}-{secret or 'on'}"
    command = [sys.executable, "-m", "rfast_bench.cli", "run", str(path), "--out", str(out), "--no-plots"]
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE} | (
        {VARIABLE: secret} if secret else {}
    )
    subprocess.run(
        [*command, "--jobs", "1"], env=environment, check=True, timeout=600, stdout=subprocess.DEVNULL
    )
    (run,) = find_runs([out])
    each = seconds / run.workers()["gradients"].mean()
    return 1e3 * each / compute, run.status


def print_runs(asked: argparse.Namespace) -> None:
    """A row for each size."""
    print(f"\n{RUNS}", "| --- |" + " --- |" * 4, sep="\n", flush=True)
    for size in asked.megabytes:
        with tempfile.TemporaryDirectory(prefix="authentication-") as name:
            found = [share(Path(name), size, asked.compute, asked.seconds, secret) for secret in (OFF, "")]
        (plain, how), (keyed, keyed_how) = found
        print(f"| {size:g} MB | {plain:.3f} | {how} | {keyed:.3f} | {keyed_how} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=float, nargs="+", default=[1, 25])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--compute", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--no-runs", action="store_true")
    asked = parser.parse_args(arguments)
    print(HEAD, "| --- |" + " --- |" * 5, sep="\n")
    for size in asked.megabytes:
        (plain, plain_cpu), (keyed, keyed_cpu) = measured(round(size * 1e6), asked.times)
        print(
            f"| {size:g} MB | {plain:.2f} | {plain_cpu:.2f} | {keyed:.2f} | {keyed_cpu:.2f} | {keyed / plain:.1f} |",
            flush=True,
        )
    if not asked.no_runs:
        print_runs(asked)


if __name__ == "__main__":
    main()
