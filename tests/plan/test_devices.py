"""Problems as tensors, in both worlds: on the CPU everywhere, on a GPU where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rfast_bench import problems
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.plan import devices, registry
from rfast_bench.plan.runs import Point, Run, plan, with_parameters
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.problems.tensors import OnDevice
from rfast_bench.scenario.reading import validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.sim import world
from rfast_bench.study.run import maker, problem_of

GPU = pytest.param(
    "cuda:0",
    marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")],
)
DEVICES = ["cpu", GPU]
PROBLEMS: dict[str, dict[str, Any]] = {
    "quadratic": {"kind": "quadratic", "dim": 6, "noise": 0.1},
    "binary, full": {"kind": "logistic-regression", "dataset": "breast_cancer", "batch_size": "full"},
    "binary, batches": {"kind": "logistic-regression", "dataset": "breast_cancer", "batch_size": 16},
    "softmax, full": {"kind": "logistic-regression", "dataset": "wine", "batch_size": "full"},
    "softmax, unequal": {
        **{"kind": "logistic-regression", "dataset": "wine", "batch_size": 8},
        "partition": {"kind": "dirichlet", "alpha": 1.0},
    },
    "network": {"kind": "mlp", "dataset": "wine", "hidden": [5], "batch_size": 8},
    "network, full": {"kind": "mlp", "dataset": "wine", "hidden": [5], "batch_size": "full"},
}
ALGORITHMS = ["r-fast", "ring-allreduce", "d-psgd", "ad-psgd", "osgp"]


def scenario(**changes: Any) -> Scenario:
    raw = {
        "name": "devices",
        "workers": 4,
        "problem": PROBLEMS["softmax, unequal"],
        "compute": {"kind": "lognormal", "mean": 1.0, "sigma": 0.3},
        "network": {"latency": 0.2, "loss": 0.1},
        "algorithms": [{"name": name, "step_size": 0.1} for name in ALGORITHMS],
        "stop": {"time": 20.0},
        "evaluate": {"every": 5.0},
        **changes,
    }
    return with_parameters(validate(Scenario, raw, "devices.yaml"), "devices.yaml", None)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", list(PROBLEMS))
def test_gradients_are_those_of_the_host(kind: str, device: str) -> None:
    host = problem_of(run_of(scenario(problem=PROBLEMS[kind]), 0))
    placed = OnDevice(host, device)
    rng = np.random.default_rng(1)
    for workers in ([0, 1, 2, 3], [2]):
        batches = [next(host.sampler(i, np.random.default_rng(i))) for i in workers]
        points = [rng.standard_normal(host.dim) for _ in workers]
        expected = host.gradients(workers, host.stack(points), batches)
        tensors = [torch.from_numpy(point).to(device) for point in points]
        found = placed.gradients(workers, placed.stack(tensors), batches)
        assert found.device == placed.start.device
        np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=1e-12, atol=1e-14)
        assert [len(row) for row in placed.split(found)] == [host.dim] * len(workers)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("order", range(len(ALGORITHMS)), ids=ALGORITHMS)
def test_a_simulated_run_on_tensors_is_that_on_arrays(order: int, device: str) -> None:
    run = run_of(scenario(), order)
    host = problem_of(run)
    seen: list[Any] = []

    def make(x0: Any) -> Any:
        seen.append(maker(run)(x0))
        return seen[-1]

    def curves(problem: problems.Problem, maker: Any) -> np.ndarray:
        graph, evaluator = run.build_topology(), Evaluator(host, None)
        outcome = world.simulate(run.scenario, maker, graph, problem, evaluator, 0)
        return outcome.frames["curves"].drop(columns="gap").to_numpy()

    expected, found = curves(host, maker(run)), curves(OnDevice(host, device), make)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert all(isinstance(a.model, torch.Tensor) and a.model.device == seen[0].model.device for a in seen)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", [name for name in ALGORITHMS if not registry.find(name).collective])
def test_real_workers_share_a_gpu_where_no_collective_is_needed(name: str) -> None:
    from rfast_bench.real.world import realise

    real = {"world": "real", "real": {"device": "cuda"}, "compute": 0.02}
    asked = scenario(**real, network={}, stop={"time": 5.0}, evaluate={"every": 1.0})
    run = run_of(asked, ALGORITHMS.index(name))
    problem = problem_of(run)
    outcome = realise(run, problem, Evaluator(problem, None))
    losses = outcome.frames["curves"]["loss"]
    assert outcome.stopped_by == "time"
    assert losses.iloc[-1] < 0.5 * losses.iloc[0]


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: 0)
    for world_name, key in (("simulated", "simulation"), ("real", "real")):
        asked = scenario(world=world_name, **{key: {"device": "cuda"}})
        with pytest.raises(
            UserError, match=rf"devices.yaml: {key}.device is cuda, .* no GPU; allowed here: cpu"
        ):
            plan([Point({}, asked, Path(), "devices.yaml")])


def test_two_workers_on_a_gpu_are_refused_before_the_start_where_nccl_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = scenario(world="real", real={"device": "cuda"})
    for here, skipped in ((2, {"ring-allreduce"}), (4, set())):
        monkeypatch.setattr(devices, "gpus", lambda here=here: here)
        runs = plan([Point({}, asked, Path(), "devices.yaml")])
        assert {run.algorithm.name for run in runs if "NCCL needs one GPU a worker" in run.skipped} == skipped
        assert {run.algorithm.name for run in runs if run.skipped} == skipped
    monkeypatch.setattr(devices, "gpus", lambda: 1)
    shared = scenario(world="real", real={"device": "cuda", "collectives": "host"})
    assert not any(run.skipped for run in plan([Point({}, shared, Path(), "devices.yaml")]))
    monkeypatch.setattr(devices, "gpus", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    devices.check(asked, collectives=True, source="devices.yaml")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(CannotRun, match="3 workers would share 2 GPUs"):
        devices.check(asked, collectives=True, source="devices.yaml")


def run_of(asked: Scenario, order: int) -> Run:
    return Run(Point({}, asked, Path(), "devices.yaml"), order, 0)
