"""How far R-FAST's ledger drifts by rounding, and what it costs in the end.

    python -m benchmarks.drift [--iterations 1000000] [--workers 4] [--graph directed-ring] [--dtype float32]
                               [--form plain compensated ...] [--json FILE]

A quadratic per worker in the simulated world: noisy gradients (deviation 1) for so many iterations of a worker on
average, then full ones for `--calm` more, in which the method goes to the optimum as near as its rounding lets it.
Messages take 0.1 of a compute time, 5 % are lost. On graphs with cycles the running sums walk at random.

    drift    largest coordinate of Σ z + Σ ρ - Σ ρ̃ - Σ g, added up in float64, over the gradients' root mean square
             while they were noisy; 0 in exact arithmetic
    ρ        largest coordinate of any running sum, when the noise ends
    gap      f(x̄) - f* at the end
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.setting import run_of
from rfast_bench.algorithms.r_fast import RFast
from rfast_bench.api import Algorithm, Node, Vector
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem, Reference
from rfast_bench.problems.base import Batch
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.problems.quadratic import Quadratic
from rfast_bench.sim.world import simulate

LOOKS = 20
PROBLEM = {"kind": "quadratic", "dim": 2, "condition": 10, "heterogeneity": 1.0, "noise": 1.0, "seed": 0}


class Wide(RFast):  # type: ignore[misc, unused-ignore]
    """The running sums and the tracker in float64: messages along G(A) are twice as long."""

    def settle(self, node: Node) -> None:
        super().settle(node)
        wide = lambda v: np.asarray(v, np.float64)  # noqa: E731
        self.rho = {j: wide(v) for j, v in self.rho.items()}
        self.rho_used = {j: wide(v) for j, v in self.rho_used.items()}

    def descend(self, x: Vector, z: Vector) -> Vector:
        v: Vector = super().descend(x, z)
        return v.astype(x.dtype)

    def track(self, node: Node, g_new: Vector) -> None:
        super().track(node, g_new.astype(np.float64))


class Added(RFast):  # type: ignore[misc, unused-ignore]
    """z is y less what was truly added to the sums, y - Σ (ρ_new - ρ_old): rounding of y is carried on."""

    def track(self, node: Node, g_new: Vector) -> None:
        before = dict(self.rho)
        y = self.z + (g_new - self.g)
        for j in node.in_A:
            y = y + (node.newest(j, "rho", self.rho_used[j]) - self.rho_used[j])
        super().track(node, g_new)
        self.z = y - sum(self.rho[j] - before[j] for j in before)


class Twofold(RFast):  # type: ignore[misc, unused-ignore]
    """compensated, and what rounding takes from y is kept in `low` for the next iteration."""

    low: Any = 0.0

    def track(self, node: Node, g_new: Vector) -> None:
        rho, used = self.rho, self.rho_used
        A, out_A = self.sharing(node)
        low = self.low
        y, low = add(self.z, low, 0 * self.z)
        y, low = add(y, g_new, low)
        y, low = add(y, -self.g, low)
        for j in node.in_A:
            rho_in = node.newest(j, "rho", used[j])
            y, low = add(y, rho_in - used[j], low)
            used[j] = rho_in
        z = y
        for j in out_A:
            new = rho[j] + A[j] * y
            z, low = add(z, -(new - rho[j]), low)
            rho[j] = new
            node.post(j, "rho", new)
        self.z, self.low = z, low
        self.g = g_new


def add(a: Vector, b: Vector, low: Vector) -> tuple[Vector, Vector]:
    s = a + b
    t = s - a
    return s, low + ((a - (s - t)) + (b - t))


FORMS: dict[str, tuple[type[RFast], dict[str, Any]]] = {
    "plain": (RFast, {"compensated": False}),
    "added": (Added, {"compensated": False}),
    "ledger": (RFast, {"compensated": True}),
    "twofold": (Twofold, {}),
    "wide": (Wide, {"compensated": False}),
}


class Calming(Quadratic):
    """A quadratic whose noise ends after so many gradients of a worker."""

    def __init__(self, run: Run, noisy: int) -> None:
        super().__init__(run.scenario.problem, run.scenario.workers)  # type: ignore[arg-type]
        self._noisy = noisy

    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        return chain(islice(super().sampler(worker, rng), self._noisy), repeat(None))


class Books(Evaluator):
    """Looks into the workers' books too."""

    def __init__(self, problem: Problem) -> None:
        optimum = problem.reference()
        super().__init__(problem, Reference(optimum, problem.loss(optimum), 0.0))
        self.seen: list[tuple[float, float, float]] = []

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        workers: Sequence[Any] = list(algorithms.values())
        self.seen.append((ledger(workers), size([r for w in workers for r in w.rho.values()]), rms(workers)))
        return super().measure(algorithms)


def ledger(workers: Sequence[Any]) -> float:
    """Largest coordinate of what the ledger leaves, added up in float64."""
    left: Any = 0.0
    for w in workers:
        for sign, vectors in ((1, [w.z, *w.rho.values()]), (-1, [w.g, *w.rho_used.values()])):
            for v in vectors:
                left = left + sign * np.asarray(v, np.float64)
    return float(np.abs(left).max())


def size(vectors: Sequence[Any]) -> float:
    return max((float(np.abs(v).max()) for v in vectors), default=0.0)


def rms(workers: Sequence[Any]) -> float:
    return float(np.sqrt(np.mean([np.asarray(w.g, float) ** 2 for w in workers])))


def run_with(graph: str, workers: int, dtype: str, iterations: int, step: float) -> Run:
    return run_of(
        "drift",
        workers=workers,
        problem={**PROBLEM, "dtype": dtype},
        algorithms=[{"name": "r-fast", "step_size": step, "topology": graph}],
        stop={"iterations": iterations},
        evaluate={"every": f"{iterations // LOOKS} iterations"},
    )


def measure(
    form: str, graph: str, workers: int, dtype: str, noisy: int, calm: int, step: float
) -> dict[str, Any]:
    kind, parameters = FORMS[form]
    run = run_with(graph, workers, dtype, noisy + calm, step)
    problem = Calming(run, noisy)
    books = Books(problem)
    began = time.process_time()
    outcome = simulate(
        run.scenario,
        lambda x0: kind(x0, step_size=step, **parameters),
        run.build_topology(),
        problem,
        books,
        0,
    )
    curves = outcome.frames["curves"]
    at = curves["iterations_max"].to_numpy() <= noisy
    last = int(np.flatnonzero(at)[-1])
    gradient = float(
        np.sqrt(np.mean([g**2 for (_, _, g), noisy in zip(books.seen, at, strict=True) if noisy]))
    )
    return {
        "form": form,
        "graph": graph,
        "workers": workers,
        "dtype": dtype,
        "iterations": noisy,
        "drift": books.seen[-1][0] / gradient,
        "drift_at_noise_end": books.seen[last][0] / gradient,
        "rho": books.seen[last][1],
        "gap": float(curves["gap"].iloc[-1]),
        "residual": float(curves["residual"].iloc[-1]),
        "cpu_seconds": round(time.process_time() - began, 1),
        "status": outcome.status,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iterations", type=int, default=1_000_000)
    parser.add_argument("--calm", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--graph", nargs="+", default=["directed-ring"])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--form", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--step", type=float, default=0.05)
    parser.add_argument("--json", type=Path)
    o = parser.parse_args()
    rows = []
    with threadpool_limits(limits=1):
        for graph in o.graph:
            for form in o.form:
                rows.append(measure(form, graph, o.workers, o.dtype, o.iterations, o.calm, o.step))
                print(rows[-1], flush=True)
    if o.json:
        o.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
