"""The benchmark's table: it runs, its parts sum to its total, and two files of it can be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sampling, split
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.study.run import maker, problem_of


def test_a_quick_table_is_printed_and_can_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(split, "PROBLEMS", {"logistic d=20": split.PROBLEMS["logistic d=20"]})
    file = tmp_path / "a.json"
    split.main(["--quick", "--json", str(file)])
    assert "logistic d=20" in capsys.readouterr().out
    (row,) = json.loads(file.read_text())["rows"]
    assert row["worker_iterations"] > 1000
    assert sum(row[part] for part in sampling.PARTS) == pytest.approx(row["total"])
    assert 0 < row["floor"] < row["total"]
    split.main(["--compare", str(file), str(file)])
    assert capsys.readouterr().out.count("1.00") >= 2


def test_time_is_charged_to_the_part_that_spends_it() -> None:
    """Long calls into C as well, during which no signal is handled; what evaluates is not charged as a gradient."""
    run = split.make_run("logistic d=7850", 16, quick=True)
    problem = problem_of(run)
    evaluator = Evaluator(problem, None)
    workers = [maker(run)(problem.start)]
    with sampling.sampled() as seconds:
        for _ in range(60):
            problem.objective(problem.start)
    assert seconds["gradient"] > 0.8 * sum(seconds[part] for part in sampling.PARTS)
    with sampling.sampled() as seconds:
        for _ in range(30):
            evaluator.measure(dict(enumerate(workers)))
    assert seconds["evaluation"] > 0.8 * sum(seconds[part] for part in sampling.PARTS)


def test_the_bare_gradients_are_those_of_the_run() -> None:
    run = split.make_run("logistic d=20", 4, quick=True)
    problem = problem_of(run)
    calls = split.log_batches(problem)
    problem.gradients([0, 1, 2], np.zeros((3, problem.dim)), [None] * 3)
    assert calls == [[0, 1, 2]]
    assert split.bare(problem, calls) >= 0
    assert "gradients" not in vars(problem)
