"""CPU time per worker-iteration of the simulated world, beside the floor: the bare batched gradients.

    python -m benchmarks.worker_iterations [--workers 16 100 1000] [--algorithm r-fast] [--json FILE]

R-FAST on a directed ring (two messages an iteration), binary logistic regression with d = 20, 50 rows a
worker, full batch, float64, lognormal compute times, lognormal latency, 5 % loss. Everything is on: per-link
draws, losses, staleness, counters, records. Each figure is the best of `--repeat`; figures of one call belong
together, those of different calls do not, for machines differ and drift.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.setting import run_of
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker, problem_of

FEATURES, ROWS, BATCH = 19, 50, 64
WORKER_ITERATIONS = 60_000


def make_run(workers: int, algorithm: str, iterations: int) -> Run:
    """The benchmark's scenario, for so many iterations per worker."""
    dataset = {
        "kind": "synthetic",
        "samples": ROWS * workers,
        "features": FEATURES,
        "classes": 2,
        "noise": 1.0,
    }
    return run_of(
        "bench",
        workers=workers,
        problem={
            "kind": "logistic-regression",
            "dataset": dataset,
            "batch_size": "full",
            "partition": "iid",
            "test_fraction": 0,
        },
        algorithms=[
            {"name": algorithm, "step_size": 0.05}
            | ({"topology": "directed-ring"} if algorithm == "r-fast" else {})
        ],
        stop={"iterations": iterations},
        evaluate={"every": f"{iterations} iterations"},
    )


def simulated(run: Run) -> Callable[[], float]:
    """Microseconds of CPU per worker-iteration of the whole simulated world, start-up included."""
    problem, topology = problem_of(run), run.build_topology()
    evaluator = Evaluator(problem, None)
    make = maker(run)

    def once() -> float:
        start = time.process_time()
        outcome = simulate(run.scenario, make, topology, problem, evaluator, run.seed)
        spent = time.process_time() - start
        return 1e6 * spent / float(outcome.frames["curves"]["gradients"].iloc[-1])

    return once


def bare_gradients(run: Run) -> Callable[[], float]:
    """Microseconds of CPU per gradient of nothing but batched gradients, in batches of the same size."""
    problem = problem_of(run)
    size = min(BATCH, problem.workers)
    workers, points = list(range(size)), np.zeros((size, problem.dim))
    batches = [None] * size
    calls = max(1, WORKER_ITERATIONS // size // 4)

    def once() -> float:
        start = time.process_time()
        for _ in range(calls):
            problem.gradients(workers, points, batches)
        return 1e6 * (time.process_time() - start) / (calls * size)

    return once


def measure(workers: int, algorithm: str, repeat: int, least: int) -> dict[str, float]:
    """One row of the table."""
    run = make_run(workers, algorithm, max(least, WORKER_ITERATIONS // workers))
    whole, floor = simulated(run), bare_gradients(run)
    micros = min(whole() for _ in range(repeat))
    bare = min(floor() for _ in range(repeat))
    return {
        "workers": workers,
        "worker_iterations_per_cpu_second": round(1e6 / micros),
        "microseconds": round(micros, 2),
        "bare_gradient_microseconds": round(bare, 2),
        "ratio_to_floor": round(micros / bare, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[16, 100, 1000])
    parser.add_argument("--algorithm", default="r-fast")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--least", type=int, default=200, help="iterations per worker, at least")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with threadpool_limits(limits=1):
        rows = [measure(n, options.algorithm, options.repeat, options.least) for n in options.workers]
    print(f"{options.algorithm}: worker-iterations per CPU second (microseconds; bare gradient; ratio)")
    for row in rows:
        print(
            f"  n = {row['workers']:5d}  {row['worker_iterations_per_cpu_second']:8,d}"
            f"  ({row['microseconds']:6.2f}; {row['bare_gradient_microseconds']:5.2f};"
            f" {row['ratio_to_floor']:5.1f})"
        )
    if options.json:
        options.json.write_text(json.dumps({"algorithm": options.algorithm, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
