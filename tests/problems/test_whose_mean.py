"""A method may name the workers whose models' mean is its answer: of a parameter server, the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfast_bench.analysis.cell_text import footnote
from rfast_bench.analysis.tables import summarise
from rfast_bench.problems import reference
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.real.gather import Shown
from rfast_bench.records.reading import find_runs
from rfast_bench.study.run import problem_of
from tests.problems.test_judged import WINE, planned, played
from tests.support.command_line import call, write

SERVER = {
    "name": f"{Path(__file__).parents[2] / 'docs/examples/parameter_server.py'}:ParameterServer",
    "label": "server",
    "step_size": 0.5,
    "server": 2,
}


def test_the_server_is_judged_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loss at each look, and how far all are from it; who says nothing is judged by the mean of all."""
    run = planned(tmp_path, algorithms=[SERVER], evaluate={"every": "1 s"})
    curves, kept, _ = played(run, monkeypatch)
    problem, apart = problem_of(run), 0.0
    for (_, row), models in zip(curves.iterrows(), kept.models, strict=True):
        assert row["loss"] == problem.loss(models[2])
        off = [float(np.linalg.norm(model - models[2])) for model in models.values()]
        assert row["consensus"] == pytest.approx(np.sqrt(np.mean(np.square(off))))
        apart = max(apart, *off)
    assert apart > 0.01


def test_records_say_whose_mean_it_is_only_where_it_is_not_all_workers(tmp_path: Path) -> None:
    path = write(tmp_path, problem=WINE, algorithms=[SERVER, {"name": "async-sgd", "step_size": 0.1}])
    result = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "The mean model of server: of 1 of 4 workers" in " ".join(result.output.split())
    runs = {run.label: run for run in find_runs([tmp_path / "out"])}
    assert (runs["server"].mean_of, runs["async-sgd"].mean_of) == ((2,), ())
    manifest = json.loads((runs["async-sgd"].folder / "manifest.json").read_text())
    assert "mean_of" not in manifest
    assert "The mean model of" not in footnote(summarise([runs["async-sgd"]]))


def test_the_real_world_judges_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = planned(
        tmp_path, algorithms=[SERVER], world="real", stop={"time": "1 s"}, evaluate={"every": "0.25 s"}
    )
    curves, kept, _ = played(run, monkeypatch)
    problem = problem_of(run)
    assert len(curves) == len(kept.models) >= 4
    for (_, row), models in zip(curves.iterrows(), kept.models, strict=True):
        assert row["loss"] == problem.loss(models[2])
    assert curves["loss"].iloc[-1] < 0.9 * curves["loss"].iloc[0]


def test_while_the_server_is_away_the_others_stand_in(tmp_path: Path) -> None:
    problem: Any = problem_of(planned(tmp_path))
    models = {k: Shown(np.full(problem.dim, 0.1 * k)) for k in (0, 1, 3)}
    row = Evaluator(problem, reference(problem), mean_of=(2,)).measure(models)  # type: ignore[arg-type]
    assert row["loss"] == pytest.approx(problem.loss(np.full(problem.dim, 0.4 / 3)))


@pytest.mark.parametrize("given", ["[]", "[0, n]", "[-1]"])
def test_workers_that_do_not_exist_are_refused(given: str, tmp_path: Path) -> None:
    """Before anything runs."""
    (tmp_path / "odd.py").write_text(
        "from rfast_bench.algorithms.d_psgd import DPsgd\n\n\nclass Odd(DPsgd):\n    @classmethod\n"
        f"    def judged(cls, n, parameters):\n        return {given}\n"
    )
    path = write(tmp_path, problem=WINE, algorithms=[{"name": "odd.py:Odd", "step_size": 0.1}])
    result = call("run", path, "--out", tmp_path / "out", "--no-plots")
    assert result.exit_code == 2
    assert "Odd.judged names the workers" in result.output
    assert "expected one or more of 0 to 3" in result.output
    assert not list(tmp_path.rglob("manifest.json"))
