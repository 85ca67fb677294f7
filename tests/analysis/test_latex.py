"""Tables that a LaTeX takes as they are, whatever labels and reasons hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfast_bench.analysis.tables import render
from rfast_bench.analysis.written.latex import reference
from rfast_bench.analysis.written.tex import as_tex
from rfast_bench.records.reading import Run, find_runs
from tests.support.latex import compiled, tables
from tests.support.synthetic_records import curves_table, save

STRANGE = [
    *("a_b & 5 %", "[x] y", "*", "#1 {\\alpha}", "2^10 ~ 1 000", "50 $ < 60 $", 'she said "γ"', "Ω_0 | ΔΣ"),
    *("\\input{x}", "x̄ − f* ≤ 1 ± 2", "}{", "%", "Ο ο ς λ", "tab\there"),
]


def test_tables_of_a_scenario(scene: list[Run], tmp_path: Path) -> None:
    text = render(scene, "latex")
    found = tables(text)
    assert [label for _, label, _ in found] == [
        f"tab:stragglers-{name}" for name in ("how-fast", "how-well", "at-what-cost")
    ]
    caption, _, rows = found[0]
    assert caption.startswith("stragglers: how fast. Median of 3 seeds [bootstrap interval, 95\\%")
    assert "; 3 seeds give 75\\% at most" in caption
    assert rows[0][0] == "algorithm"
    assert [row[0] for row in rows[1:3]] == ["r-fast", "ring-allreduce"]
    assert any("$>$ 60" in cell for row in rows for cell in row)
    compiled(text, tmp_path)


def test_no_label_is_given_twice(scene: list[Run], lossy: list[Run], tmp_path: Path) -> None:
    save(
        tmp_path, "a", curves=curves_table([0, 1, 2], [1, 0.5, 0.1]), targets={"gap": [0.5, 0.1, 0.05, 0.03]}
    )
    text = render([*scene, *lossy, *find_runs([tmp_path])], "latex")
    labels = [label for _, label, _ in tables(text)]
    assert len(labels) == len(set(labels)) > 6
    compiled(text, tmp_path)


@pytest.mark.parametrize("label", STRANGE)
def test_a_label_is_never_a_command(tmp_path: Path, label: str) -> None:
    save(tmp_path, label, curves=curves_table([0, 1], [1, 0.5]))
    save(tmp_path, "b", status="skipped", reason=f"because of {label}", order=1)
    text = render(find_runs([tmp_path]), "latex")
    rows = tables(text)[0][2]
    assert [len(row) for row in rows] == [len(rows[0])] * 3
    compiled(text, tmp_path)


def test_signs_are_spelt() -> None:
    assert as_tex("γ × 2 ≤ λ") == r"$\gamma$ $\times$ 2 $\leq$ $\lambda$"
    assert as_tex("x̄") == r"$\bar{x}$"
    assert as_tex("é–…") == r"é--\ldots{}"
    assert reference("Ünder γ: 5 %") == "under-5"
    assert reference("γ") == "table"
