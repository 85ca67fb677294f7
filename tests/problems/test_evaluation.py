"""What is measured of models: of how many samples, of which workers; and that who does not ask gets what he had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.study.run import perform, problem_of
from tests.support.command_line import call, write

WINE: dict[str, Any] = {"kind": "logistic-regression", "dataset": "wine", "partition": "by-label"}
NETWORK: dict[str, Any] = {"kind": "torch", "model": "lenet", "dataset": "digits", "model_args": {"width": 4}}


def planned(folder: Path, **changes: Any) -> Run:
    return plan(load_points(Path(write(folder, **changes))))[0]


# ------------------------------------------------------------------------------------------ of which samples
def loss_by_hand(problem: Any, rows: Any) -> float:
    problem.engine.settle(problem.start)
    return float(problem.engine.loss(rows))


def test_the_loss_is_of_as_many_samples_as_asked_for_and_always_of_the_same(tmp_path: Path) -> None:
    problem: Any = problem_of(planned(tmp_path, problem=NETWORK, evaluate={"every": 1, "samples": 40}))
    again: Any = problem_of(
        planned(tmp_path, problem=NETWORK, evaluate={"every": 1, "samples": 40}, first_seed=7)
    )
    rows = problem.looked_at
    assert len(set(rows.tolist())) == 40
    assert np.array_equal(rows, again.looked_at), "neither seed nor shards change the choice"
    assert problem.loss(problem.start) == pytest.approx(loss_by_hand(problem, rows))
    whole: Any = problem_of(planned(tmp_path, problem=NETWORK))
    assert whole.loss(whole.start) != pytest.approx(problem.loss(problem.start))
    assert len(whole.looked_at) == whole.samples


def test_all_is_more_than_the_networks_own_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rfast_bench.problems.network.LOOKED_AT", 30)
    few: Any = problem_of(planned(tmp_path, problem=NETWORK))
    every: Any = problem_of(planned(tmp_path, problem=NETWORK, evaluate={"every": 1, "samples": "all"}))
    assert (len(few.looked_at), len(every.looked_at)) == (30, every.samples)


@pytest.mark.parametrize(
    "problem",
    [{"kind": "quadratic"}, WINE, {"kind": "mlp"}, {"kind": "linear-regression", "dataset": "diabetes"}],
)
def test_where_the_loss_is_of_all_samples_a_number_of_them_is_refused(
    tmp_path: Path, problem: dict[str, Any]
) -> None:
    path = write(tmp_path, problem=problem, evaluate={"every": "1 s", "samples": 100})
    result = call("run", path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert f"evaluate: samples is for problem.kind: torch; the loss of {problem['kind']}" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"samples": "some"}, {"workers": "none"}])
def test_other_values_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    (key,) = wrong
    with pytest.raises(UserError, match=rf"evaluate\.{key}: "):
        planned(tmp_path, problem=NETWORK, evaluate={"every": 1, **wrong})


@pytest.mark.timeout(120)
@pytest.mark.parametrize("world", ["simulated", "real"])
def test_both_worlds_record_it_and_the_table_has_it(tmp_path: Path, world: str) -> None:
    algorithms = [{"name": "d-psgd", "topology": "ring", "step_size": 0.05}]
    changes = {"problem": WINE, "algorithms": algorithms, "stop": {"time": "2 s"}, "seeds": 1}
    asked = {"every": "1 s", "workers": "all"}
    out = tmp_path / "out"
    path = write(tmp_path, world=world, evaluate=asked, **changes)
    result = call("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "final local accuracy" in " ".join((out / "small" / "table.md").read_text().split())
    assert "Local accuracy: the mean of the workers' own" in " ".join(result.stdout.split())
    head = (out / "small" / "d-psgd" / "seed-0" / "curves.csv").read_text().splitlines()[0].split(",")
    assert {"local_accuracy", "accuracy_worst"} <= set(head)


# ----------------------------------------------------------------------------------------------- who does not ask
def test_the_keys_at_their_defaults_change_neither_hash_nor_records(tmp_path: Path) -> None:
    plain = planned(tmp_path, problem=NETWORK)
    said = planned(
        tmp_path, problem=NETWORK, evaluate={"every": "1 s", "targets": {"gap": [0.1], "of": "mean"}}
    )
    assert said.hash == plain.hash
    assert yaml.safe_dump(said.resolved) == yaml.safe_dump(plain.resolved)
    assert set(plain.resolved["evaluate"]) == {"every", "targets"}
    other = planned(
        tmp_path, problem=NETWORK, evaluate={"every": "1 s", "targets": {"gap": [0.1]}, "samples": 9}
    )
    assert other.hash != plain.hash
    assert other.resolved["evaluate"]["samples"] == 9


def test_without_the_key_there_is_no_local_accuracy(tmp_path: Path) -> None:
    run = planned(tmp_path, problem=WINE, stop={"time": 1})
    assert "local_accuracy" not in perform(run, None).frames["curves"]
