"""What swept values are called in folders, tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfast_bench.plan.runs import load_points
from rfast_bench.plan.swept_values import fitting, named
from tests.support.command_line import call, write


@pytest.mark.parametrize(
    ("key", "values", "names", "slugs"),
    [
        (
            "schedule",
            ["constant", {"cosine": 2}],
            ["constant", "cosine=2"],
            ["schedule=constant", "schedule=cosine_2"],
        ),
        (
            "optimizer",
            [{}, {"clip": 1, "momentum": 0.9}],
            ["{}", "clip=1 momentum=0.9"],
            ["optimizer=__", "optimizer=clip_1_momentum_0.9"],
        ),
        (
            "schedule",
            [{"by": "time", "drops": {2: 0.5, "10 s": 0.1}}],
            ['by=time drops={"2": 0.5, "10 s": 0.1}'],
            ["schedule=by_time_drops___2___0.5___10_s___0.1_"],
        ),
    ],
)
def test_a_mapping_without_a_kind_is_named_by_its_keys(
    tmp_path: Path, key: str, values: list[Any], names: list[str], slugs: list[str]
) -> None:
    points = load_points(Path(write(tmp_path, sweep={key: values})))
    assert [named(point.values)[key] for point in points] == names
    assert [point.slug for point in points] == slugs


def test_the_name_of_a_folder_fits_the_file_system(tmp_path: Path) -> None:
    long = [{"points": [[k, 1 / (k + last)] for k in range(40)]} for last in (1, 2)]
    first, second = (point.slug for point in load_points(Path(write(tmp_path, sweep={"schedule": long}))))
    assert first != second
    for slug in (first, second):
        assert slug.startswith("schedule=points")
        (tmp_path / slug).mkdir()
    assert fitting("x" * 255) == "x" * 255
    assert len(fitting("ü" * 128).encode()) < 255


def test_a_schedule_can_be_swept_to_the_report(tmp_path: Path) -> None:
    swept = {"schedule": ["constant", {"cosine": {"until": 5, "to": 0.1}}]}
    few = [{"name": "d-psgd", "step_size": 0.05, "topology": "ring"}]
    short = {"stop": {"time": "3 s"}, "algorithms": few, "seeds": 1}
    problem = {"kind": "logistic-regression", "dataset": "wine"}
    path, out = write(tmp_path, sweep=swept, problem=problem, **short), tmp_path / "out"
    for arguments in (
        ("run", path, "--out", out),
        ("report", out, "-o", tmp_path / "report.html"),
        ("data", path),
    ):
        result = call(*arguments)
        assert result.exit_code == 0, result.output
    home = out / "small"
    rows = pd.read_csv(home / "table.csv")
    assert set(rows["point.schedule"]) == {"constant", 'cosine={"to": 0.1, "until": 5}'}
    assert (
        home / "schedule=cosine___to___0.1___until___5_" / "d-psgd" / "seed-0" / "manifest.json"
    ).is_file()
    assert list(home.rglob("*.png"))
