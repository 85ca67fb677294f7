"""Effective steps of a method that has parameters of its own in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfast_bench.plan import registry
from rfast_bench.plan.parameters import effective_step, step_for
from rfast_bench.records.reading import find_runs
from tests.support.command_line import call, write
from tests.support.handmade import graph, make_run, simulate_run

HEAVY = """
from typing import Annotated

from annotated_types import Ge, Lt

from rfast_bench.algorithms.r_fast import RFast
from rfast_bench.api import StepSize


class Heavy(RFast):
    def __init__(self, x0, *, step_size: StepSize, beta: Annotated[float, Ge(0), Lt(1)] = 0.5):
        super().__init__(x0, step_size=step_size)
        self.beta, self.before = beta, x0

    def descend(self, x, z):
        v = super().descend(x, z) + self.beta * (x - self.before)
        self.before = x
        return v

    @classmethod
    def effective_step(cls, step_size, topology_factor, parameters):
        assert parameters["step_size"] == step_size
        return step_size * topology_factor / (1 - parameters["beta"])
"""


@pytest.fixture
def heavy(tmp_path: Path) -> str:
    (tmp_path / "heavy.py").write_text(HEAVY, encoding="utf-8")
    return f"{tmp_path / 'heavy.py'}:Heavy"


@pytest.mark.parametrize(
    ("given", "beta"), [({}, 0.5), ({"beta": 0.9}, 0.9), ({"beta": 0.0, "step_size": {"effective": 1}}, 0.0)]
)
def test_a_third_argument_is_all_parameters(heavy: str, given: Mapping[str, Any], beta: float) -> None:
    """Those that are given, and the others by default; the step size is the one that is asked about."""
    kind, tree = registry.find(heavy), graph("binary-tree", 5)
    assert effective_step(kind, tree, 0.1, given=given) == pytest.approx(0.1 * 5 / (1 - beta))
    assert step_for(kind, tree, 0.4, "here", given=given) == pytest.approx(0.4 * (1 - beta) / 5)
    assert effective_step(kind, tree, 0.1, 0.75, given) == pytest.approx(0.1 * 5 / (1 - beta) / 0.25)


def test_two_arguments_are_enough() -> None:
    """As all that are shipped have it."""
    assert effective_step(registry.find("r-fast"), graph("binary-tree", 5), 0.1, given={"x": 1}) == 0.5
    assert effective_step(registry.find("async-sgd"), graph("none", 5, "nothing"), 0.1) == 0.5


def test_the_plan_gives_the_step_size_and_tables_the_effective_step(heavy: str) -> None:
    run = make_run({"name": heavy, "beta": 0.8, "step_size": {"effective": 0.1}, "topology": "binary-tree"})
    assert run.algorithm.parameters["step_size"] == pytest.approx(0.1 * 0.2 / 4)
    assert simulate_run(run).outcome.status == "finished"


def test_a_parameter_in_it_is_tuned_and_the_effective_step_waits_for_it(heavy: str, tmp_path: Path) -> None:
    """Each β with the step size that has this effective step with it."""
    tune = {"objective": {"final": "gap"}, "parameters": {"beta": [0.2, 0.8]}, "seeds": 1, "widen": 0}
    algorithm = {"name": heavy, "label": "heavy", "step_size": {"effective": 0.3}, "topology": "binary-tree"}
    problem = {"kind": "logistic-regression", "dataset": "wine"}
    settings: dict[str, Any] = {"problem": problem, "tune": tune, "workers": 3, "seeds": 1}
    path = write(tmp_path, algorithms=[algorithm], stop={"time": "5 s"}, **settings)
    result = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "out" / "small" / "tuning" / "tuning.csv")
    assert sorted(table["beta"]) == [0.2, 0.8]
    (run,) = find_runs([tmp_path / "out"])
    assert run.effective_step == pytest.approx(0.3)
    assert run.step_size == pytest.approx(0.3 * (1 - run.parameters["beta"]) / 3)
