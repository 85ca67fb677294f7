"""What is measured of models: of how many samples, of which workers; and that who does not ask gets what he had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems import Problem
from rfast_bench.problems.evaluation import Evaluator
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


# ------------------------------------------------------------------------------------------ of which workers
class Kept(Evaluator):
    """Remembers the models that were looked at last."""

    models: list[np.ndarray]

    def measure(self, algorithms: Any) -> dict[str, float]:
        self.models = [np.array(a.model) for a in algorithms.values()]
        return super().measure(algorithms)


def test_the_local_accuracy_is_the_mean_of_every_workers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[Problem, Kept]] = []

    def make(problem: Problem, *more: Any, **others: Any) -> Kept:
        kept.append((problem, Kept(problem, *more, **others)))
        return kept[-1][1]

    monkeypatch.setattr("rfast_bench.study.run.Evaluator", make)
    run = planned(tmp_path, problem=WINE, evaluate={"every": 1, "workers": "all"}, stop={"time": 2})
    last = perform(run, None).frames["curves"].iloc[-1]
    ((problem, evaluator),) = kept
    own = [problem.accuracy(model) for model in evaluator.models]
    assert len(own) == 4
    assert len(set(own)) > 1
    assert last["local_accuracy"] == pytest.approx(np.mean(own))
    assert last["local_accuracy_worst"] == min(own)


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
    assert {"local_accuracy", "local_accuracy_worst"} <= set(head)


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        ({"kind": "quadratic"}, "problem.kind: quadratic has none"),
        ({**WINE, "test_fraction": 0}, "problem.test_fraction is 0"),
        ({"kind": "linear-regression", "dataset": "diabetes"}, "there are no classes"),
        ({**NETWORK, "metric": "none"}, "problem.metric is none"),
    ],
)
def test_where_there_is_no_accuracy_it_is_refused(tmp_path: Path, problem: dict[str, Any], why: str) -> None:
    path = write(tmp_path, problem=problem, evaluate={"every": "1 s", "workers": "all"})
    result = call("run", path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "evaluate.workers: all needs held-out samples" in result.stderr
    assert why in result.stderr
    assert not (tmp_path / "out").exists()


# ----------------------------------------------------------------------------------------------- who does not ask
def test_the_keys_at_their_defaults_change_neither_hash_nor_records(tmp_path: Path) -> None:
    plain = planned(tmp_path, problem=NETWORK)
    said = planned(
        tmp_path, problem=NETWORK, evaluate={"every": "1 s", "targets": {"gap": [0.1]}, "workers": "mean"}
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
