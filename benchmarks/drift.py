"""How far R-FAST's ledger drifts by rounding, and what that costs in the end.

    python -m benchmarks.drift [--iterations 1000000] [--graph directed-ring exponential] [--dtype float32]
                               [--form plain added ledger wide] [--workers 4] [--json FILE]

A quadratic per worker in the simulated world: noisy gradients (deviation 1) for so many iterations of each worker,
then full ones for about `--calm` more, in which the method goes as near to the optimum as its rounding lets it.
Messages take a tenth of a compute time, 5 % are lost. On graphs with cycles the running sums walk at random.

    plain    z is carried on: the paper, and `compensated: false`
    added    z is y less what was truly added to the sums, y - Σ (ρ_new - ρ_old): until now `compensated: true`
    ledger   z is what the worker's own ledger leaves, g + Σ ρ̃ - Σ ρ: `compensated: true`, the default of float32
    wide     z is carried on, and it and all running sums are float64; models and weights are not

    drift    largest coordinate of Σ z + Σ ρ - Σ ρ̃ - Σ g at the end, added up in float64, over the root mean square of
             the noisy gradients; 0 in exact arithmetic
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
from rfast_bench.problems.base import Array, Batch
from rfast_bench.problems.evaluation import Evaluator, largest
from rfast_bench.problems.quadratic import Quadratic
from rfast_bench.scenario.problem.kinds import QuadraticSpec
from rfast_bench.sim.world import simulate

LOOKS, STEP = 20, 0.05
PROBLEM = {"kind": "quadratic", "dim": 2, "condition": 10, "heterogeneity": 1.0, "noise": 1.0, "seed": 0}


# ----------------------------------------------------------------------------------------------- other forms
class Added(RFast):  # type: ignore[misc, unused-ignore]  # a fresh clone sees Any
    """What is rounded in y is carried on, what is rounded in the sums is not."""

    z: Any

    def track(self, node: Node, g_new: Vector) -> None:
        before = dict(self.rho)
        y: Any = self.z + (g_new - self.g)
        for j in node.in_A:
            y = y + (node.newest(j, "rho", self.rho_used[j]) - self.rho_used[j])
        super().track(node, g_new)
        self.z = y - sum(self.rho[j] - before[j] for j in before)


class Wide(RFast):  # type: ignore[misc, unused-ignore]
    """Accounts in float64: messages along G(A) are twice as long."""

    def settle(self, node: Node) -> None:
        super().settle(node)
        for account in (self.rho, self.rho_used):
            account.update({j: np.asarray(v, np.float64) for j, v in account.items()})

    def descend(self, x: Array, z: Vector) -> Array:
        return np.asarray(super().descend(x, z), x.dtype)

    def track(self, node: Node, g_new: Vector) -> None:
        super().track(node, np.asarray(g_new, np.float64))


FORMS: Mapping[str, tuple[type[RFast], bool]] = {
    "plain": (RFast, False),
    "added": (Added, False),
    "ledger": (RFast, True),
    "wide": (Wide, False),
}
"""The class, and whether it is `compensated`."""


# ------------------------------------------------------------------------------------------------ measuring
class Calming(Quadratic):
    """A quadratic whose noise ends after so many gradients of a worker."""

    def __init__(self, spec: QuadraticSpec, workers: int, noisy: int) -> None:
        super().__init__(spec, workers)
        self._noisy = noisy

    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        """See `Problem`."""
        return chain(islice(super().sampler(worker, rng), self._noisy), repeat(None))


class Books(Evaluator):
    """Looks into the workers' books too: what their ledger leaves, their largest sum, their gradients."""

    def __init__(self, problem: Quadratic) -> None:
        optimum = problem.reference()
        super().__init__(problem, Reference(optimum, problem.loss(optimum), 0.0))
        self.left: list[float] = []
        self.sums: list[float] = []
        self.squares: list[float] = []

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        """See `Evaluator`."""
        workers: Sequence[Any] = list(algorithms.values())
        self.left.append(ledger(workers))
        self.sums.append(max((largest(rho) for w in workers for rho in w.rho.values()), default=0.0))
        self.squares.append(float(np.mean([np.square(w.g, dtype=float) for w in workers])))
        return super().measure(algorithms)


def ledger(workers: Sequence[Any]) -> float:
    """Largest coordinate of what the ledger leaves, added up in float64."""
    given = [v for w in workers for v in (w.z, *w.rho.values())]
    taken = [v for w in workers for v in (w.g, *w.rho_used.values())]
    return largest(np.sum(given, axis=0, dtype=float) - np.sum(taken, axis=0, dtype=float))


def run_with(graph: str, workers: int, dtype: str, iterations: int) -> Run:
    """The benchmark's scenario, for so many iterations a worker."""
    return run_of(
        "drift",
        workers=workers,
        problem={**PROBLEM, "dtype": dtype},
        algorithms=[{"name": "r-fast", "step_size": STEP, "topology": graph}],
        stop={"iterations": iterations},
        evaluate={"every": f"{max(1, iterations // LOOKS)} iterations"},
    )


def measure(form: str, graph: str, workers: int, dtype: str, noisy: int, calm: int) -> dict[str, Any]:
    """One row of the table."""
    kind, compensated = FORMS[form]
    run = run_with(graph, workers, dtype, noisy + calm)
    spec: Any = run.scenario.problem
    problem: Problem = Calming(spec, workers, noisy)
    books = Books(Calming(spec, workers, noisy))
    began = time.process_time()
    outcome = simulate(
        run.scenario,
        lambda x0: kind(x0, step_size=STEP, compensated=compensated),
        run.build_topology(),
        problem,
        books,
        run.seed,
    )
    curves = outcome.frames["curves"]
    noise = (curves["iterations_max"] <= noisy).to_numpy()
    gradient = float(np.sqrt(np.mean(np.array(books.squares)[noise])))
    return {
        **{"graph": graph, "form": form, "dtype": dtype, "workers": workers, "iterations": noisy},
        "drift": books.left[-1] / gradient,
        "rho": books.sums[int(np.flatnonzero(noise)[-1])],
        "gap": float(curves["gap"].iloc[-1]),
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iterations", type=int, default=1_000_000, help="of each worker, noisy")
    parser.add_argument("--calm", type=int, default=10_000, help="iterations a worker with full gradients")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--graph", nargs="+", default=["directed-ring", "exponential"])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--form", nargs="+", choices=list(FORMS), default=["plain", "added", "ledger"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with threadpool_limits(limits=1):
        for graph, form in ((graph, form) for graph in options.graph for form in options.form):
            parts = (options.workers, options.dtype, options.iterations, options.calm)
            rows.append(measure(form, graph, *parts))
            words = (
                "{graph}, {form}: drift {drift:.2g}, ρ {rho:.3g}, gap {gap:.2g} ({cpu_seconds:g} s of CPU)"
            )
            print(words.format(**rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
