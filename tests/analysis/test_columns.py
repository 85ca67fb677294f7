"""Columns that are asked for, in every format."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from rfast_bench.analysis.columns import column_list
from rfast_bench.analysis.formats import WRITERS
from rfast_bench.analysis.tables import render, summarise
from rfast_bench.errors import UserError
from rfast_bench.records.reading import Run, find_runs
from tests.support.latex import tables
from tests.support.synthetic_records import curves_table, save


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    own = {"fast": {"step_size": 0.1, "keep": 2, "at": [1, 2]}, "slow": {"step_size": 0.2}}
    for order, (label, parameters) in enumerate(own.items()):
        for scenario in ("one", "two"):
            save(
                tmp_path,
                label,
                curves=curves_table([0, 1 + order, 9], [1, 0.05, 0.01]),
                parameters=parameters,
                scenario=scenario,
                order=order,
            )
    return find_runs([tmp_path])


def table(runs: list[Run], columns: str, format: str = "md", together: bool = False) -> list[str]:
    text = render(runs, format, chosen=column_list(columns), together=together)
    return [line for line in text.splitlines() if line.startswith("|")]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_parameters_of_algorithms_are_columns_of_numbers(runs: list[Run]) -> None:
    frame = summarise(runs)
    fast, slow = (frame[frame["label"] == label].iloc[0] for label in ("fast", "slow"))
    assert (fast["parameter.keep"], fast["parameter.at"]) == (2, "[1, 2]")
    assert (fast["parameter.step_size"], slow["parameter.step_size"]) == (0.1, 0.2)
    assert pd.isna(slow["parameter.keep"])
    assert "parameter." not in render(runs, "md")


def test_readable_columns_are_chosen_by_either_name(runs: list[Run]) -> None:
    one = [run for run in runs if run.scenario == "one"]
    for wanted in ("bytes_sent, time_to_gap_0.1, label", "sent, time to gap 0.1 (s), algorithm"):
        head, _, first, second = map(cells, table(one, wanted))
        assert head == ["sent", "time to gap 0.1 (s)", "algorithm"]
        assert (first, second) == (["9 MB", "1", "fast"], ["9 MB", "2", "slow"])
    head, _, first, second = map(cells, table(one, "label, keep, parameter.step_size, seeds"))
    assert head == ["algorithm", "keep", "step_size", "seeds"]
    assert (first, second) == (["fast", "2", "0.1", "1"], ["slow", "–", "0.2", "1"])


def test_csv_has_these_columns_in_this_order(runs: list[Run]) -> None:
    text = render(runs, "csv", chosen=["parameter.keep", "algorithm", "γ"])
    assert list(pd.read_csv(io.StringIO(text))) == ["parameter.keep", "algorithm", "step_size"]


@pytest.mark.parametrize("format", [*WRITERS, "csv"])
def test_every_format_takes_columns_without_the_algorithm(runs: list[Run], format: str) -> None:
    text = render(runs, format, chosen=["seeds", "status"], width=100)
    assert "seeds" in text
    assert "sent" not in text
    if format == "latex":
        assert [rows[0] for _, _, rows in tables(text)] == [["seeds", "status"]] * 2


def test_an_unknown_column_names_the_columns(runs: list[Run]) -> None:
    with pytest.raises(
        UserError, match=r"columns: found 'sed'; did you mean 'seeds'\?.* Allowed: scenario, label"
    ):
        render(runs, "md", chosen=["sed"])
    with pytest.raises(UserError, match="'a' is there twice"):
        column_list("a,b,a")


def test_several_scenarios_in_one_table(runs: list[Run]) -> None:
    lines = table(runs, "scenario, label", together=True)
    assert [cells(line) for line in lines[2:]] == [
        ["one", "fast"],
        ["one", "slow"],
        ["two", "fast"],
        ["two", "slow"],
    ]
    text = render(runs, "md", together=True)
    assert [line for line in text.splitlines() if line.startswith("#")] == ["## one, two"]
    assert text.count("| scenario ") == 3
