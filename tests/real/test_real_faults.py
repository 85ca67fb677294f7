"""`kill -9` of a worker, for real: who goes on, who comes back, who stalls; and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from rfast_bench.api import Algorithm
from rfast_bench.problems import Problem, reference
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.real.launch.deaths import Deaths
from rfast_bench.real.world import Outcome, realise
from rfast_bench.study.run import problem_of
from tests.support.handmade import make_run

pytestmark = [pytest.mark.timeout(120)]

L2 = 0.1
RAW: dict[str, Any] = {
    "name": "killed",
    "world": "real",
    "workers": 6,
    "problem": {
        "kind": "logistic-regression",
        "dataset": "wine",
        "l2": L2,
        "batch_size": "full",
        "partition": "by-label",
        "test_fraction": 0,
    },
    "compute": {"kind": "lognormal", "mean": "10 ms", "sigma": 0.2},
    "network": {"loss": 0.1, "silence_timeout": "500 ms"},
    "evaluate": {"every": "500 ms"},
}
R_FAST = {"name": "r-fast", "step_size": 1.0, "topology": "exponential"}


class LastModels(Evaluator):
    """Keeps the models of the last look."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, reference(problem))
        self.models = np.zeros(0)

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        self.models = np.array([a.model for a in algorithms.values()])
        return super().measure(algorithms)


def play(
    faults: list[dict[str, Any]], seconds: float, algorithm: dict[str, Any] = R_FAST, **more: Any
) -> tuple[Outcome, Problem, Any]:
    run = make_run(algorithm, **{**RAW, "faults": faults, "stop": {"time": seconds}, **more})
    problem = problem_of(run)
    last = LastModels(problem)
    return realise(run, problem, last), problem, last.models


def gap_of(problem: Problem, workers: Sequence[int], model: np.ndarray) -> float:
    """At most how far (1/|S|) Σ f_i over the workers S is above its minimum: ‖gradient‖² / (2 l2)."""
    ids = list(workers)
    gradients = problem.gradients(ids, np.array([model] * len(ids)), [None] * len(ids))
    return float(np.linalg.norm(gradients.mean(axis=0)) ** 2) / (2 * L2)


def test_survivors_reach_their_own_optimum() -> None:
    outcome, problem, models = play([{"worker": 3, "down": "1.5 s"}], 11)
    assert outcome.stopped_by == "time"
    (death,) = outcome.notes["real"]["deaths"]
    assert (death["worker"], death["signal"], death["back"]) == (3, "SIGKILL", None)
    assert death["at"] == pytest.approx(1.5, abs=0.5)
    assert len(models) == 5
    assert gap_of(problem, [0, 1, 2, 4, 5], models.mean(axis=0)) < 1e-8
    assert outcome.frames["workers"]["worker"].tolist() == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("fault", [{}, {"state": "snapshot", "snapshot_age": "500 ms"}])
def test_one_that_comes_back_is_taken_in(fault: dict[str, Any]) -> None:
    outcome, _, models = play([{"worker": 3, "down": "1.5 s", "up": "4 s", **fault}], 14)
    (death,) = outcome.notes["real"]["deaths"]
    assert death["back"] == pytest.approx(4, abs=0.5)
    assert len(models) == 6
    curves = outcome.frames["curves"].set_index("time")
    assert abs(curves["gap"].iloc[-1]) < 1e-8
    assert curves["gap"].loc[3.5] > 1e-4  # what the shard of the dead worker is worth
    assert curves["residual"].iloc[-1] < 1e-12


def test_one_that_comes_back_goes_on_with_momentum_and_schedule() -> None:
    """Everybody knows the common epoch again, though the one that came back counts its samples from 0."""
    snapshot = {"worker": 3, "down": "1.5 s", "up": "3 s", "state": "snapshot", "snapshot_age": "200 ms"}
    trained = {"optimizer": {"momentum": 0.5}, "schedule": {"warmup": 10, "drops": {10000: 0.1}}}
    outcome, problem, models = play([snapshot], 14, {**R_FAST, "step_size": 0.4}, **trained)
    (death,) = outcome.notes["real"]["deaths"]
    assert death["back"] == pytest.approx(3, abs=0.5)
    assert len(models) == 6
    assert gap_of(problem, range(6), models.mean(axis=0)) < 1e-6
    assert outcome.frames["curves"]["residual"].iloc[-1] < 1e-12


@pytest.mark.parametrize("name", ["ring-allreduce", "d-psgd", "ad-psgd", "osgp"])
def test_the_others_end_as_stalled(name: str) -> None:
    topology = {"topology": "line"} if name in ("d-psgd", "ad-psgd") else {}
    outcome, *_ = play([{"worker": 3, "down": "1 s"}], 60, {"name": name, "step_size": 0.05, **topology})
    assert outcome.stopped_by == "stalled"
    assert outcome.reason.startswith("worker 3 killed by SIGKILL at 1.")
    assert outcome.frames["curves"]["time"].iloc[-1] == pytest.approx(1.6, abs=0.6)


# ---------------------------------------------------------------------------------- killed from outside
def children(pid: int) -> list[int]:
    """All processes below one, deepest last."""
    found = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    below: dict[int, list[int]] = {}
    for line in found.splitlines():
        child, parent = map(int, line.split())
        below.setdefault(parent, []).append(child)
    reached, todo = [], [pid]
    while todo:
        todo += (own := below.get(todo.pop(0), []))
        reached += own
    return reached


def workers_of(pid: int) -> list[int]:
    """The processes that lead a session of their own below a launcher."""
    return [child for child in children(pid) if os.getsid(child) == child]


def alive(pids: Sequence[int]) -> list[int]:
    return [
        pid
        for pid in pids
        if Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()
    ]


def wait_for(condition: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    assert condition()


def start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    path = folder / "killed.yaml"
    raw = {**RAW, "algorithms": [R_FAST], "stop": {"time": seconds}, "real": {"restart_after": "1 s"}}
    path.write_text(yaml.safe_dump(raw))
    command = [
        sys.executable,
        "-m",
        "rfast_bench.cli",
        "run",
        str(path),
        "--out",
        str(folder),
        "--no-plots",
    ]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, start_new_session=True, stdout=pipe, stderr=pipe, text=True)


def test_kill_nine_at_any_moment(tmp_path: Path) -> None:
    """The launcher says who, when and by which signal, starts it again, and all reach the whole optimum."""
    run = start(tmp_path, 24)
    wait_for(lambda: len(workers_of(run.pid)) == 6, 60)
    everybody = children(run.pid)
    time.sleep(4.5)
    os.kill(workers_of(run.pid)[2], signal.SIGKILL)
    _, errors = run.communicate(timeout=90)
    assert run.returncode == 0, errors
    folder = tmp_path / "killed" / "r-fast" / "seed-0"
    (death,) = json.loads((folder / "manifest.json").read_text())["real"]["deaths"]
    assert death["signal"] == "SIGKILL"
    assert death["back"] == pytest.approx(death["at"] + 1, abs=0.5)
    assert abs(pd.read_csv(folder / "curves.csv")["gap"].iloc[-1]) < 1e-8
    wait_for(lambda: not alive(everybody), 10)


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    run = start(tmp_path, 60)
    wait_for(lambda: len(workers_of(run.pid)) == 6, 60)
    everybody = children(run.pid)
    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=30)
    assert run.returncode == 130
    wait_for(lambda: not alive(everybody), 10)
    assert not list((tmp_path / "killed").rglob("manifest.json"))


def test_a_worker_comes_back_from_its_latest_death_in_whatever_order_they_are_listed() -> None:
    faults = [{"worker": 1, "down": 5, "up": 9}, {"worker": 1, "down": 1, "up": 3}]
    run = make_run(R_FAST, **{**RAW, "faults": faults, "stop": {"time": 20}})
    back = []
    for passed in (2.0, 6.0):
        deaths = Deaths(run, lambda worker, life: None, start=time.monotonic() - passed)
        deaths.carry_out(lambda worker: True)
        deaths.died(1, signal.SIGKILL)
        back.append(deaths._due[1])
    assert back == [3, 9]
