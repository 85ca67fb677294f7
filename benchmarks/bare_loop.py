"""The floor of the simulated world: R-FAST on a directed ring, written by hand for nothing else, beside the real thing.

    python -m benchmarks.bare_loop [--workers 16 100 1000 4096] [--pairs 8] [--json FILE]

The loop has the clock (SimPy), the vector algebra, posts without events and lazily batched gradients; all messages
take one latency and 5 % are lost. It knows no links, staleness, counters, records or other algorithms. Machines
drift, so loop and suite are timed in turn, and the ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import deque
from collections.abc import Generator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from threadpoolctl import threadpool_limits

from benchmarks.worker_iterations import BATCH, WORKER_ITERATIONS, make_run, simulated
from rfast_bench.problems import Problem
from rfast_bench.study.run import problem_of

LATENCY, LOSS, STEP = 0.1, 0.05, 0.05


class Post:
    """One edge: the newest message that has arrived."""

    __slots__ = ("current", "flying")

    def __init__(self, start: Any) -> None:
        self.current = start
        self.flying: deque[tuple[float, Any]] = deque()

    def newest(self, now: float) -> Any:
        flying = self.flying
        while flying and flying[0][0] <= now:
            self.current = flying.popleft()[1]
        return self.current


class Gradients:
    """Lazy batches, as in the suite."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.asked: dict[int, Any] = {}
        self._known: dict[int, Any] = {}

    def get(self, worker: int) -> Any:
        if worker not in self._known:
            others = (other for other in self.asked if other != worker)
            batch = [worker, *islice(others, BATCH - 1)]
            points = np.array([self.asked.pop(k) for k in batch])
            rows = self._problem.gradients(batch, points, [None] * len(batch))
            self._known |= zip(batch, rows, strict=True)
        return self._known.pop(worker)


def loop(problem: Problem, iterations: int) -> float:
    """Microseconds of CPU per worker-iteration."""
    clock, n, x0 = simpy.Environment(), problem.workers, problem.start
    models, masses = [Post(x0) for _ in range(n)], [Post(0 * x0) for _ in range(n)]
    gradients = Gradients(problem)

    def worker(i: int) -> Generator[simpy.Event, Any, None]:
        rng = np.random.default_rng(i)
        times = rng.lognormal(-0.02, 0.2, iterations + 1).tolist()
        luck = (rng.random(2 * iterations) >= LOSS).tolist()
        from_model, from_mass, to_model, to_mass = models[i], masses[i], models[i + 1 - n], masses[i + 1 - n]
        gradients.asked[i] = x = x0
        yield clock.timeout(times[0])
        z = g = gradients.get(i)
        rho = used = 0 * x0
        for k in range(iterations):
            now = clock.now
            v = x - STEP * z
            x = 0.5 * (v + from_model.newest(now))
            if luck[2 * k]:
                to_model.flying.append((now + LATENCY, v))
            gradients.asked[i] = x
            yield clock.timeout(times[k + 1])
            g_old, g, now = g, gradients.get(i), clock.now
            heard = from_mass.newest(now)
            z = 0.5 * (z + (heard - used) + (g - g_old))
            used, rho = heard, rho + z
            if luck[2 * k + 1]:
                to_mass.flying.append((now + LATENCY, rho))

    for i in range(n):
        clock.process(worker(i))
    start = time.process_time()
    clock.run()
    return 1e6 * (time.process_time() - start) / (n * iterations)


def measure(workers: int, pairs: int) -> dict[str, float]:
    """One row: medians over `pairs` pairs."""
    iterations = max(200, WORKER_ITERATIONS // workers)
    run = make_run(workers, "r-fast", iterations)
    problem, suite = problem_of(run), simulated(run)
    bare, whole = zip(*((loop(problem, iterations), suite()) for _ in range(pairs)), strict=True)
    ours, floor = statistics.median(whole), statistics.median(bare)
    return {
        "workers": workers,
        "suite_microseconds": round(ours, 2),
        "bare_loop_microseconds": round(floor, 2),
        "ratio": round(floor / ours, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[16, 100, 1000, 4096])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with threadpool_limits(limits=1):
        for workers in options.workers:
            rows.append(measure(workers, options.pairs))
            words = "n = {workers:5}: suite {suite_microseconds:6.2f} µs, bare loop {bare_loop_microseconds:6.2f} µs"
            print((words + ", ratio {ratio:.2f}").format(**rows[-1]))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
