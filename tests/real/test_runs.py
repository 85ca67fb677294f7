"""Real runs: four processes on this machine's loopback, each bounded in time, and none left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rfast_bench import problems
from rfast_bench.algorithms import ring_allreduce
from rfast_bench.api import Algorithm
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.real.launch import local
from rfast_bench.real.world import Outcome, realise
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker

pytestmark = [pytest.mark.timeout(90)]

STEPS = {
    **{"r-fast": 0.05, "ring-allreduce": 0.5, "d-psgd": 0.5, "ad-psgd": 0.5, "osgp": 0.5},
    # RASGP makes up for the time that a worker stood still in one step: on a busy machine a hundred times this one
    **{"s-ab": 0.05, "rasgp": 0.01, "adsgd": 0.5, "async-sgd": 0.1, "local-sgd": 0.5},
    **{"m-sync": 0.5, "fragile": 0.5, "amelie": 0.5, "r-fast-one-peer": 0.2},
}
SMALL: dict[str, Any] = {
    "name": "small",
    "world": "real",
    "workers": 4,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"},
    "compute": "5 ms",
    "algorithms": [
        *({"name": name, "step_size": step} for name, step in STEPS.items()),
        {"name": "ring-allreduce", "label": "overlap", "step_size": 0.5, "buckets": 5},
    ],
    "stop": {"time": "1 s"},
    "evaluate": {"every": "0.1 s"},
    "real": {"startup_timeout": "60 s", "stall_timeout": "20 s", "process_group_timeout": "20 s"},
}


def runs_of(folder: Path, **changes: Any) -> dict[str, Run]:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return {str(run.algorithm.label): run for run in plan(load_points(path))}


class Kept(Evaluator):
    """Keeps the models it is shown."""

    models: list[np.ndarray]

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        self.models = [*getattr(self, "models", []), np.array([a.model for a in algorithms.values()])]
        return super().measure(algorithms)


def play(run: Run) -> tuple[Outcome, Kept]:
    """Do a run for real; nothing of it may be left."""
    problem = problems.build(run.scenario.problem, run.scenario.workers, run.seed)
    kept = Kept(problem, problems.reference(problem))
    outcome = realise(run, problem, kept)
    assert workers_of(os.getpid()) == []
    return outcome, kept


def workers_of(pid: int) -> list[int]:
    """Workers started by a process: those below it that lead a session of their own."""
    return [child for child in below(pid) if session(child) == child]


def below(pid: int) -> list[int]:
    """All processes that descend from one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and parent(int(entry.name)) == pid:
            found += [int(entry.name), *below(int(entry.name))]
    return found


def parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


# -------------------------------------------------------------------------------------------- all algorithms
@pytest.mark.parametrize("name", STEPS)
def test_an_algorithm_runs_for_real(name: str, tmp_path: Path) -> None:
    outcome, _ = play(runs_of(tmp_path)[name])
    curves, workers = outcome.frames["curves"], outcome.frames["workers"]
    assert outcome.stopped_by == "time"
    np.testing.assert_allclose(curves["time"], [*np.arange(0, 1, 0.1), 1.0])
    assert curves["gradients"].is_monotonic_increasing
    assert workers["gradients"].min() > 5
    assert list(curves["gradients"])[-1] == workers["gradients"].sum()
    assert (workers["busy"] + workers["waiting"]).to_numpy() == pytest.approx(1.0)
    assert curves["loss"].iloc[-1] < 0.9 * curves["loss"].iloc[0]
    assert curves["messages_sent"].iloc[-1] > 0
    assert len(outcome.notes["real"]["clocks"]) == 4
    assert not any(t["refused"] for t in outcome.notes["real"]["transport"])
    left = curves["residual"].iloc[-1]
    assert np.isnan(left) or left < 1e-12


@pytest.mark.parametrize("name", ["ring-allreduce", "overlap", "d-psgd", "s-ab", "local-sgd"])
def test_synchronous_methods_give_the_iterates_of_the_simulated_world(name: str, tmp_path: Path) -> None:
    changes = {"stop": {"iterations": 50}, "evaluate": {"every": "1 iterations"}, "compute": "2 ms"}
    outcome, real = play(runs_of(tmp_path, **changes)[name])
    run = runs_of(tmp_path, world="simulated", **changes)[name]
    problem = problems.build(run.scenario.problem, 4, run.seed)
    kept = Kept(problem, None)
    simulate(run.scenario, maker(run), run.build_topology(), problem, kept, run.seed)
    assert outcome.stopped_by == "iterations"
    assert len(real.models) == len(kept.models) == 51
    np.testing.assert_allclose(np.array(real.models), np.array(kept.models), rtol=0, atol=1e-10)


TRAINED: dict[str, Any] = {
    "optimizer": {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-3, "clip": 5.0},
    "schedule": {"warmup": 1, "drops": {6: 0.1, 9: 0.5}},
}


@pytest.mark.parametrize("name", ["ring-allreduce", "overlap", "d-psgd"])
def test_momentum_and_drops_give_the_iterates_of_the_simulated_world(name: str, tmp_path: Path) -> None:
    """Mini-batches of unequal shards, so that an epoch is no whole number of rounds."""
    problem = {**SMALL["problem"], "batch_size": 8, "partition": {"kind": "dirichlet", "alpha": 1.0}}
    changes = {"stop": {"iterations": 50}, "evaluate": {"every": "1 iterations"}, "compute": "2 ms"}
    changes |= {**TRAINED, "problem": problem}
    outcome, real = play(runs_of(tmp_path, **changes)[name])
    models = simulated(runs_of(tmp_path, world="simulated", **changes)[name])
    plain = simulated(runs_of(tmp_path, world="simulated", **{**changes, "schedule": {}})[name])
    assert outcome.stopped_by == "iterations"
    assert len(real.models) == len(models) == 51
    np.testing.assert_allclose(np.array(real.models), np.array(models), rtol=0, atol=1e-10)
    assert np.abs(np.array(models) - np.array(plain)).max() > 1e-2


def simulated(run: Run) -> list[np.ndarray]:
    """All workers' models at each look of a simulated run."""
    problem = problems.build(run.scenario.problem, 4, run.seed)
    kept = Kept(problem, None)
    parts = (run.scenario, maker(run), run.build_topology(), problem, kept, run.seed)
    simulate(*parts, training=run.training)
    return kept.models


def test_a_synchronous_method_changes_the_step_by_time_in_one_round(tmp_path: Path) -> None:
    """All workers of Ring-AllReduce have one model to the end, though each ends its rounds at its own time."""
    changes = {"stop": {"iterations": 60}, "evaluate": {"every": "1 iterations"}, "compute": "2 ms"}
    schedule = {"by": "time", "cosine": {"until": "200 ms", "to": 0.1}}
    slow = [{"worker": 1, "slowdown": 2}]
    _, real = play(runs_of(tmp_path, schedule=schedule, stragglers=slow, **changes)["ring-allreduce"])
    models = np.array(real.models)
    assert len(models) == 61
    assert np.ptp(models, axis=1).max() < 1e-14


def test_looks_by_epochs_show_a_synchronous_method_after_whole_rounds(tmp_path: Path) -> None:
    """Of one round all workers, though each ended it at its own time; as the simulated world looks."""
    changes = {"stop": {"iterations": 12}, "evaluate": {"every": "3 epochs"}, "compute": "5 ms"}
    run = runs_of(tmp_path, **changes)["ring-allreduce"]
    outcome, real = play(run)
    assert np.ptp(np.array(real.models), axis=1).max() < 1e-14
    assert outcome.frames["curves"]["epoch"].tolist() == [0, 3, 6, 9, 12]


def test_looks_by_epochs_show_a_slow_worker_as_it_is_then(tmp_path: Path) -> None:
    """Of each worker's gradients all are counted but those since it last kept its model: an eighth of a look each."""
    slow = [{"worker": 1, "slowdown": 4}]
    changes = {"stop": {"epochs": 40}, "evaluate": {"every": "4 epochs"}, "compute": "20 ms"}
    run = runs_of(tmp_path, stragglers=slow, **changes)["r-fast"]
    curves = play(run)[0].frames["curves"].iloc[1:-1]
    assert len(curves) >= 8
    assert curves["epoch"].to_numpy() == pytest.approx(4.0 * np.arange(1, len(curves) + 1), abs=1.2)


def test_workers_know_the_common_epoch_to_a_fraction_of_a_second(tmp_path: Path) -> None:
    """In seconds at the mean rate; a report is 0.1 s old at most, and so is what is said of all."""
    changes = {"stop": {"time": "4 s"}, "stragglers": [{"worker": 1, "slowdown": 4}], "compute": "10 ms"}
    changes |= {"optimizer": {"momentum": 0.9}, "schedule": {"drops": {100: 0.1}}}
    run = runs_of(tmp_path, algorithms=[{"name": "r-fast", "step_size": 0.005}], **changes)["r-fast"]
    outcome, _ = play(run)
    error = outcome.notes["real"]["common_epochs"]
    epochs = outcome.frames["curves"]["epoch"].iloc[-1]
    assert epochs > 100
    assert 0 < error["error_mean"] <= error["error_max"]
    assert error["seconds_mean"] < 0.1, error
    assert error["seconds_max"] < 1.0, error


def test_a_mean_that_was_not_announced_is_refused(tmp_path: Path) -> None:
    code = Path(ring_allreduce.__file__).read_text(encoding="utf-8")
    assert "    collective = True\n" in code
    (tmp_path / "silent.py").write_text(code.replace("    collective = True\n", ""), encoding="utf-8")
    silent = {"name": f"{tmp_path}/silent.py:RingAllReduce", "label": "silent", "step_size": 0.1}
    with pytest.raises(
        UserError,
        match=r"asks for a mean over all workers\. Rule `collective`",
    ):
        play(runs_of(tmp_path, algorithms=[silent])["silent"])


def test_r_fast_reaches_the_optimum_though_messages_are_lost(tmp_path: Path) -> None:
    fast = {"name": "r-fast", "step_size": 1.0, "topology": "exponential"}
    changes = {"network": {"loss": 0.2, "latency": "1 ms"}, "stop": {"time": "5 s", "target": {"gap": 1e-8}}}
    outcome, _ = play(runs_of(tmp_path, algorithms=[fast], **changes)["r-fast"])
    assert outcome.stopped_by == "target", outcome.frames["curves"]
    last = outcome.frames["curves"].iloc[-1]
    assert 0.15 < last["messages_lost"] / last["messages_sent"] < 0.25


def test_a_count_of_iterations_stops_an_asynchronous_method(tmp_path: Path) -> None:
    changes = {"stop": {"iterations": 40}, "stragglers": [{"worker": 1, "slowdown": 4}]}
    outcome, _ = play(runs_of(tmp_path, evaluate={"every": "10 iterations"}, **changes)["r-fast"])
    assert outcome.stopped_by == "iterations"
    curves = outcome.frames["curves"]
    assert curves["iterations_mean"].iloc[-1] >= 40
    assert curves["iterations_max"].iloc[-1] > 2 * curves["iterations_min"].iloc[-1]
    assert len(curves) >= 5


@pytest.mark.parametrize("name", STEPS)
def test_one_worker_alone_sends_nothing(name: str, tmp_path: Path) -> None:
    run = runs_of(tmp_path, workers=1, stop={"time": "0.2 s"})[name]
    outcome, _ = play(run)
    assert outcome.frames["curves"]["messages_sent"].iloc[-1] == 0
    assert outcome.frames["workers"]["gradients"].iloc[0] > 5


def test_what_computes_too_late_is_void(tmp_path: Path) -> None:
    big = {"kind": "logistic-regression", "dataset": "digits", "batch_size": "full"}
    outcome, _ = play(runs_of(tmp_path, problem=big, compute="10 us", stop={"time": "0.3 s"})["d-psgd"])
    assert outcome.status == "void"
    assert "too much work for this machine" in outcome.reason


def test_measured_times_are_never_late(tmp_path: Path) -> None:
    real = {**SMALL["real"], "compute": "measured"}
    slow = [{"worker": 2, "slowdown": 50}]
    outcome, _ = play(runs_of(tmp_path, real=real, stragglers=slow, stop={"time": "0.5 s"})["r-fast"])
    assert outcome.status == "finished"
    assert outcome.notes["real"]["lateness"] == {}
    timeline = outcome.frames["timeline"]
    medians = (timeline["end"] - timeline["start"]).groupby(timeline["worker"]).median()
    assert medians[2] > 5 * medians.drop(2).max()  # medians, for others use this machine too


# ----------------------------------------------------------------------------------------------- what ends badly
class Killing(local.Launcher):
    """Kills worker 2 before the workers have met."""

    def start(self) -> None:
        super().start()
        self.processes[2].kill()


def test_a_death_before_the_start_is_told_with_worker_and_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "Launcher", Killing)
    with pytest.raises(UserError, match="worker 2 was killed by SIGKILL"):
        play(runs_of(tmp_path, stop={"time": "30 s"})["r-fast"])
    assert workers_of(os.getpid()) == []


def test_an_error_in_a_worker_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    algorithms = [{"name": "broken.py:Broken", "step_size": 0.1}]
    with pytest.raises(UserError, match=r"broken\.py:16: RuntimeError: no more of this, on worker \d"):
        play(runs_of(tmp_path, algorithms=algorithms)["Broken"])


BROKEN = """
from rfast_bench.api import Algorithm, Gradient, StepSize


class Broken(Algorithm):
    def __init__(self, x0, *, step_size: StepSize):
        self.x, self.step_size = x0, step_size

    model = property(lambda self: self.x)

    def activities(self, node):
        return [self.run()]

    async def run(self):
        await Gradient(self.x)
        raise RuntimeError("no more of this")
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_when_the_command_is_ended(how: signal.Signals, tmp_path: Path) -> None:
    runs_of(tmp_path, stop={"time": "60 s"})
    command = [sys.executable, "-m", "rfast_bench.cli", "run", str(tmp_path / "scenario.yaml")]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "out")], stderr=subprocess.DEVNULL)
    started = wait_for(lambda: workers_of(process.pid) if len(workers_of(process.pid)) == 4 else [], 150)
    everybody = [process.pid, *below(process.pid)]
    time.sleep(1)
    process.send_signal(how)
    code = process.wait(timeout=20)
    assert len(started) == 4
    assert code == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in everybody))


def wait_for(what: Any, seconds: float = 30) -> Any:
    """The first true answer of `what` within so many seconds, or its last one."""
    end = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def test_the_command_leaves_the_records_of_every_world(tmp_path: Path) -> None:
    runs_of(tmp_path, world="simulated", stop={"time": "0.3 s"}, seeds=2)
    command = [
        sys.executable,
        "-m",
        "rfast_bench.cli",
        "run",
        str(tmp_path / "scenario.yaml"),
        "--world",
        "real",
    ]
    arguments = [
        "--out",
        str(tmp_path / "out"),
        "--no-plots",
        "--set",
        "algorithms=[{name: r-fast, step_size: 0.1}]",
    ]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=80, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / "small" / "r-fast" / "seed-1"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["world"], manifest["stopped_by"]) == ("real", "time")
    assert {f.name for f in folder.iterdir()} >= {
        "curves.csv",
        "workers.csv",
        "staleness.csv",
        "timeline.csv",
    }
