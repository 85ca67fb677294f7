"""Optimizer and schedule under the simulated clock: against torch, in the ledgers, over stragglers and deaths."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch

from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.sim.driver import Driver
from rfast_bench.sim.optimizer import Optimizer
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker, problem_of
from tests.support.handmade import WINE, make_run, simulate_run
from tests.support.torch_training import Twin, lenet, mlp, pooled_training

HEAVY = {"momentum": 0.9}
TWINS = [
    pytest.param(twin(dtype), close, id=f"{twin.__name__}-{dtype}")
    for twin in (mlp, lenet)
    for dtype, close in (("float32", 1e-5), ("float64", 1e-10))
]


@pytest.mark.parametrize(("twin", "close"), TWINS)
def test_ring_allreduce_is_torchs_sgd_on_the_pooled_mini_batches(twin: Twin, close: float) -> None:
    """Four batches of 16 are a step, four steps an epoch of 256 samples."""
    known = {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-3}
    run = make_run(
        {"name": "ring-allreduce", "step_size": 0.05},
        problem=twin.problem,
        optimizer=known,
        schedule={"drops": {8: 0.1, 16: 0.1}},
        stop={"iterations": 100},
        evaluate={"every": "100 iterations"},
    )
    played = simulate_run(run)
    assert len(played.models) == 2

    def sgd(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=0.05, **known)  # type: ignore[arg-type]

    def train(milestones: list[int]) -> np.ndarray:
        return pooled_training(
            *(twin, problem_of(run), run, 100, sgd),
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, milestones, gamma=0.1),
        )

    for model in played.models[-1]:
        np.testing.assert_allclose(model, train([32, 64]), rtol=0, atol=close)
    assert np.abs(played.models[-1][0] - train([33, 64])).max() > 10 * close  # a step later would be seen


# ----------------------------------------------------------------------------------------------- ledgers
@pytest.mark.parametrize(
    ("name", "step", "topology"), [("r-fast", 0.01, "exponential"), ("rasgp", 0.002, "exponential")]
)
@pytest.mark.parametrize("nesterov", [False, True])
def test_ledgers_hold_with_momentum_though_messages_are_lost(
    name: str, step: float, topology: str, nesterov: bool
) -> None:
    run = make_run(
        {"name": name, "step_size": step, "topology": topology},
        workers=8,
        problem={**WINE, "batch_size": 8},
        optimizer={**HEAVY, "nesterov": nesterov, "weight_decay": 1e-3, "clip": 2.0},
        schedule={"warmup": 1, "cosine": 30},
        stragglers=[{"worker": 3, "slowdown": 4}],
        network={"latency": 0.3, "loss": 0.3},
        stop={"time": 200},
        evaluate={"every": 10},
    )
    curves = simulate_run(run).curves
    last = curves.iloc[-1]
    assert 0.25 < last["messages_lost"] / last["messages_sent"] < 0.35
    assert curves["residual"].max() < 1e-9
    assert last["loss"] < 0.8 * curves["loss"].iloc[0]


def test_a_full_gradient_with_momentum_still_ends_at_the_optimum() -> None:
    """R-FAST tracks Σ u where it tracked Σ g, and both are 0 at the same point."""
    run = make_run(
        {"name": "r-fast", "step_size": 0.1, "topology": "exponential"},
        problem={**WINE, "batch_size": "full", "partition": "by-label"},
        optimizer=HEAVY,
        network={"latency": 0.2, "loss": 0.3},
        stop={"time": 2500},
        evaluate={"every": 500},
    )
    assert simulate_run(run, gap=True).curves["gap"].iloc[-1] < 1e-12


# ------------------------------------------------------------------------------------------------ spying
class Spy(Driver):
    """Notes at each gradient handed over: common epoch before it, seconds, worker, step size, momentum buffer."""

    log: list[tuple[float, float, int, float, Any]]

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.log, self.returned = [], defaultdict[int, list[Any]](list)

    def _computed(self, event: Any) -> None:
        worker, before = event.worker, self.samples
        alive = event is worker.done
        super()._computed(event)
        if alive:
            step = float(worker.algorithm.step_size)
            self.log.append((before / self._problem.samples, self.clock.now, worker.number, step, _m(worker)))

    def revive(self, number: int, *arguments: Any) -> None:
        super().revive(number, *arguments)
        self.returned[number].append(_m(self.workers[number]))


def _m(worker: Any) -> Any:
    own = worker.optimizer
    assert isinstance(own, Optimizer)
    return own.memory


def spied(algorithm: dict[str, Any], **over: Any) -> Spy:
    run = make_run(algorithm, **over)
    problem, drivers = problem_of(run), []

    def make(*arguments: Any, **more: Any) -> Driver:
        drivers.append(Spy(*arguments, **more))
        return drivers[-1]

    parts = (run.scenario, maker(run), run.build_topology(), problem, Evaluator(problem, None), run.seed)
    simulate(*parts, make_driver=make, training=run.training)
    return drivers[0]


SLOW: dict[str, Any] = {
    "problem": {**WINE, "batch_size": 8},
    "stragglers": [{"worker": 2, "slowdown": 4}],
    "stop": {"epochs": 6},
    "evaluate": {"every": "1 epoch"},
}


@pytest.mark.parametrize("name", ["r-fast", "ad-psgd", "rasgp"])
def test_all_workers_drop_at_the_same_common_epoch(name: str) -> None:
    topology = {"r-fast": "binary-tree", "ad-psgd": "ring", "rasgp": "exponential"}[name]
    algorithm = {"name": name, "step_size": 0.01, "topology": topology}
    log = spied(algorithm, schedule={"drops": {4: 0.1}}, **SLOW).log
    for epoch, _, _, step, _ in log:
        assert step == (0.01 if epoch < 4 else pytest.approx(0.001, rel=1e-12))
    after = {worker for epoch, _, worker, _, _ in log if epoch >= 4}
    assert after == {0, 1, 2, 3}  # the straggler among them


def test_by_own_epochs_a_straggler_keeps_the_whole_step() -> None:
    algorithm = {"name": "r-fast", "step_size": 0.01}
    log = spied(algorithm, schedule={"by": "own", "drops": {4: 0.1}}, **SLOW).log
    last = {worker: step for _, _, worker, step, _ in log}
    assert last == pytest.approx({0: 0.001, 1: 0.001, 2: 0.01, 3: 0.001}, rel=1e-12)


def test_by_time_all_drop_at_that_time() -> None:
    log = spied(
        {"name": "r-fast", "step_size": 0.01}, schedule={"by": "time", "points": [[0, 1], [10, 0.5]]}, **SLOW
    ).log
    for _, time, _, step, _ in log:
        assert step == pytest.approx(0.01 * max(0.5, 1 - 0.05 * time), rel=1e-12)


@pytest.mark.parametrize("by", ["common", "own", "time"])
@pytest.mark.parametrize("name", ["ring-allreduce", "d-psgd"])
def test_a_synchronous_method_changes_the_step_in_one_round(name: str, by: str) -> None:
    """Also where shards are unequal, so that workers are not in the same epoch after the same round."""
    over = {**SLOW, "problem": {**WINE, "batch_size": 8, "partition": {"kind": "dirichlet", "alpha": 1.0}}}
    driver = spied(
        {"name": name, "step_size": 0.01}, schedule={"by": by, "cosine": 400 if by == "time" else 9}, **over
    )
    rounds = defaultdict(set)
    done: defaultdict[int, int] = defaultdict(int)
    for _, _, worker, step, _ in driver.log:
        rounds[done[worker]].add(step)
        done[worker] += 1
    assert len(rounds) > 10
    assert all(len(steps) == 1 for steps in rounds.values())
    assert len(set.union(*rounds.values())) == len(rounds)  # and in every round
    assert len({w.shard for w in driver.workers}) > 1
    if name == "ring-allreduce":
        models = [w.algorithm.model for w in driver.workers if w.asked == driver.workers[0].asked]
        assert np.ptp(models, axis=0).max() == 0


# ---------------------------------------------------------------------------------------------- snapshots
@pytest.mark.parametrize("state", ["snapshot", "empty"])
def test_a_worker_comes_back_with_the_momentum_of_its_snapshot(state: str) -> None:
    aged = {"snapshot_age": 5} if state == "snapshot" else {}
    driver = spied(
        {"name": "r-fast", "step_size": 0.02, "topology": "exponential"},
        optimizer=HEAVY,
        schedule={"drops": {1: 0.5}},
        network={"latency": 0.2, "silence_timeout": 10},
        faults=[{"worker": 1, "down": 30, "up": 60, "state": state, **aged}],
        stop={"time": 100},
        evaluate={"every": 10},
    )
    own = [(time, m) for _, time, worker, _, m in driver.log if worker == 1]
    assert any(time > 60 for time, _ in own)
    (found,) = driver.returned[1]
    if state == "empty":
        assert np.all(found == 0)
        return
    kept = [m for time, m in own if time <= 25][-1]
    assert np.abs(kept).max() > 0
    np.testing.assert_array_equal(found, kept)
    assert not np.array_equal(found, [m for time, m in own if time < 30][-1])
