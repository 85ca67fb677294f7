"""One run: builds its problem, drives its world and writes its records. Runs in a process of its own."""

from __future__ import annotations

import gc
import math
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from rfast_bench import problems
from rfast_bench.api import Algorithm
from rfast_bench.breaches.lines import is_own
from rfast_bench.plan.graphs import unusual
from rfast_bench.plan.parameters import STEP, effective_step
from rfast_bench.plan.roles import mean_of
from rfast_bench.plan.runs import Run, write_resolved
from rfast_bench.plan.saturation import saturated
from rfast_bench.problems import Problem, Reference
from rfast_bench.problems.evaluation import NOBODY, Evaluator, Watcher
from rfast_bench.records.writing import FORMAT, SCENARIO, write_run
from rfast_bench.scenario.values.metrics import worker_of
from rfast_bench.sim.world import simulate
from rfast_bench.study.keeping import checkpoint
from rfast_bench.topology.topology import Topology

if TYPE_CHECKING:
    from rfast_bench.real.world import Launch

PACKAGES = ("rfast-bench", "numpy", "scipy", "scikit-learn", "simpy", "networkx", "torch", "pyzmq")


def problem_of(run: Run) -> Problem:
    """The run's problem, evaluated as the run says. Raises UserError when its data cannot be read or dealt."""
    where, samples = f"{run.point.source}: problem", run.scenario.evaluate.samples
    n, some = run.scenario.workers, run.computing
    problem = problems.build(run.scenario.problem, len(some) or n, run.seed, where)
    if samples is None:
        return problems.seated(problem, some, n)
    from rfast_bench.problems.network import TorchProblem  # imports torch; no other problem has the key

    assert isinstance(problem, TorchProblem)
    return problems.seated(problem.looking_at(None if samples == "all" else samples), some, n)


@dataclass(frozen=True)
class Record:
    """What a run gave, in the process that did it; small beside the run's own memory."""

    folder: Path
    manifest: dict[str, Any]
    frames: dict[str, pd.DataFrame]
    texts: dict[str, str]
    files: dict[str, bytes]

    def write(self, out: Path) -> None:
        """Write its folder below `out`."""
        write_run(out / self.folder, self.manifest, self.frames, self.texts, self.files)


def perform(
    run: Run,
    reference: Reference | None,
    watcher: Watcher = NOBODY,
    launch: Launch | None = None,
) -> Record:
    """Do one run. One thread of linear algebra, so that bytes repeat.

    `launch` does the runs of the real world when they are not to be started here.
    """
    with threadpool_limits(limits=1):
        problem = problem_of(run)
        one_torch_thread()
        topology = run.build_topology()
        simulated = run.scenario.world == "simulated"
        placed = problems.placed(problem, run.scenario.simulation.device) if simulated else problem
        device = "cpu" if simulated else run.scenario.real.device
        evaluator = evaluator_of(run, placed, reference, checkpoint.wanted(run), device)
        wall, cpu = time.perf_counter(), time.process_time()
        outcome: Any
        if not simulated:
            from rfast_bench.real.world import OWN, realise  # imports torch, which takes a second or more

            outcome = realise(run, problem, evaluator, watcher, launch or OWN)
        else:
            parts = (run.scenario, maker(run), topology, placed, evaluator, run.seed, watcher)
            outcome = simulate(*parts, training=run.training)
        files = checkpoint.files(run, evaluator)
        del evaluator
        give_back(device)
        spent = {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    manifest = {
        **describe(run),
        "topology": describe_topology(topology, run),
        "effective_step": _finite(
            effective_step(
                *(run.algorithm_class, topology, _step_size(run), run.algorithm.momentum),
                given=run.algorithm.parameters,
            )
        ),
        **_links(run, topology, problem),
        "status": outcome.status,
        "stopped_by": outcome.stopped_by,
        "reason": outcome.reason,
        "reference": None if reference is None else reference.loss,
        **_together(run, problem),
        **spent,
        **getattr(outcome, "notes", {}),
        **_told(run, outcome),
    }
    frames = {**outcome.frames, "topology": edges_of(topology)}
    return Record(run.folder, manifest, frames, {SCENARIO: write_resolved(run)}, files)


def evaluator_of(
    run: Run, problem: Problem, reference: Reference | None, keep: bool = False, device: str = "cpu"
) -> Evaluator:
    """What measures a run's models, as its scenario has it; see `Evaluator`."""
    scenario = run.scenario
    named = sorted({k for k in map(worker_of, scenario.waited_for) if k is not None})
    local = scenario.evaluate.workers not in (None, "mean")
    return Evaluator(problem, reference, keep, device, scenario.judged, named, local, _mean_of(run))


def record_skipped(run: Run, out: Path) -> None:
    """The folder of a run that cannot be done: its manifest with the reason."""
    manifest = {**describe(run), "topology": None, "status": "skipped", "reason": run.skipped}
    write_run(out / run.folder, manifest, {}, {SCENARIO: write_resolved(run)})


def maker(run: Run) -> Callable[[np.ndarray], Algorithm]:
    """Builds one worker's part of the run's algorithm from x⁰."""
    make: Any = run.algorithm_class
    parameters = run.algorithm.parameters
    return lambda x0: make(x0, **parameters)


def one_torch_thread() -> None:
    """Of torch, if it is there at all."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def give_back(device: str) -> None:
    """What the evaluation held of a device's memory: the next run's workers may need it."""
    if device != "cpu":
        import torch  # it is there already

        gc.collect()
        torch.cuda.empty_cache()


def _together(run: Run, problem: Problem) -> dict[str, bool]:
    """Of a network: whether gradients of many workers were computed together. A real worker computes its own."""
    if not hasattr(problem, "together"):
        return {}
    many = run.scenario.world == "simulated" and run.scenario.simulation.gradient_batch != 1
    return {"gradients_together": bool(problem.together) and many}


def _training(run: Run) -> dict[str, Any]:
    """Optimizer and schedule, where the run has them."""
    parts = {"optimizer": run.training.optimizer, "schedule": run.training.schedule}
    return {name: spec.model_dump(mode="json") for name, spec in parts.items() if spec is not None}


def _told(run: Run, outcome: Any) -> dict[str, Any]:
    """The rule that the method broke, if it is the user's or the rule is of the method's own, cautions about it, and
    how it was seen to have diverged."""
    broken, told = outcome.broken, dict[str, Any]()
    if outcome.diverged is not None:
        told["diverged"] = outcome.diverged.plain()
    if broken is not None and (is_own(run.algorithm_class) or broken.rule.name == "invariant"):
        told["broken"] = str(broken)
    return told | ({"cautions": list(outcome.cautions)} if outcome.cautions else {})


def _links(run: Run, topology: Topology, problem: Problem) -> dict[str, Any]:
    """What is to be said of its links, if anything."""
    worst = saturated(run, topology, problem.dim * problem.dtype.itemsize)
    return {} if worst is None else {"saturated": worst.words}


def _step_size(run: Run) -> float:
    return float(run.algorithm.parameters.get(STEP, math.nan))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --------------------------------------------------------------------------------------------- manifest
def describe(run: Run) -> dict[str, Any]:
    """What is known of a run before it starts."""
    scenario, algorithm = run.scenario, run.algorithm
    return {
        "format": FORMAT,
        "scenario": scenario.name,
        "world": scenario.world,
        "point": run.point.values,
        "algorithm": algorithm.name,
        "label": algorithm.label,
        "parameters": algorithm.parameters,
        **_training(run),
        "step_size": algorithm.parameters.get("step_size"),
        "effective_step": None,
        "seed": run.seed,
        "workers": scenario.workers,
        "reason": "",
        "stopped_by": "",
        "reference": None,
        "purpose": run.point.purpose,
        "tuned": dict(run.point.tuned.get(run.order, {})),
        "targets": {metric: list(values) for metric, values in scenario.evaluate.targets.items()},
        "judged": list(scenario.judged),
        **({"mean_of": list(some)} if (some := _mean_of(run)) else {}),
        **({"computing": list(some)} if (some := run.computing) else {}),
        **({"unusual_graph": words} if (words := unusual_graph(run)) else {}),
        "baseline": scenario.baseline,
        "order": run.order,
        "hash": run.hash,
        "versions": versions(),
        "machine": machine(),
    }


def unusual_graph(run: Run) -> str:
    """What is to be said of its graph, if it is none that the method is recommended on."""
    return unusual(run.algorithm.name, run.algorithm_class, run.algorithm.topology)


def _mean_of(run: Run) -> tuple[int, ...]:
    return mean_of(run.algorithm_class, run.scenario.workers, run.algorithm.parameters)


def describe_topology(topology: Topology, run: Run) -> dict[str, Any] | None:
    """The graphs' name and roots; None for an algorithm without a graph."""
    if run.algorithm_class.needs == "nothing":
        return None
    return {
        "name": topology.name,
        "directed": topology.directed,
        "sound": topology.sound,
        "roots_w": sorted(topology.roots_w),
        "roots_a": sorted(topology.roots_a),
        "common_roots": sorted(topology.common_roots),
    }


def edges_of(topology: Topology) -> pd.DataFrame:
    """The weighted edges of W, and of A for a pair, without self-loops."""
    rows = [("W", j, i, w) for i, row in enumerate(topology.W) for j, w in row.items() if j != i]
    if topology.directed:
        rows += [("A", i, j, a) for i, column in enumerate(topology.A) for j, a in column.items() if j != i]
    return pd.DataFrame(rows, columns=["graph", "from", "to", "weight"])


def versions() -> dict[str, str]:
    """Python and the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def machine() -> dict[str, Any]:
    """Where it ran: enough to judge timings, nothing that names a person."""
    return {"system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count()}
