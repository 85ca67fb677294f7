"""What a simulated run with `kind: torch` costs beside its gradients: CPU time over that of a bare loop of them.

    python -m benchmarks.torch_gradients [--gradients 1200] [--pairs 5] [--model lenet]

The bare loop is what everybody writes: rows gathered, `loss.backward()`, a step of plain SGD on the module's own
parameters. Both see images of 28 × 28 pixels in batches of 32; a machine drifts, so they are timed in turn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch.nn.functional import cross_entropy

from benchmarks.setting import run_of
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.problems.network import TorchProblem
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker, problem_of

WORKERS, STEP = 8, 0.05
DATA = {"kind": "synthetic", "samples": 2400, "features": 784, "classes": 10}


class Unseen(Evaluator):
    """Looks at no model: evaluation is not what is measured."""

    def __init__(self) -> None:
        self._start_loss = 1.0

    def measure(self, algorithms: Any) -> dict[str, float]:
        """Nothing is known."""
        names = ("loss", "loss_worst", "gap", "accuracy", "consensus", "gradient_norm", "residual")
        return {name: float("nan") if name != "loss" else 1.0 for name in names}


def scenario(model: str, gradients: int) -> Run:
    """R-FAST over lossy links, every worker an equal part of the gradients."""
    iterations = max(1, gradients // WORKERS)
    return run_of(
        "torch-gradients",
        workers=WORKERS,
        problem={"kind": "torch", "model": model, "dataset": DATA, "batch_size": 32, "test_fraction": 0},
        algorithms=[{"name": "r-fast", "step_size": STEP}],
        stop={"iterations": iterations},
        evaluate={"every": f"{iterations} iterations"},
    )


def suite(run: Run, problem: TorchProblem) -> float:
    """CPU milliseconds of the run, a gradient."""
    began = time.process_time()
    outcome = simulate(run.scenario, maker(run), run.build_topology(), problem, Unseen(), run.seed)
    return 1000 * (time.process_time() - began) / float(outcome.frames["curves"]["gradients"].iloc[-1])


def bare(problem: TorchProblem, gradients: int) -> float:
    """CPU milliseconds of a gradient that is followed by a step."""
    module = problem.engine.task.make().train()
    optimiser = torch.optim.SGD(module.parameters(), lr=STEP)
    inputs, targets = problem.engine.train.inputs, problem.engine.train.targets
    batches = problem.sampler(0, np.random.default_rng(0))
    began = time.process_time()
    for _ in range(gradients):
        rows = torch.from_numpy(problem.samples_of(0, next(batches)))
        optimiser.zero_grad()
        torch.autograd.backward(cross_entropy(module(inputs[rows]), targets[rows]))
        optimiser.step()
    return 1000 * (time.process_time() - began) / gradients


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gradients", type=int, default=1200)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--model", default="lenet")
    asked = parser.parse_args()
    run = scenario(asked.model, asked.gradients)
    problem = problem_of(run)
    assert isinstance(problem, TorchProblem)
    torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        pairs = [(suite(run, problem), bare(problem, asked.gradients)) for _ in range(asked.pairs)]
    ours, loop = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"{asked.model}, {problem.dim} weights, R-FAST, {WORKERS} workers, {asked.gradients} gradients of 32"
    )
    print(f"suite {ours:.2f} ms, bare loop {loop:.2f} ms a gradient: ratio {ours / loop:.3f}")


if __name__ == "__main__":
    main()
