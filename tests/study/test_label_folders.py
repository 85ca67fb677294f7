"""Labels as folders: whatever a method is called, its records are found again, and nobody else's are touched."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from rfast_bench.records.reading import find_runs
from rfast_bench.scenario.problem.kinds import SHIPPED, ProblemSpec
from rfast_bench.scenario.schema import label_folder
from tests.support.command_line import call, write

ODD = ("..", ".", ".fast", "table.md", "TIMELINE.png", "x" * 300, "a/../../b", "...")


def test_every_label_is_found_again_in_its_own_studys_folder(tmp_path: Path) -> None:
    entries = [{"name": "r-fast", "step_size": 0.1, "label": label} for label in ODD]
    for name in ("one", "two"):
        path = write(tmp_path, name=name, algorithms=entries, seeds=1)
        done = call("run", path, "--out", tmp_path / "out", "--jobs", 1, "--no-plots")
        assert done.exit_code == 0, done.stderr
    for name in ("one", "two"):
        found = find_runs([tmp_path / "out" / name])
        assert {run.label for run in found} == set(ODD)
        assert {run.scenario for run in found} == {name}
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")) == [
        "one",
        "two",
    ]


@pytest.mark.parametrize("label", ["r-fast", "R-FAST (tree)", "v1.2", "a.b.c", "_x"])
def test_a_usual_label_keeps_its_folder(label: str) -> None:
    assert label_folder(label) == label.replace(" ", "_").replace("(", "_").replace(")", "_")


def test_the_kinds_that_ship_are_those_that_a_scenario_knows() -> None:
    union, *_ = get_args(ProblemSpec)
    tags = [tag.tag for one in get_args(union) for tag in get_args(one)[1:]]
    assert tags == [*SHIPPED, "(plug-in)"]
