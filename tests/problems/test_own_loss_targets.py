"""What a loss of the user's own gets of targets that are whole numbers: their places as classes, or the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems.network import TorchProblem
from rfast_bench.study.run import problem_of
from rfast_bench.study.sweep import survey
from tests.support.command_line import call, write

OWN = """
import torch
def net(): return torch.nn.Linear(2, 1)
def loss(outputs, targets): return (outputs[:, 0] - targets) ** 2
"""
VALUES = [1, 2, 5, 10]
NOTE = (
    "problem.targets: whole numbers (1, 2, 5, 10) are taken as classes, and problem.loss gets 0 to 3; say targets: "
    "numbers if it shall get them as they are, or targets: classes"
)


def scenario(folder: Path, values: list[int], **keys: Any) -> str:
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(40, 2)).round(3), np.resize(values, 40)
    lines = [f"{a},{b},{y}" for (a, b), y in zip(features, targets, strict=True)]
    (folder / "d.csv").write_text("\n".join(["a,b,y", *lines]))
    (folder / "own.py").write_text(OWN)
    data = {"kind": "csv", "path": "d.csv", "target": "y"}
    whole = {"kind": "torch", "model": "own.py:net", "loss": "own.py:loss", "dataset": data, **keys}
    algorithms = [{"name": "d-psgd", "step_size": 0.01, "topology": "ring"}]
    short = {"stop": {"epochs": 1}, "evaluate": {"every": "1 epoch"}, "seeds": 1, "algorithms": algorithms}
    return write(folder, problem=whole, **short)


def of(folder: Path, values: list[int], **keys: Any) -> Run:
    return plan(load_points(Path(scenario(folder, values, **keys))))[0]


def targets(run: Run) -> set[float]:
    problem = problem_of(run)
    assert isinstance(problem, TorchProblem)
    return set(problem.engine.train.targets.tolist())


def notes(run: Run) -> list[str]:
    said: list[str] = []
    survey([run, run], said.append)
    return said


def test_whole_numbers_are_classes_unless_said_otherwise(tmp_path: Path) -> None:
    assert targets(of(tmp_path, VALUES)) == {0, 1, 2, 3}
    assert targets(of(tmp_path, VALUES, targets="classes")) == {0, 1, 2, 3}
    assert targets(of(tmp_path, VALUES, targets="numbers")) == {1, 2, 5, 10}


@pytest.mark.parametrize(
    ("values", "keys", "told"),
    [
        (VALUES, {}, True),
        (VALUES, {"targets": "classes"}, False),
        (VALUES, {"targets": "numbers"}, False),
        ([0, 1, 2], {}, False),
    ],
)
def test_it_is_told_where_nothing_is_said(
    tmp_path: Path, values: list[int], keys: dict[str, Any], told: bool
) -> None:
    run = of(tmp_path, values, **keys)
    assert [note.partition(": ")[2] for note in notes(run)] == [NOTE] * told


def test_the_line_is_printed_once_before_the_runs(tmp_path: Path) -> None:
    result = call("run", scenario(tmp_path, VALUES), "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert result.output.count(NOTE) == 1


def test_numbers_are_measured_by_r2(tmp_path: Path) -> None:
    problem = of(tmp_path, VALUES, targets="numbers").scenario.problem
    assert getattr(problem, "metric", "") == "r2"


def test_records_say_nothing_of_targets_that_the_scenario_does_not_name(tmp_path: Path) -> None:
    assert "targets" not in of(tmp_path, VALUES).resolved["problem"]
    assert of(tmp_path, VALUES, targets="numbers").resolved["problem"]["targets"] == "numbers"
    hashes = {of(tmp_path, VALUES, **keys).hash for keys in ({}, {"targets": "numbers", "metric": "none"})}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"loss": "cross-entropy", "targets": "numbers"},
            "targets: numbers is at odds with loss: cross-entropy",
        ),
        (
            {"loss": "mse", "targets": "classes"},
            "targets: classes is at odds with loss: mse, which takes numbers",
        ),
        (
            {"metric": "accuracy", "targets": "numbers"},
            "metric: accuracy is of classes, but targets are numbers",
        ),
        ({"targets": "ranks"}, "'classes' or 'numbers'"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        of(tmp_path, VALUES, **keys)
