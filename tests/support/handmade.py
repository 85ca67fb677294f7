"""Worlds for tests: one driven by hand, without a clock, and short runs of the simulated one.

`World` is the one of `rfast-bench check`: nothing happens in it until a test says so, and every array that passes
through it is made read-only.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from rfast_bench.api import Algorithm, Needs, Vector
from rfast_bench.conformance.hand.world import Oracle, World
from rfast_bench.plan import registry
from rfast_bench.plan.runs import Point, Run, with_parameters
from rfast_bench.problems import Problem, reference
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.scenario.reading import validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.sim.monitor import Outcome
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import problem_of
from rfast_bench.topology.build import build
from rfast_bench.topology.topology import Topology


def graph(kind: str, n: int, needs: Needs = "pair") -> Topology:
    return build(TopologySpec(kind=kind), n, needs)


def unequal(kind: str, n: int) -> Topology:
    """The pair of that kind with weights that all differ: row sums of W and column sums of A stay 1."""
    rng, uniform = np.random.default_rng(n), graph(kind, n)

    def varied(rows: tuple[Any, ...]) -> tuple[dict[int, float], ...]:
        drawn = [dict(zip(row, rng.dirichlet([3.0] * len(row)).tolist(), strict=True)) for row in rows]
        return tuple(drawn)

    return replace(uniform, W=varied(uniform.W), A=varied(uniform.A))


def maker(name: str, **parameters: Any) -> Callable[[Vector], Any]:
    """Builds one worker's part of a registered algorithm from x0."""
    make: Any = registry.find(name)
    return lambda x0: make(x0, **parameters)


def noise(seed: int, shape: int = 2, dtype: Any = np.float64) -> Oracle:
    """Gradients that depend on nothing but the worker and the count."""
    return lambda i, at, k: np.random.default_rng([seed, i, k]).standard_normal(shape).astype(dtype)


def curvatures(n: int, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """H, b of f_i(x) = Σ_k H_ik (x_k − b_ik)²/2, shape (n, d) each: no two workers want the same."""
    rng = np.random.default_rng(5)
    return rng.uniform(0.5, 2, (n, d)), rng.standard_normal((n, d))


def matrix(world: World, name: str) -> np.ndarray:
    """W or A as a matrix, `M[i, j]` the weight of the edge j -> i."""
    M = np.zeros((world.n, world.n))
    for i, node in enumerate(world.nodes):
        for j, weight in getattr(node, name).items():
            M[(i, j) if name == "W" else (j, i)] = weight
    return M


def mean_step(world: World) -> float:
    """By what share the mean model shrinks a round once the workers agree, where every f_i is x²/2."""
    for _ in range(120):
        world.round()
    before = np.mean([w.x for w in world.workers])
    for _ in range(50):
        world.round()
    return float((before - np.mean([w.x for w in world.workers])) / (50 * before))


def schedules(most: int = 120, drops: bool = True) -> st.SearchStrategy[list[tuple[str, int]]]:
    """Hypothesis: any order of steps, deliveries (in any order) and losses."""
    moves = ["step", "deliver", "drop"] if drops else ["step", "deliver"]
    return st.lists(st.tuples(st.sampled_from(moves), st.integers(0, 999)), max_size=most)


# -------------------------------------------------------------------------------------- simulated runs
class Recorder(Evaluator):
    """Keeps every worker's model at each look."""

    def __init__(self, problem: Problem, gap: bool) -> None:
        super().__init__(problem, reference(problem) if gap else None)
        self.models: list[np.ndarray] = []
        self.workers: Sequence[Any] = ()

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        self.workers = list(algorithms.values())
        self.models.append(np.array([a.model for a in self.workers]))
        return super().measure(algorithms)


@dataclass(frozen=True)
class Played:
    """A simulated run, its problem, every worker's algorithm as it ended, and the models at each look."""

    outcome: Outcome
    problem: Any
    workers: Sequence[Any]
    models: list[np.ndarray] = field(repr=False)

    @property
    def curves(self) -> pd.DataFrame:
        return self.outcome.frames["curves"]

    def intervals(self) -> dict[int, np.ndarray]:
        """Of each worker: when its gradients were begun and done, shape (k, 2)."""
        frame = self.outcome.frames["timeline"]
        return {int(str(i)): own[["start", "end"]].to_numpy() for i, own in frame.groupby("worker")}


BASE: Mapping[str, Any] = {
    "name": "handmade",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 4},
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.3},
    "network": {"latency": 0.2},
    "stop": {"iterations": 50},
    "evaluate": {"every": "1 iteration"},
}
WINE: Mapping[str, Any] = {"kind": "logistic-regression", "dataset": "wine", "l2": 0.05, "test_fraction": 0}


def make_run(algorithm: str | Mapping[str, Any], seed: int = 0, **over: Any) -> Run:
    """One run of one algorithm; the keywords replace whole entries of `BASE`."""
    raw = {**BASE, **over, "algorithms": [algorithm]}
    scenario = validate(Scenario, raw, "test")
    return Run(Point({}, with_parameters(scenario, "test", None), Path()), 0, seed)


def simulate_run(run: Run, gap: bool = False) -> Played:
    """Play a run in the simulated world; `gap` asks for the distance to the optimum's loss as well."""
    make: Any = run.algorithm_class
    problem = problem_of(run)
    recorder = Recorder(problem, gap)
    parameters = run.algorithm.parameters
    outcome = simulate(
        *(run.scenario, lambda x0: make(x0, **parameters), run.build_topology(), problem, recorder, run.seed),
        training=run.training,
    )
    return Played(outcome, problem, recorder.workers, recorder.models)


# ------------------------------------------------------------------------------------------ source code
def imports(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it; `from a import b` counts as `a` and as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.update([str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)])
    return found
