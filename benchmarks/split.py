"""CPU time per worker-iteration of the simulated world, split by part, beside the floor.

    python -m benchmarks.split [--quick] [--json FILE]
    python -m benchmarks.split --compare BEFORE.json AFTER.json

R-FAST on a directed ring (two messages an iteration), float64, lognormal compute times and latency, 5 % loss, with
everything on: per-link draws, losses, staleness, counters, records, an evaluation at both ends. Three problems:
logistic regression with d = 20 and full batches of 50 rows; with d = 7850 (10 classes x 785) and batches of 32; a
network with batches of 32. Few iterations are measured where they are dear, so that two evaluations weigh more
than they would in a study: they are a part of their own and not in the ratio. The floor is the bare batched
gradient: the same batches again, with nothing around them. Figures of one call belong together; those of another
machine or hour do not.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.sampling import PARTS, sampled
from benchmarks.setting import run_of
from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker, problem_of

WORKERS = (16, 100, 1000, 4096)
LEAST_ROUNDS = 3
PROBLEMS: dict[str, tuple[dict[str, Any], int, int]] = {
    "logistic d=20": (
        {"kind": "logistic-regression", "features": 19, "classes": 2, "batch": "full"},
        50,
        60_000,
    ),
    "logistic d=7850": (
        {"kind": "logistic-regression", "features": 784, "classes": 10, "batch": 32},
        32,
        4_000,
    ),
    "mlp d=2410": ({"kind": "mlp", "features": 64, "classes": 10, "batch": 32}, 32, 8_000),
}
"""What it is, its rows per worker, and about how many worker-iterations to measure."""


def make_run(problem: str, workers: int, quick: bool) -> Run:
    """Compute times have mean 1 s, so that seconds are iterations per worker."""
    wanted, rows, iterations = PROBLEMS[problem]
    seconds = max(LEAST_ROUNDS, (iterations // (20 if quick else 1)) / workers)
    dataset = {"kind": "synthetic", "samples": rows * workers, "noise": 1.0}
    dataset |= {key: wanted[key] for key in ("features", "classes")}
    return run_of(
        "bench",
        workers=workers,
        problem={
            "kind": wanted["kind"],
            "dataset": dataset,
            "batch_size": wanted["batch"],
            "test_fraction": 0,
        },
        algorithms=[{"name": "r-fast", "step_size": 0.01, "topology": "directed-ring"}],
        stop={"time": seconds},
        evaluate={"every": seconds},
    )


def measure(name: str, workers: int, quick: bool) -> dict[str, Any]:
    """One row of the table; times in microseconds of CPU per worker-iteration."""
    run = make_run(name, workers, quick)
    problem, topology = problem_of(run), run.build_topology()
    evaluator, make = Evaluator(problem, None), maker(run)
    calls = log_batches(problem)
    warm = make_run(name, min(workers, 16), True)  # imports, caches and torch's first call
    simulate(
        warm.scenario,
        maker(warm),
        warm.build_topology(),
        problem_of(warm),
        Evaluator(problem_of(warm), None),
        0,
    )
    start = time.process_time()
    with sampled() as parts:
        outcome = simulate(run.scenario, make, topology, problem, evaluator, run.seed)
    spent = time.process_time() - start
    done = float(outcome.frames["curves"]["gradients"].iloc[-1])
    scale = 1e6 * spent / done / sum(parts[part] for part in PARTS)
    floor = 1e6 * bare(problem, calls) / sum(map(len, calls))
    return {
        "problem": name,
        "workers": workers,
        "worker_iterations": round(done),
        "total": 1e6 * spent / done,
        **{part: scale * parts[part] for part in PARTS},
        "floor": floor,
        "mean_batch": sum(map(len, calls)) / len(calls),
        "samples": round(parts["samples"]),
    }


def log_batches(problem: Problem) -> list[list[int]]:
    """From now on, the workers of each batched call are noted in the list that is returned."""
    calls: list[list[int]] = []
    gradients = problem.gradients

    def noted(workers: Sequence[int], points: Any, batches: Sequence[Any]) -> Any:
        calls.append(list(workers))
        return gradients(workers, points, batches)

    problem.__dict__["gradients"] = noted
    return calls


def bare(problem: Problem, calls: Sequence[Sequence[int]]) -> float:
    """Seconds of CPU of the same batched gradients alone; what they are called with is made beforehand."""
    del problem.__dict__["gradients"]
    largest = max(map(len, calls))
    points = np.repeat(problem.start[None], largest, axis=0)
    batches = {
        i: next(problem.sampler(i, stream(0, "batches", i))) for i in {i for call in calls for i in call}
    }
    drawn = [[batches[i] for i in call] for call in calls]
    start = time.process_time()
    for call, own in zip(calls, drawn, strict=True):
        problem.gradients(call, points[: len(call)], own)
    return time.process_time() - start


# ---------------------------------------------------------------------------------------------- what is shown
def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Microseconds of CPU per worker-iteration."""
    shown = Table(
        title="Microseconds of CPU per worker-iteration", caption="ratio: (total − evaluation) / floor"
    )
    for heading in ("problem", "n", "total", *PARTS, "floor", "ratio", "batch"):
        shown.add_column(heading, justify="left" if heading == "problem" else "right")
    for row in rows:
        figures = [f"{row[key]:.1f}" for key in ("total", *PARTS, "floor")]
        ratio, batch = f"{(row['total'] - row['evaluation']) / row['floor']:.2f}", f"{row['mean_batch']:.0f}"
        shown.add_row(row["problem"], str(row["workers"]), *figures, ratio, batch)
    return shown


def comparison(before: dict[str, Any], after: dict[str, Any]) -> Table:
    """Of each part, how many times the earlier figure the later one is; rows that only one file has are left out."""
    shown = Table(title=f"{after['commit']} over {before['commit']} (below 1 is quicker)")
    for heading in ("problem", "n", "total", *PARTS, "floor"):
        shown.add_column(heading, justify="left" if heading == "problem" else "right")
    earlier = {(row["problem"], row["workers"]): row for row in before["rows"]}
    for row in after["rows"]:
        old = earlier.get((row["problem"], row["workers"]))
        if old is not None:
            figures = [f"{row[k] / old[k]:.2f}" if old[k] else "–" for k in ("total", *PARTS, "floor")]
            shown.add_row(row["problem"], str(row["workers"]), *figures)
    return shown


def commit() -> str:
    """The short name of the commit that is checked out, with `+` when files have changed; `unknown` without git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+", "--exclude", "*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="n = 16 alone, and briefly")
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("BEFORE", "AFTER"))
    options = parser.parse_args(arguments)
    console = Console(width=None if Console().is_terminal else 130)
    if options.compare:
        before, after = (json.loads(path.read_text()) for path in options.compare)
        console.print(comparison(before, after))
        return
    sizes = [16] if options.quick else options.workers
    with threadpool_limits(limits=1):
        rows = [measure(name, n, options.quick) for name in PROBLEMS for n in sizes]
    console.print(table(rows))
    if options.json:
        about = {"commit": commit(), "python": platform.python_version(), "numpy": np.__version__}
        options.json.write_text(json.dumps({**about, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
