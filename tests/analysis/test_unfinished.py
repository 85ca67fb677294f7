"""`rfast-bench table` while runs are under way: they are shown, said to be unfinished, and count nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rfast_bench.analysis.tables import render
from rfast_bench.analysis.unfinished import ago, render_all
from rfast_bench.errors import UserError
from rfast_bench.records import unfinished
from rfast_bench.records.reading import find_runs
from rfast_bench.records.unfinished import Snapshot
from tests.support.command_line import call
from tests.support.synthetic_records import straggler_scenario

ABOUT: dict[str, Any] = {
    **{"scenario": "stragglers", "world": "simulated", "point": {}, "label": "r-fast", "seed": 7, "order": 0},
    **{"purpose": "report", "stop": {"time": 60.0, "iterations": None, "epochs": None}},
}
ROW = {"time": 12.5, "epoch": 3.25, "loss": 0.4321, "gap": 0.2321, "accuracy": 0.875}


def under_way(folder: Path, monkeypatch: pytest.MonkeyPatch, row: Any = ROW, **about: Any) -> None:
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    Snapshot(folder, lambda: {**ABOUT, **about}).take([row])


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_table_of_finished_runs_is_as_it_would_be_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straggler_scenario(tmp_path, seeds=2)
    before = {style: render(find_runs([tmp_path]), style, width=140) for style in ("terminal", "md", "csv")}
    under_way(tmp_path / "stragglers" / "r-fast" / "seed-7", monkeypatch)
    for style in ("terminal", "md"):
        text, beside = render_all([tmp_path], style, width=140)
        assert text.startswith(before[style])
        rest = text.removeprefix(before[style])
        assert "unfinished, not counted" in rest
        assert not beside
        for word in ("r-fast", "7", "12.5", "20%", "3.25", "0.4321", "0.2321", "0.875", "unfinished, seen"):
            assert word in rest
    text, beside = render_all([tmp_path], "csv")
    assert text == before["csv"]
    assert beside == "1 unfinished run is not in this table; --format terminal or md shows them"


def test_unfinished_runs_alone_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way(tmp_path / "seed-0", monkeypatch)
    result = call("table", tmp_path / "seed-0")
    assert result.exit_code == 0, result.output
    assert "unfinished, not counted" in result.stdout
    assert "they count in no other table and no figure" in flat(result.stdout)
    refused = call("table", tmp_path, "--format", "csv")
    assert refused.exit_code == 2
    assert "no run has finished yet, and 1 unfinished run is not in this table" in refused.stderr


def test_programs_are_told_of_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way(tmp_path / "seed-0", monkeypatch)
    told = json.loads(call("table", tmp_path, "--json").stdout)
    assert told["rows"] == []
    (one,) = told["unfinished"]
    assert (one["label"], one["seed"], one["failed"]) == ("r-fast", 7, False)
    assert one["share"] == pytest.approx(12.5 / 60)
    assert one["last"]["loss"] == 0.4321
    straggler_scenario(tmp_path, seeds=2)
    told = json.loads(call("table", tmp_path, "--json", "--columns", "label,seeds").stdout)
    assert list(told["rows"][0]) == ["label", "seeds"]
    assert len(told["unfinished"]) == 1


def test_other_mistakes_are_told_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way(tmp_path / "a" / "seed-0", monkeypatch)
    with pytest.raises(UserError, match="no such folder"):
        render_all([tmp_path / "a", tmp_path / "b"], "terminal")
    (tmp_path / "a" / "seed-1").mkdir()
    (tmp_path / "a" / "seed-1" / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        render_all([tmp_path / "a"], "terminal")


def test_without_any_run_it_is_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run found \(a run folder holds manifest.json\)$"):
        render_all([tmp_path], "terminal")
    with pytest.raises(UserError, match="no such folder"):
        render_all([tmp_path / "nowhere"], "terminal")


def test_reports_and_figures_do_not_know_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way(tmp_path / "seed-0", monkeypatch)
    for command in (
        ("report", tmp_path, "-o", tmp_path / "r.html"),
        ("plot", tmp_path, "-o", tmp_path / "p"),
    ):
        result = call(*command)
        assert result.exit_code == 2
        assert "no run found" in result.stderr


def test_points_worlds_and_tuning_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way(tmp_path / "a" / "seed-0", monkeypatch, point={"network.loss": 0.3})
    real = {"time": 3.0, "epoch": 1.0, "iterations_mean": 4.0}
    under_way(tmp_path / "b" / "seed-0", monkeypatch, row=real, world="real", point={"network.loss": 0.1})
    under_way(tmp_path / "c" / "seed-0", monkeypatch, purpose="tuning", point={"network.loss": 0.1})
    text = render_all([tmp_path], "md")[0]
    for word in ("network.loss", "0.3", "simulated", "real", "r-fast (tuning)", "losses are known after it"):
        assert word in text
    row = next(line for line in text.splitlines() if "| real" in line)
    assert [cell.strip() for cell in row.split("|")].count("–") == 3, (
        "loss, gap and accuracy are not known yet"
    )


def test_a_run_that_failed_is_said_to_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rfast_bench.records.writing import write_failure

    under_way(tmp_path / "seed-0", monkeypatch)
    write_failure(tmp_path / "seed-0", "killed by signal 9")
    assert "failed, seen" in render_all([tmp_path], "terminal", width=140)[0]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200000, "2 days")]
)
def test_ages_are_words(seconds: float, said: str) -> None:
    assert ago(seconds) == said
