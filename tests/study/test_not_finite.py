"""Numbers that are not finite, in one worker: told with the worker and the time, in both worlds; other runs go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from rfast_bench.analysis.tables import summarise
from rfast_bench.records.reading import find_runs
from rfast_bench.report.content.cautions import cautions
from tests.support.command_line import call, write

METHOD = '''
from rfast_bench.api import Algorithm, Gradient

class Own(Algorithm):
    """SGD, each worker for itself; worker 2's model becomes {number} after 20 gradients."""

    def __init__(self, x0, *, step_size: float):
        self.step_size, self.x = step_size, x0

    @property
    def model(self):
        return self.x

    def activities(self, node):
        return [self.run(node)]

    async def run(self, node):
        k = 0
        while True:
            self.x = self.x - self.step_size * await Gradient(self.x)
            k += 1
            if node.id == 2 and k == 20:
                self.x = self.x + float("{number}")
'''
PROBLEM = '''
import numpy as np
from rfast_bench.problems.base import Problem, read_only

class Breaking(Problem):
    """‖x − 1‖²/2 for all; worker 2's gradients are not finite from the 20th on."""

    passes = additive = False

    def __init__(self, workers, seed):
        self.workers = self.samples = workers
        self.dim, self.start = 2, read_only(np.zeros(2))

    def sampler(self, worker, rng):
        k = 0
        while True:
            k += 1
            yield k

    def size(self, worker, batch):
        return 1

    def gradients(self, workers, points, batches):
        rows = np.array(points) - 1
        for row, i, k in zip(rows, workers, batches):
            if i == 2 and k is not None and k >= 20:
                row += np.nan
        return rows

    def objective(self, x):
        if not np.isfinite(x).all():
            raise ValueError("asked about a model that is not finite")
        return float((x - 1) @ (x - 1)) / 2, x - 1

    def accuracy(self, x):
        return float(np.linalg.norm(x - 1) < 0.5) if self.objective(x) else 0.0

    def reference(self):
        return np.ones(2)
'''
REAL: dict[str, Any] = {"world": "real", "workers": 3, "real": {"startup_timeout": "180 s"}}
ALONE: dict[str, Any] = {"name": "ring-allreduce", "step_size": 0.05}


def run(folder: Path, **keys: Any) -> Result:
    """Compute times of 50 ms, looks every half a second, one seed unless said otherwise."""
    given = {"seeds": 1, "compute": "50 ms", "network": {}, "stragglers": [], "stop": {"time": "3 s"}}
    every = {"every": "0.5 s", "targets": {"gap": [0.1]}, "workers": "all"}
    path = write(folder, **{**given, "evaluate": every, **keys})
    return call("run", path, "--out", folder / "out", "--jobs", 1, "--no-plots")


def manifest(folder: Path, label: str, seed: int = 0) -> dict[str, Any]:
    found = folder / "out" / "small" / label / f"seed-{seed}" / "manifest.json"
    return dict(json.loads(found.read_text(encoding="utf-8")))


def own_method(folder: Path, number: str) -> dict[str, Any]:
    (folder / "own.py").write_text(METHOD.replace("{number}", number))
    return {"name": "own.py:Own", "label": "own", "step_size": 0.05}


def own_problem(folder: Path) -> dict[str, Any]:
    (folder / "breaking.py").write_text(PROBLEM)
    return {"kind": "breaking.py:Breaking"}


# ------------------------------------------------------------------------------------- simulated: exact times
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_model_that_is_not_finite_is_told_with_its_worker_and_the_time_of_the_look(
    tmp_path: Path, number: str
) -> None:
    """Worker 2 breaks at 1 s, after 20 gradients of 50 ms each; the look at 1 s is before that, or just after."""
    done = run(tmp_path, algorithms=[own_method(tmp_path, number), ALONE])
    assert done.exit_code == 0, done.output
    own = manifest(tmp_path, "own")
    assert (own["status"], own["stopped_by"]) == ("diverged", "diverged")
    assert own["diverged"]["workers"] == [2]
    assert own["diverged"]["time"] in (1.0, 1.5)
    assert own["reason"] == f"worker 2's model is not finite at {own['diverged']['time']:g} s"
    assert f"diverged: {own['reason']}" in " ".join(done.stdout.split())
    other = manifest(tmp_path, "ring-allreduce")
    assert (other["status"], other["reason"]) == ("finished", "")
    assert "diverged" not in other
    curves = pd.read_csv(tmp_path / "out" / "small" / "own" / "seed-0" / "curves.csv")
    assert curves["time"].iloc[-1] == own["diverged"]["time"]
    assert curves["loss"].iloc[:-1].notna().all()
    assert curves.iloc[-1][["loss", "gap", "loss_worst", "gradient_norm"]].isna().all()


def test_gradients_that_are_not_finite_break_their_worker_and_no_other_run(tmp_path: Path) -> None:
    """A problem of one's own, by which no run finishes. Ring-AllReduce hands the numbers to all at once."""
    alone = own_method(tmp_path, "0")
    done = run(tmp_path, problem=own_problem(tmp_path), algorithms=[alone, ALONE])
    assert done.exit_code == 0, done.output
    assert manifest(tmp_path, "own")["diverged"]["workers"] == [2]
    ring = manifest(tmp_path, "ring-allreduce")
    assert ring["diverged"]["workers"] == [0, 1, 2, 3]
    assert (
        ring["reason"]
        == f"worker 0's model is not finite at {ring['diverged']['time']:g} s, nor are those of 3 more"
    )


def test_a_step_that_is_too_large_says_what_the_loss_was(tmp_path: Path) -> None:
    """R-FAST at a step of 50 and looks that are close: the loss is seen beyond its bound before it is infinite."""
    algorithms = [{"name": "r-fast", "step_size": 50, "topology": "line"}, ALONE]
    done = run(tmp_path, algorithms=algorithms, evaluate={"every": "0.05 s", "targets": {"gap": [0.1]}})
    assert done.exit_code == 0, done.output
    lost = manifest(tmp_path, "r-fast")
    assert lost["status"] == "diverged"
    assert lost["diverged"]["workers"] == []
    assert lost["reason"].startswith("the loss of the mean model is ")
    assert lost["reason"].endswith(
        f" at {lost['diverged']['time']:.3g} s, above 1000 times that of the start"
    )
    assert manifest(tmp_path, "ring-allreduce")["status"] == "finished"


def test_a_worker_that_the_mean_model_is_not_of_ends_the_run_too(tmp_path: Path) -> None:
    """Judged is worker 0 alone, whose model stays finite."""
    method = own_method(tmp_path, "nan")
    path = tmp_path / "own.py"
    path.write_text(
        path.read_text() + "\n    @classmethod\n    def judged(cls, n, parameters):\n        return [0]\n"
    )
    assert run(tmp_path, algorithms=[method], evaluate={"every": "0.5 s"}).exit_code == 0
    assert manifest(tmp_path, "own")["diverged"]["workers"] == [2]


# ---------------------------------------------------------------------------------------------- real processes
SHORT: dict[str, Any] = {
    **REAL,
    "compute": "20 ms",
    "stop": {"time": "1.5 s"},
    "evaluate": {"every": "0.1 s"},
}


def test_real_processes_tell_the_same_and_other_runs_go_on(tmp_path: Path) -> None:
    done = run(tmp_path, algorithms=[own_method(tmp_path, "nan"), ALONE], **SHORT)
    assert done.exit_code == 0, done.output
    lost = manifest(tmp_path, "own")
    assert lost["status"] in ("diverged", "void"), "void on a busy machine"
    assert (lost["stopped_by"], lost["diverged"]["workers"]) == ("diverged", [2])
    assert lost["diverged"]["time"] > 0.35, "after 20 gradients of 20 ms"
    assert lost["reason"].startswith(f"worker 2's model is not finite at {lost['diverged']['time']:.3g} s")
    assert manifest(tmp_path, "ring-allreduce")["stopped_by"] == "time"


def test_a_step_that_is_too_large_on_real_processes(tmp_path: Path) -> None:
    huge = {"name": "r-fast", "step_size": 1e200, "topology": "line"}
    done = run(tmp_path, algorithms=[huge], **SHORT)
    assert done.exit_code == 0, done.output
    lost = manifest(tmp_path, "r-fast")
    assert lost["stopped_by"] == "diverged"
    assert f"at {lost['diverged']['time']:.3g} s" in lost["reason"]


def test_a_problem_that_breaks_on_real_processes(tmp_path: Path) -> None:
    alone = own_method(tmp_path, "0")
    done = run(tmp_path, problem=own_problem(tmp_path), algorithms=[alone], **SHORT)
    assert done.exit_code == 0, done.output
    lost = manifest(tmp_path, "own")
    assert (lost["stopped_by"], lost["diverged"]["workers"]) == ("diverged", [2])


# ------------------------------------------------------------------------------------------------ as it is shown
def test_seeds_that_diverged_apart_are_told_by_the_first_of_them(tmp_path: Path) -> None:
    random = {"kind": "lognormal", "mean": "50 ms", "sigma": 1.0}
    run(
        tmp_path,
        algorithms=[own_method(tmp_path, "nan")],
        compute=random,
        seeds=3,
        evaluate={"every": "0.05 s"},
    )
    told = [manifest(tmp_path, "own", seed)["reason"] for seed in range(3)]
    assert len(set(told)) > 1
    rows = summarise(find_runs([tmp_path / "out"]))
    assert rows["status"].iloc[0].split("; ")[0] == f"diverged (3/3): seed 0: {told[0]}"
    text = next(found.text for found in cautions(rows) if found.about == "diverged")
    assert text == (
        f"own diverged: seed 0: {told[0]}; the model blew up; whatever it touched on the way does not count."
    )
