"""Many workers with a large model: the time of the simulated world beside its floor, its memory beside what is stated.

    python -m benchmarks.large_model [--workers 1024] [--iterations 60] [--rows 32] [--json FILE]

R-FAST on a binary tree, logistic regression with 10 classes x 785 = 7850 coordinates in float64, batches of 32,
5 % loss; everything on, an evaluation at both ends. Microseconds of CPU per worker-iteration.

The floor is what such a run cannot do without, timed afterwards in the same process on the state that the run left:

    gradients   mini-batches drawn, models put side by side, batched gradients of as many as the run batches
    algebra     the 12 operations of an iteration: 5 for v and x, 7 for z and ρ; the payloads v and ρ are new vectors,
                everything else is updated in place

Each of the two goes over all workers, in an order drawn anew, before the other one starts. So every vector and every
sample comes from main memory, as in the run: one vector of each of 1024 workers is 64 MB.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

from benchmarks.setting import run_of
from rfast_bench.algorithms.r_fast import RFast
from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem
from rfast_bench.problems.base import Array
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.records.peak_memory import peak
from rfast_bench.sim.gradients import LazyGradients
from rfast_bench.sim.malloc import kept_memory
from rfast_bench.sim.world import simulate
from rfast_bench.study.memory import MIB, estimate, sizes_of
from rfast_bench.study.run import maker, problem_of
from rfast_bench.topology.topology import Topology

STEP = 0.001
FLOOR_ITERATIONS = 5000
"""About how many worker-iterations of the floor are timed; three rounds of all workers at least."""
WARMING = 3
"""Rounds before them, in which memory is had that later rounds use again."""


def make_run(workers: int, iterations: int, rows: int, features: int = 784) -> Run:
    """`rows`: samples per worker."""
    dataset = {"kind": "synthetic", "samples": rows * workers, "features": features, "classes": 10}
    problem = {"kind": "logistic-regression", "dataset": dataset, "batch_size": 32, "test_fraction": 0}
    return run_of(
        "large-model",
        workers=workers,
        problem=problem,
        algorithms=[{"name": "r-fast", "step_size": STEP, "topology": "binary-tree"}],
        stop={"iterations": iterations},
        evaluate={"every": f"{iterations} iterations"},
    )


# ---------------------------------------------------------------------------------------------------- the floor
@dataclass
class State:
    """What the workers of a run hold, taken from them; row i is worker i's."""

    workers: Sequence[RFast]
    x: list[Array] = field(init=False)
    z: list[Array] = field(init=False)
    g: list[Array] = field(init=False)
    v: list[Array] = field(init=False)
    rho: list[Array] = field(init=False)
    used: list[dict[int, Array]] = field(init=False)
    fresh: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        taken = [vars(worker) for worker in self.workers]
        self.x, self.z, self.g = ([own.pop(name).copy() for own in taken] for name in "xzg")
        self.v = [x.copy() for x in self.x]
        given = [own.pop("rho") for own in taken]
        self.rho = [next(iter(own.values()), self.x[0]) for own in given]
        self.used = [own.pop("rho_used") for own in taken]
        self.fresh = list(self.g)


class Floor:
    """Bare gradients and bare algebra, on a binary tree of all workers."""

    def __init__(self, problem: Problem, topology: Topology, state: State, batch: int) -> None:
        self._problem, self._topology, self._state, self._batch = problem, topology, state, batch
        self._samplers = [problem.sampler(i, stream(0, "batches", i)) for i in range(topology.n)]
        self._order = stream(0, "order")
        self._weights = [{j: np.array(w) for j, w in topology.W[i].items()} for i in range(topology.n)]
        self._shares = [{j: np.array(a) for j, a in topology.A[i].items()} for i in range(topology.n)]

    def measure(self, rounds: int) -> tuple[float, float]:
        """Microseconds of CPU of the gradients and of the algebra per worker-iteration: medians over rounds."""
        with kept_memory(0):
            timed = [
                (self._timed(self._gradients), self._timed(self._algebra)) for _ in range(WARMING + rounds)
            ]
        gradients, algebra = zip(*timed[WARMING:], strict=True)
        return statistics.median(gradients), statistics.median(algebra)

    def _timed(self, work: Callable[[Sequence[int]], None]) -> float:
        order = self._order.permutation(self._topology.n).tolist()
        start = time.process_time()
        work(order)
        return 1e6 * (time.process_time() - start) / len(order)

    def _gradients(self, order: Sequence[int]) -> None:
        state, problem = self._state, self._problem
        for first in range(0, len(order), self._batch):
            some = order[first : first + self._batch]
            points = problem.stack([state.x[i] for i in some])
            values = problem.gradients(some, points, [next(self._samplers[i]) for i in some])
            for i, value in zip(some, values, strict=True):
                state.fresh[i] = value

    def _algebra(self, order: Sequence[int]) -> None:
        state, topology, step = self._state, self._topology, np.array(STEP)
        scaled, y = np.empty_like(state.x[0]), np.empty_like(state.x[0])
        for i in order:
            x, z, weights, shares, used = (
                state.x[i],
                state.z[i],
                self._weights[i],
                self._shares[i],
                state.used[i],
            )
            np.multiply(step, z, out=scaled)
            state.v[i] = v = x - scaled
            np.multiply(weights[i], v, out=x)
            for j in topology.in_W(i):
                np.multiply(weights[j], state.v[j], out=scaled)
                x += scaled
            np.subtract(state.fresh[i], state.g[i], out=y)
            y += z
            for j in topology.in_A(i):
                np.subtract(state.rho[j], used[j], out=scaled)
                y += scaled
                used[j] = state.rho[j]
            np.multiply(shares[i], y, out=z)
            for j in topology.out_A(i):
                y *= shares[j]
                state.rho[i] = state.rho[i] + y
            state.g[i] = state.fresh[i]


# ---------------------------------------------------------------------------------------------------- the run
class TimedEvaluator(Evaluator):
    """Knows what its measures cost, and the workers."""

    seconds = 0.0
    workers: Sequence[Any] = ()

    def measure(self, algorithms: Mapping[int, Any]) -> dict[str, float]:
        start = time.process_time()
        row = super().measure(algorithms)
        self.seconds += time.process_time() - start
        self.workers = list(algorithms.values())
        return row


def measure(run: Run) -> dict[str, float]:
    """All figures: microseconds of CPU per worker-iteration, MiB, ratios."""
    problem, topology = problem_of(run), run.build_topology()
    evaluator, make = TimedEvaluator(problem, None), maker(run)
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    outcome = simulate(run.scenario, make, topology, problem, evaluator, run.seed)
    spent = time.process_time() - start
    most, stated = peak(), estimate(run, sizes_of(problem))
    done = float(outcome.frames["curves"]["gradients"].iloc[-1])
    batch = LazyGradients(problem).largest
    floor = Floor(problem, topology, State(evaluator.workers), batch)
    gradients, algebra = floor.measure(max(3, FLOOR_ITERATIONS // topology.n))
    total, evaluation = 1e6 * spent / done, 1e6 * evaluator.seconds / done
    return {
        "workers": topology.n,
        "worker_iterations": done,
        "total": total,
        "evaluation": evaluation,
        "floor_gradients": gradients,
        "floor_algebra": algebra,
        "batch": batch,
        "ratio": total / (gradients + algebra),
        "ratio_without_evaluation": (total - evaluation) / (gradients + algebra),
        "peak_mib": most / MIB,
        "stated_mib": stated.total / MIB,
        "peak_over_stated": most / stated.total,
        "state_mib": stated.state / MIB,
        "added_over_state": (most - before) / stated.state,
    }


def lines(figures: dict[str, float]) -> Iterator[str]:
    """What is printed."""
    yield (
        "n = {workers:.0f}: {total:.0f} µs per worker-iteration, {evaluation:.1f} of it evaluation; floor: "
        "gradients {floor_gradients:.0f} (batches of {batch:.0f}) + algebra {floor_algebra:.0f}; "
        "ratio {ratio:.2f}, without evaluation {ratio_without_evaluation:.2f}".format(**figures)
    )
    yield (
        "peak memory {peak_mib:.0f} MiB, stated {stated_mib:.0f}: {peak_over_stated:.2f}; "
        "the run itself added {added_over_state:.2f} of the stated state, {state_mib:.0f} MiB".format(
            **figures
        )
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=1024)
    parser.add_argument("--iterations", type=int, default=60, help="per worker")
    parser.add_argument(
        "--rows", type=int, default=32, help="samples per worker; below 32, batches are as small"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    with threadpool_limits(limits=1):
        figures = measure(make_run(options.workers, options.iterations, options.rows))
    print(*lines(figures), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
