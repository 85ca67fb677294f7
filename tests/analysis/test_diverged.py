"""What tables say of the final accuracy of runs that diverged: no number, and none that is better for having lost."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rfast_bench.analysis.cell_text import present
from rfast_bench.analysis.tables import render, summarise
from rfast_bench.records.reading import Run, find_runs
from tests.support.synthetic_records import curves_table, save


def runs_of(folder: Path, lost: int) -> list[Run]:
    """Three seeds of two methods; the first few of `shaky` diverged, after an accuracy as good as any."""
    for seed, accuracy in enumerate((0.9, 0.92, 0.94)):
        status = "diverged" if seed < lost else "finished"
        curves = curves_table([0.0, 60.0], [1.0, 0.5], accuracy=[0.1, accuracy])
        save(folder, "shaky", seed, curves, targets={}, status=status)
        save(folder, "steady", seed, curves, targets={}, order=1)
    return find_runs([folder])


@pytest.mark.parametrize(
    ("lost", "cell", "status"),
    [
        (0, "0.92 [0.9, 0.94]", "ok"),
        (1, "0.92 [–, 0.94]", "diverged (1/3)"),
        (2, "–", "diverged (2/3)"),
        (3, "–", "diverged (3/3)"),
    ],
)
def test_a_lost_accuracy_is_a_dash_and_counts_as_the_worst(
    tmp_path: Path, lost: int, cell: str, status: str
) -> None:
    """Not 0, which a bad run may have; nor left out, for the best of the others would then be the median."""
    shown = present(summarise(runs_of(tmp_path, lost))).set_index("algorithm")
    assert (shown.loc["shaky", "final accuracy"], shown.loc["shaky", "status"]) == (cell, status)
    assert shown.loc["steady", "final accuracy"] == "0.92 [0.9, 0.94]"


@pytest.mark.parametrize(("lost", "least"), [(1, 0.92), (2, 0.94), (3, np.nan)])
def test_the_least_and_the_largest_are_of_what_was_measured(tmp_path: Path, lost: int, least: float) -> None:
    numbers = summarise(runs_of(tmp_path, lost)).set_index("label").loc["shaky"]
    np.testing.assert_equal(numbers["final_accuracy_min"], least)


def test_no_format_makes_a_number_of_it(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, 2)
    for format in ("terminal", "md", "latex", "html"):
        lines = [line for line in render(runs, format, width=200).splitlines() if "shaky" in line]
        assert lines
        assert not any("0.9" in line or "inf" in line for line in lines)
    table: Any = pd.read_csv(io.StringIO(render(runs, "csv"))).set_index("label")
    assert np.isnan(table.loc["shaky", "final_accuracy"])
    assert table.loc["shaky", "final_accuracy_above"] == table.loc["shaky", "final_accuracy_low"] == -np.inf
    assert table.loc["steady", "final_accuracy"] == 0.92
