"""Whose models are measured: the mean, the median and the worst of the workers' own, against independent code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from scipy.special import log_softmax

from rfast_bench.api import Algorithm
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems import Reference, reference
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.real.gather import Shown
from rfast_bench.records.reading import find_runs
from rfast_bench.records.writing import amend
from rfast_bench.study.run import perform, problem_of
from tests.support.command_line import call, write

WINE: dict[str, Any] = {"kind": "logistic-regression", "dataset": "wine", "partition": "by-label"}
SLOW = [{"name": "d-psgd", "topology": "ring", "step_size": 0.5}]


def planned(folder: Path, **changes: Any) -> Run:
    changes = {"problem": WINE, "algorithms": SLOW, "stop": {"time": "5 s"}, **changes}
    return plan(load_points(Path(write(folder, **changes))))[0]


class Kept(Evaluator):
    """Remembers the models of every look."""

    models: list[dict[int, np.ndarray]]

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        self.models = [*getattr(self, "models", []), {k: np.array(a.model) for k, a in algorithms.items()}]
        return super().measure(algorithms)


def played(run: Run, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Kept, Reference | None]:
    """A run's curves, the models that they are of, and the optimum."""
    kept: list[Kept] = []

    def make(*parts: Any, **others: Any) -> Kept:
        kept.append(Kept(*parts, **others))
        return kept[-1]

    monkeypatch.setattr("rfast_bench.study.run.Evaluator", make)
    optimum = reference(problem_of(run))
    return perform(run, optimum).frames["curves"], kept[-1], optimum


def independent(problem: Any, model: np.ndarray) -> tuple[float, float]:
    """Loss and accuracy of a softmax model, by scipy, sample after sample."""
    weights = model.reshape(-1, problem.classes)
    logs = log_softmax(problem.features[:-1] @ weights, axis=1)
    each = [-logs[k, label] for k, label in enumerate(problem.labels[:-1])]
    right = [
        (row @ weights).argmax() == y
        for row, y in zip(problem.test_features, problem.test_labels, strict=True)
    ]
    return float(np.mean(each) + problem.l2 / 2 * (model**2).sum()), float(np.mean(right))


# ------------------------------------------------------------------------------------------- the numbers
def test_mean_median_and_worst_are_those_of_independent_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned(tmp_path, evaluate={"every": "1 s", "workers": "all"})
    curves, kept, optimum = played(run, monkeypatch)
    assert optimum is not None
    problem = problem_of(run)
    assert len(curves) == len(kept.models) == 6
    for (_, row), models in zip(curves.iterrows(), kept.models, strict=True):
        losses, scores = zip(*(independent(problem, model) for model in models.values()), strict=True)
        loss, score = independent(problem, np.mean(list(models.values()), axis=0))
        assert row["loss"] == pytest.approx(loss, abs=1e-13)
        assert row["gap"] == pytest.approx(loss - optimum.loss, abs=1e-13)
        assert (row["loss_worst"], row["loss_median"]) == pytest.approx(
            (max(losses), np.median(losses)), abs=1e-13
        )
        assert row["gap_worst"] == pytest.approx(max(losses) - optimum.loss, abs=1e-13)
        assert row["gap_median"] == pytest.approx(np.median(losses) - optimum.loss, abs=1e-13)
        assert (row["accuracy"], row["accuracy_worst"]) == (score, min(scores))
        assert row["accuracy_median"] == np.median(scores)
        assert row["local_accuracy"] == pytest.approx(np.mean(scores))
    assert len(set(losses)) == 4
    assert curves["loss_worst"].iloc[-1] > curves["loss"].iloc[-1]


def test_the_worst_is_not_the_farthest(tmp_path: Path) -> None:
    """Farthest from the mean is one thing, the largest loss another: a model nearer to the optimum may be far out."""
    problem = problem_of(planned(tmp_path))
    optimum = reference(problem)
    assert optimum is not None

    near, start = optimum.x, np.zeros(problem.dim)
    models = [start, start + 1e-3, near]
    row = Evaluator(problem, optimum, judged=(0, 1, 2)).measure(
        cast(Any, {k: Shown(x) for k, x in enumerate(models)})
    )
    losses = [problem.loss(x) for x in models]
    assert np.linalg.norm(near - np.mean(models, axis=0)) > np.linalg.norm(start - np.mean(models, axis=0))
    assert row["loss_worst"] == pytest.approx(max(losses[:2]))


@pytest.mark.parametrize("dataset", ["wine", "breast_cancer"])
def test_losses_together_are_those_one_by_one(dataset: str, tmp_path: Path) -> None:
    problem = problem_of(planned(tmp_path, problem={**WINE, "dataset": dataset}))
    models = list(np.random.default_rng(0).normal(size=(5, problem.dim)))
    assert problem.losses(models) == pytest.approx([problem.loss(x) for x in models], rel=1e-13)
    models[2] *= 1e4  # scores whose exponentials would overflow
    assert problem.losses(models) == pytest.approx([problem.loss(x) for x in models], rel=1e-12)


# -------------------------------------------------------------------------------------------- whose they are
@pytest.mark.parametrize(
    ("workers", "kind", "evaluate", "judged"),
    [
        (4, "quadratic", {}, (0, 1, 2, 3)),
        (3, "quadratic", {}, (0, 1, 2)),
        (8, "quadratic", {}, (0, 2, 4, 6)),
        (101, "quadratic", {}, (0, 25, 50, 75)),
        (8, "quadratic", {"targets": {"gap": 1, "of": ["mean", "median"]}}, tuple(range(8))),
        (17, "quadratic", {"workers": "all"}, tuple(range(17))),
        (4, "quadratic", {"workers": "mean"}, ()),
        (4, "quadratic", {"workers": [3, 1]}, (3, 1)),
        (4, "quadratic", {"workers": 2}, (2,)),
        (4, "mlp", {}, ()),
        (32, "mlp", {"targets": {"loss": 1, "of": "worst"}}, tuple(range(32))),
        (4, "mlp", {"targets": {"loss": 1, "of": "worker 3"}}, ()),
    ],
)
def test_who_is_judged(
    workers: int, kind: str, evaluate: dict[str, Any], judged: tuple[int, ...], tmp_path: Path
) -> None:
    run = planned(tmp_path, workers=workers, problem={"kind": kind}, evaluate={"every": "1 s", **evaluate})
    assert run.scenario.judged == judged


def test_a_named_worker_has_columns_of_its_own_and_one_that_is_down_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = {"every": "1 s", "targets": {"gap": 0.5, "of": ["mean", "Worker  1"]}, "workers": "mean"}
    faults = [{"worker": 1, "down": "1.5 s", "up": "3.5 s"}]
    algorithms = [{"name": "r-fast", "topology": "binary-tree", "step_size": 0.1}]
    run = planned(
        tmp_path,
        evaluate=evaluate,
        faults=faults,
        algorithms=algorithms,
        network={"silence_timeout": "200 ms"},
    )
    curves, kept, optimum = played(run, monkeypatch)
    assert optimum is not None
    problem = problem_of(run)
    for (_, row), models in zip(curves.iterrows(), kept.models, strict=True):
        if 1 in models:
            assert row["loss_worker_1"] == pytest.approx(independent(problem, models[1])[0], abs=1e-13)
        else:
            assert np.isnan(row["loss_worker_1"])
    assert {1 in models for models in kept.models} == {True, False}
    assert "loss_median" not in curves


def test_targets_of_the_worst_come_later_and_stand_beside_those_of_the_mean(tmp_path: Path) -> None:
    evaluate = {"every": "0.1 s", "targets": {"gap": 0.3, "of": ["mean", "median", "worst", "worker 0"]}}
    path = write(tmp_path, problem=WINE, algorithms=SLOW, stop={"time": "20 s"}, evaluate=evaluate)
    out = tmp_path / "out"
    result = call("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    (run, *_) = find_runs([out])
    times = [run.time_to(name, 0.3) for name in ("gap", "gap_median", "gap_worst", "gap_worker_0")]
    assert times[0] < times[2]
    assert times[1] <= times[2]
    assert run.judged == (0, 1, 2, 3)
    table = " ".join((out / "small" / "table.md").read_text().split())
    for words in ("gap 0.3", "median gap 0.3", "worst gap 0.3", "gap 0.3 of worker 0", "final worst gap"):
        assert words in table
    told = "Worst, median: of the workers' own models; of worker: of its own model; all else of the mean model of all"
    assert told in table


def test_a_run_stops_when_the_worst_has_arrived_and_is_tuned_by_it(tmp_path: Path) -> None:
    stop = {"time": "40 s", "target": {"gap": 0.3, "of": "worst"}}
    run = planned(tmp_path, stop=stop, evaluate={"every": "0.1 s"})
    record = perform(run, reference(problem_of(run)))
    gaps = record.frames["curves"]["gap_worst"]
    assert record.manifest["stopped_by"] == "target"
    assert gaps.iloc[-1] <= 0.3 < gaps.iloc[-2]
    tune = {
        "objective": {"time_to": {"gap": 0.3}, "of": "worst"},
        "parameters": {"step_size": [0.2, 0.5]},
        "seeds": 1,
    }
    algorithms = [{"name": "d-psgd", "topology": "ring"}]
    path = write(tmp_path, problem=WINE, algorithms=algorithms, stop={"time": "20 s"}, tune=tune)
    out = tmp_path / "out"
    result = call("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "Tuned by time to worst gap 0.3, on other seeds" in " ".join(
        (out / "small" / "table.md").read_text().split()
    )


# ------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"evaluate": {"every": 1, "workers": [0, 4]}},
            "evaluate.workers: names worker 4; workers are 0 to 3",
        ),
        ({"evaluate": {"every": 1, "workers": [1, 1]}}, "each worker once"),
        ({"evaluate": {"every": 1, "workers": []}}, "each worker once"),
        ({"evaluate": {"every": 1, "workers": "some"}}, "evaluate.workers"),
        (
            {"evaluate": {"every": 1, "targets": {"gap": 1, "of": "worker 4"}}},
            "evaluate.targets: names worker 4; workers are 0 to 3",
        ),
        (
            {"evaluate": {"every": 1, "targets": {"gap": 1, "of": "best"}}},
            "'best' is nobody's model; allowed: mean",
        ),
        ({"evaluate": {"every": 1, "targets": {"gap": 1, "of": []}}}, "of: each once"),
        ({"evaluate": {"every": 1, "targets": {"gap": 1, "of": ["mean", "mean"]}}}, "of: each once"),
        ({"evaluate": {"every": 1, "targets": {"gaps": 1}}}, "no metric 'gaps'; did you mean 'gap'?"),
        (
            {"evaluate": {"every": 1, "workers": "mean", "targets": {"gap": 1, "of": "worst"}}},
            "evaluate.workers: mean measures no worker's own model, but worst gap is wanted by evaluate.targets",
        ),
        (
            {"stop": {"time": 1, "target": {"gap": 1, "of": "worker 9"}}},
            "stop.target.of: names worker 9; workers are 0 to 3",
        ),
        ({"stop": {"time": 1, "target": {"of": "worst"}}}, "needs at least one of loss, gap, accuracy"),
    ],
)
def test_what_cannot_be_judged_is_told_and_nothing_written(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    result = call("run", write(tmp_path, **changes), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_an_accuracy_of_the_worst_needs_samples_that_were_held_out(tmp_path: Path) -> None:
    evaluate = {"every": 1, "targets": {"accuracy": 0.5, "of": "worst"}}
    path = write(tmp_path, problem={"kind": "quadratic"}, evaluate=evaluate)
    result = call("run", path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert (
        "evaluate.targets: a target on accuracy needs held-out samples; problem.kind: quad" in result.stderr
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"evaluate": {"every": 1, "targets": {"gap": 1}}}, "evaluate.targets: a target on gap"),
        ({"stop": {"epochs": 1, "target": {"gap": 1}}}, "stop.target: a target on gap"),
    ],
)
def test_the_key_of_a_target_that_does_not_exist_is_told(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    own = {"problem": {"kind": "mlp"}, "evaluate": {"every": 1}, **changes}
    result = call("run", write(tmp_path, **own), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert f"{said} needs a known optimum" in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["worker 1", "worker 01", "Worker  1", "gap_worker_1", "gap_worker_01"])
def test_a_worker_has_one_name_however_its_number_is_written(name: str, tmp_path: Path) -> None:
    targets = {name: 0.5} if name.startswith("gap") else {"gap": 0.5, "of": name}
    run = planned(tmp_path, evaluate={"every": "1 s", "targets": targets})
    assert dict(run.scenario.evaluate.targets) == {"gap_worker_1": (0.5,)}


def test_where_nobody_judged_is_left_a_target_on_the_worst_is_not_reached(tmp_path: Path) -> None:
    algorithms = [{"name": "r-fast", "topology": "binary-tree", "step_size": 0.1}]
    run = planned(
        tmp_path,
        algorithms=algorithms,
        evaluate={"every": "1 s", "workers": 3},
        stop={"time": "4 s", "target": {"gap": 1e-9, "of": "worst"}},
        faults=[{"worker": 3, "down": "1.5 s"}],
        network={"silence_timeout": "200 ms"},
    )
    record = perform(run, reference(problem_of(run)))
    assert record.manifest["stopped_by"] == "time"
    worst = record.frames["curves"]["gap_worst"]
    assert worst.notna().tolist() == [True, True, False, False, False]


def test_records_of_the_first_format_say_nothing_of_the_worst(tmp_path: Path) -> None:
    """Their `loss_worst` was of the model farthest from the mean."""
    evaluate = {"every": "1 s", "workers": "all"}
    problem = {"kind": "mlp", "dataset": "wine"}
    path = write(tmp_path, problem=problem, algorithms=SLOW, stop={"time": "2 s"}, evaluate=evaluate)
    out = tmp_path / "out"
    assert call("run", path, "--out", out, "--no-plots", "--jobs", 1).exit_code == 0
    assert "final worst loss" in call("table", out, "--format", "md").output
    for manifest in out.rglob("manifest.json"):
        amend(manifest.parent, format=1)
    text = call("table", out, "--format", "md").output
    assert "final loss" in text
    assert "worst loss" not in text


def test_the_line_under_the_table_says_of_whom(tmp_path: Path) -> None:
    def note(**evaluate: Any) -> str:
        path = write(tmp_path, problem=WINE, algorithms=SLOW, stop={"time": "2 s"}, seeds=1)
        given = [f"--set=evaluate.{key}={value}" for key, value in evaluate.items()]
        result = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1, "--fresh", *given)
        assert result.exit_code == 0, result.output
        return " ".join(result.stdout.split())

    alone = note(targets="{gap: 0.1, of: worker 0}", workers="mean")
    assert "Of worker: of its own model; all else of the mean model of all workers" in alone
    assert "Worst, median" not in alone
    some = note(workers="[0, 2]")
    assert "Worst, median: of 2 of 4 workers' own models; all else of the mean model of all workers" in some
