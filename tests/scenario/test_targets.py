"""Targets and whom they are on: each mistake has one line, at its key, with what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Point, load_points
from tests.support.command_line import call, write

SHARE = "an accuracy is a share: above 0, at most 1"
NOBODY = "is nobody's model; allowed: mean, worst, median, or worker and a number, such as 'worker 0'"
WHOSE = "whose model? one of mean, worst, median, or worker and a number, such as 'worker 0'"
CHOSEN = "expected mean, all, a worker's number or a list of them"
NUMBER = "expected a number"


def points(folder: Path, *overrides: str) -> list[Point]:
    return load_points(
        Path(write(folder, evaluate={"every": "1 s"})), ("problem={kind: quadratic}", *overrides)
    )


def told(folder: Path, *overrides: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        points(folder, *overrides)
    return [
        line.removeprefix(f"{folder / 'scenario.yaml'}, changed by --set: evaluate.")
        for line in str(caught.value).splitlines()
    ]


@pytest.mark.parametrize(
    ("targets", "line"),
    [
        ("{of: worst}", "targets: needs at least one of loss, gap, accuracy"),
        ("{gap: [], of: worst}", "targets.gap: there is no value to reach (found [])"),
        ("{gap: []}", "targets.gap: there is no value to reach (found [])"),
        ("{gap: true}", "targets.gap: a number is wanted here (found true)"),
        ("{loss: [1, false], of: worst}", "targets.loss.1: a number is wanted here (found false)"),
        ("{gap: -1}", "targets.gap: expected a number above 0 (found -1)"),
        ("{gap_worst: [1, 0]}", "targets.gap_worst.1: expected a number above 0 (found 0)"),
        ("{loss: .inf}", "targets.loss: expected a finite number (found inf)"),
        ("{accuracy: 3}", f"targets.accuracy: {SHARE} (found 3.0)"),
        ("{accuracy: 0, of: [mean, worst]}", f"targets.accuracy: {SHARE} (found 0.0)"),
        ("{accuracy_worst: 3}", f"targets.accuracy_worst: {SHARE} (found 3.0)"),
        ("{gap: abc, of: worst}", f"targets.gap: {NUMBER} (found 'abc')"),
        ("{gap: [0.1, abc], of: [mean, worst]}", f"targets.gap.1: {NUMBER} (found 'abc')"),
        ("{gap: 1, of: best}", f"targets.of: 'best' {NOBODY} (found 'best')"),
        ("{gap: 1, of: [mean, best]}", f"targets.of.1: 'best' {NOBODY} (found 'best')"),
        ("{gap: 1, of: worker ٣}", f"targets.of: 'worker ٣' {NOBODY} (found 'worker ٣')"),
        ("{gap_worker_٣: 1}", "targets: no metric 'gap_worker_٣'. Allowed: loss, gap, accuracy, of"),
        ("{gap: 1, of: 3}", f"targets.of: {WHOSE} (found 3)"),
        ("{gap: 1, of: null}", f"targets.of: {WHOSE} (found nothing)"),
        ("{gap: 1, of: []}", "targets.of: each once, and one at least (found [])"),
        ("{gap: 1, of: [worker 1, worker 01]}",
         "targets.of: each once, and one at least (found ['worker 1', 'worker 01'])"),
        ("{gap_worker_1: 1, gap_worker_01: 2}", "targets.gap_worker_01: gap_worker_1 comes twice (found 2)"),
        ("{gap: 1, off: worst}", "targets: no metric 'off'; did you mean 'of'? Allowed: loss, gap, accuracy, of"),
        ("{gap_worst: 1, of: worst}",
         "targets.gap_worst: 'gap_worst' says already of whom; leave out 'of' (found 1)"),
        ("3", "targets: expected a mapping of keys (found 3)"),
    ],
)  # fmt: skip
def test_a_wrong_target_has_one_line_at_its_key(targets: str, line: str, tmp_path: Path) -> None:
    assert told(tmp_path, f"evaluate.targets={targets}") == [line]


@pytest.mark.parametrize(
    "found", ["-1", "['all']", "{'a': 1}", "'everyone'", "True", "1.5", "[0, True]", "[[0]]"]
)
def test_who_is_judged_is_told_in_one_line(found: str, tmp_path: Path) -> None:
    given = found.replace("True", "true")
    assert told(tmp_path, f"evaluate.workers={given}") == [
        f"workers: {CHOSEN} (found {found.lower() if found == 'True' else found})"
    ]


def test_all_wrong_targets_are_told_at_once(tmp_path: Path) -> None:
    lines = told(tmp_path, "evaluate.targets={gap: -1, loss: [a, 1, b], of: best}")
    assert [line.partition(":")[0] for line in lines] == [
        "targets.gap",
        "targets.loss.0",
        "targets.loss.2",
        "targets.of",
    ]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("stop.target={gap: 0.1, off: worst}", "stop.target: unknown key 'off'; did you mean 'of'?"),
        ("stop.target={gap: 0.1, yes: worst}", "stop.target: unknown key 'yes'."),
        ("stop.target={gap: 0}", "stop.target.gap: expected a number above 0 (found 0)"),
        ("stop.target={accuracy: 3}", f"stop.target.accuracy: {SHARE} (found 3.0)"),
        ("stop.target={gap: 1, of: 3}", f"stop.target.of: {WHOSE} (found 3)"),
        ("stop.target={gap: 1, of: worker 9}", "stop.target.of: names worker 9; workers are 0 to 3"),
    ],
)
def test_a_stop_rules_target_is_bound_alike(override: str, said: str, tmp_path: Path) -> None:
    assert said in told(tmp_path, override)[0]


def test_a_key_that_yaml_takes_for_a_truth_is_the_word_it_is_in_files_too(tmp_path: Path) -> None:
    path = Path(write(tmp_path))
    path.write_text(path.read_text().replace("  every:", "  on: 3\n  every:"))
    with pytest.raises(UserError, match=r"evaluate: unknown key 'on'\."):
        load_points(path)


@pytest.mark.parametrize("where", ["evaluate.targets", "stop.target", "tune.objective.time_to"])
@pytest.mark.parametrize("metric", ["r2", "own.py:score"])
def test_a_metric_that_is_no_share_has_no_bounds(metric: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def score(outputs, targets): return 3.0\n")
    problem = f"{{kind: torch, model: lenet, loss: mse, metric: {metric}, dataset: diabetes}}"
    tune = "tune={objective: {time_to: {loss: 1}}, parameters: {step_size: [1]}}"
    overrides = (f"problem={problem}", "algorithms=[ring-allreduce]", tune)
    (point, *_) = points(tmp_path, *overrides, f"{where}={{accuracy: -3}}")
    assert "accuracy" in point.scenario.waited_for
    assert told(tmp_path, *overrides, f"{where}={{accuracy: .nan}}")[0].endswith("(found nan)")


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"stop": {"time": 60, "target": {"gap": 0.9}}}, "stopped at its target before gap 1e-09"),
        ({"stop": {"time": 60}}, "did not reach gap 1e-09"),
        ({"stop": {"time": 5}, "compute": 100}, "no gradient was done; did not reach gap 1e-09"),
    ],
)
def test_a_status_says_why_a_target_was_not_reached(over: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A run that ended where it was told to did not fail; one without a gradient had perhaps a forgotten unit."""
    path = write(tmp_path, evaluate={"every": "1 s", "targets": {"gap": 1e-9}}, seeds=2, **over)
    done = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(next((tmp_path / "out").glob("*/table.csv")))
    assert set(table["status"]) == {said}
