"""Whole studies with momentum and a schedule: records, tables, replay, and both found by tuning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from rfast_bench.analysis.tables import render, summarise
from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points
from rfast_bench.records.reading import Run, find_runs
from rfast_bench.report.content.trained import trained
from rfast_bench.study.replay import planned, replay

BASE: dict[str, Any] = {
    "name": "trained",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 3, "noise": 0.1},
    "compute": {"kind": "lognormal", "mean": "100 ms", "sigma": 0.3},
    "network": {"latency": "10 ms", "loss": 0.1},
    "optimizer": {"momentum": 0.9},
    "schedule": {"warmup": 3, "drops": {20: 0.1}},
    "algorithms": [
        {"name": "r-fast", "step_size": 0.01, "topology": "exponential"},
        {"name": "ring-allreduce", "step_size": 0.02},
        {"name": "osgp", "step_size": 0.2, "optimizer": {"momentum": 0}, "schedule": "constant"},
    ],
    "stop": {"time": "5 s"},
    "evaluate": {"every": "0.5 s"},
}


def done(folder: Path, **changes: Any) -> dict[str, Run]:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}), encoding="utf-8")
    arguments = ["run", str(path), "--out", str(folder / "out"), "--jobs", "1", "--no-plots"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return {run.label: run for run in find_runs([folder / "out"])}


def test_records_and_tables_say_momentum(tmp_path: Path) -> None:
    runs = done(tmp_path)
    assert runs["ring-allreduce"].optimizer["momentum"] == 0.9
    assert runs["ring-allreduce"].schedule["drops"] == [[20.0, 0.1]]
    assert not {"optimizer", "schedule"} & {*runs["osgp"].manifest}
    assert runs["ring-allreduce"].effective_step == pytest.approx(0.2)
    assert runs["osgp"].effective_step == pytest.approx(0.2)
    table = summarise([*runs.values()]).set_index("label")
    assert table.loc["r-fast", "momentum"] == 0.9
    text = render([*runs.values()], "md")
    assert re.search(r"\| γ_eff +\| momentum +\|", text)
    assert "γ_eff counts momentum β" in text


def test_a_report_says_how_each_method_was_trained(tmp_path: Path) -> None:
    runs = [*done(tmp_path).values()]
    assert list(trained(runs)) == [
        "Trained with momentum 0.9; a warm-up to 3 and drops × 0.1 at 20 (epochs of all workers) "
        "(r-fast and ring-allreduce)."
    ]
    assert not list(trained([run for run in runs if run.label == "osgp"]))


def test_tables_without_momentum_say_nothing_of_it(tmp_path: Path) -> None:
    runs = done(tmp_path, optimizer={"weight_decay": 0.01})
    assert "momentum" not in summarise([*runs.values()])
    assert "momentum" not in render([*runs.values()], "md")


def test_a_run_is_done_again_as_it_was(tmp_path: Path) -> None:
    for run in done(tmp_path).values():
        outcome, _ = replay(run, 1e9)
        assert list(outcome.frames["curves"]["loss"]) == pytest.approx(list(run.curves()["loss"]), rel=1e-12)
        assert planned(run).training.optimizer is None or run.optimizer


def test_momentum_and_a_schedule_matter(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    trained, plain = done(tmp_path), done(tmp_path / "plain", optimizer={}, schedule={})
    for label, same in (("r-fast", False), ("ring-allreduce", False), ("osgp", True)):
        losses = [runs[label].curves()["loss"].iloc[-1] for runs in (trained, plain)]
        assert (losses[0] == losses[1]) == same


def test_the_same_file_again_does_nothing_and_another_momentum_does(tmp_path: Path) -> None:
    first = done(tmp_path)
    stamps = {label: (run.folder / "manifest.json").stat().st_mtime_ns for label, run in first.items()}
    again = done(tmp_path)
    assert {label: (run.folder / "curves.csv").exists() for label, run in again.items()} == dict.fromkeys(
        stamps, True
    )
    assert {label: run.hash for label, run in again.items()} == {
        label: run.hash for label, run in first.items()
    }
    other = done(tmp_path, optimizer={"momentum": 0.5})
    changed = {label for label, run in other.items() if run.hash != first[label].hash}
    assert changed == {"r-fast", "ring-allreduce"}


# ------------------------------------------------------------------------------------------------- tuning
TUNE: dict[str, Any] = {
    "objective": {"final": "gap"},
    "parameters": {
        "optimizer.momentum": [0, 0.9],
        "schedule.warmup": [0.5, 3],
        "step_size": {"from": 0.1, "factor": 2, "count": 1, "effective": True},
    },
    "seeds": 1,
    "widen": 0,
}


def test_momentum_and_the_warm_up_are_tuned(tmp_path: Path) -> None:
    """For each algorithm that is not given them; the step keeps its effective value whatever momentum is."""
    algorithms = [
        {"name": "r-fast", "topology": "exponential"},
        {"name": "ring-allreduce", "optimizer": {"momentum": 0.5}},
        {
            "name": "d-psgd",
            "step_size": 0.1,
            "schedule": {"warmup": {"tune": [1, 2]}},
            "optimizer": {"momentum": 0},
        },
    ]
    runs = done(tmp_path, algorithms=algorithms, tune=TUNE, optimizer={}, schedule={"drops": {20: 0.1}})
    reported = {label: run for label, run in runs.items() if run.purpose == "report"}
    fast, ring, gossip = (reported[name] for name in ("r-fast", "ring-allreduce", "d-psgd"))
    assert set(fast.tuned) == {"optimizer.momentum", "schedule.warmup", "step_size"}
    assert set(ring.tuned) == {"schedule.warmup", "step_size"}
    assert set(gossip.tuned) == {"schedule.warmup"}
    assert fast.optimizer.get("momentum", 0) == fast.tuned["optimizer.momentum"]["value"]
    for run in reported.values():
        assert run.schedule["warmup"] == run.tuned["schedule.warmup"]["value"]
        assert "optimizer.momentum" not in run.parameters
    assert fast.effective_step == pytest.approx(0.1)
    assert ring.effective_step == pytest.approx(0.1)
    assert ring.step_size == pytest.approx(0.05)
    assert ring.optimizer["momentum"] == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"optimizer.momentun": [0, 0.9]},
            "no algorithm has 'optimizer.momentun'; did you mean 'optimizer.mom",
        ),
        ({"optimizer.momentum": [0.9, 1]}, "algorithms.0.optimizer.momentum: expected a number below 1"),
        ({"optimizer.nesterov": [True, False]}, "optimizer: nesterov needs momentum above 0"),
        (
            {"schedule.warmup": [1, 30]},
            "schedule: the first drop, at 20, comes before the end of the warm-up",
        ),
    ],
    ids=str,
)
def test_wrong_grids_are_told(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    tune = {**TUNE, "parameters": changes}
    raw = {**BASE, "optimizer": {"momentum": 0}, "schedule": {"drops": {20: 0.1}}, "tune": tune}
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump({**raw, "algorithms": [{"name": "ring-allreduce", "step_size": 0.1}]}))
    with pytest.raises(UserError) as told:
        load_points(path)
    assert message in str(told.value)


def test_a_grid_in_an_entry_needs_an_objective(tmp_path: Path) -> None:
    algorithms = [{"name": "ring-allreduce", "step_size": 0.1, "optimizer": {"momentum": {"tune": [0, 0.9]}}}]
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump({**BASE, "algorithms": algorithms}))
    with pytest.raises(
        UserError, match=r"algorithms\.0\.optimizer\.momentum: is to be tuned, but the scenario has"
    ):
        load_points(path)
