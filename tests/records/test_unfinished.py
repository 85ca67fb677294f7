"""Snapshots of runs that are under way: written seldom and whole, gone with the record, and no record to anybody."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from rfast_bench.errors import UserError
from rfast_bench.records import unfinished
from rfast_bench.records.reading import find_runs
from rfast_bench.records.unfinished import Snapshot, Unfinished, find_unfinished
from rfast_bench.records.writing import COLUMNS, unfinished_of, write_failure, write_run

ABOUT: dict[str, Any] = {
    **{"scenario": "long", "world": "simulated", "point": {}, "label": "r-fast", "seed": 0, "order": 0},
    **{"purpose": "report", "stop": {"time": 60.0, "iterations": None, "epochs": None}},
}
ROWS = [{"time": 0.0, "epoch": 0.0, "loss": 2.0}, {"time": 15.0, "epoch": 3.5, "loss": 0.5}]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    monkeypatch.setattr(unfinished, "SHARE", 0)


def taken(folder: Path, rows: Any = ROWS, **about: Any) -> Snapshot:
    snapshot = Snapshot(folder, lambda: {**ABOUT, **about})
    snapshot.take(rows)
    return snapshot


def the_one(*places: Path) -> Unfinished:
    (found,) = find_unfinished(places)
    return found


def test_it_says_how_far_the_run_was_and_is_no_record(tmp_path: Path) -> None:
    folder = tmp_path / "long" / "r-fast" / "seed-0"
    taken(folder)
    for place in (tmp_path, tmp_path / "long", folder):
        found = the_one(place)
        assert found.folder == folder
        assert (found.last["time"], found.last["loss"], found.share) == (15.0, 0.5, 0.25)
        assert not found.failed
        assert 0 <= found.age < 60
    assert not folder.exists()
    with pytest.raises(UserError, match="no run found"):
        find_runs([tmp_path])
    with pytest.raises(UserError, match="no run found"):
        find_runs([unfinished_of(folder)])


def test_its_curves_have_the_columns_of_a_record_and_any_more_that_the_run_has(tmp_path: Path) -> None:
    taken(tmp_path / "seed-0", [{**row, "local_accuracy": 0.5} for row in ROWS])
    head = (unfinished_of(tmp_path / "seed-0") / "curves.csv").read_text().splitlines()[0].split(",")
    assert head == [*COLUMNS["curves"], "local_accuracy"]


def test_it_grows_and_appears_whole(tmp_path: Path) -> None:
    snapshot = taken(tmp_path / "seed-0", ROWS[:1])
    assert the_one(tmp_path).last["time"] == 0
    snapshot.take(ROWS)
    assert the_one(tmp_path).last["time"] == 15
    home = unfinished_of(tmp_path / "seed-0")
    assert sorted(file.name for file in home.iterdir()) == ["curves.csv", "unfinished.json"]


def test_the_first_waits_and_the_next_ones_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "EVERY", 5.0)
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    asked: list[int] = []
    snapshot = Snapshot(tmp_path / "seed-0", lambda: asked.append(1) or ABOUT)  # type: ignore[func-returns-value]
    for seconds, seen in ((0, []), (4.9, []), (5, [0.0]), (9.9, [0.0]), (10.1, [10.1])):
        now[0] = 100.0 + seconds
        snapshot.take([{"time": seconds if seconds > 9.9 else 0.0, "epoch": 0.0}])
        assert [run.last["time"] for run in find_unfinished([tmp_path])] == seen
    assert asked == [1]


def test_a_slow_disk_makes_it_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "SHARE", 50)
    now = [0.0]

    def write(*_: object) -> None:
        now[0] += 2.0

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    snapshot = Snapshot(tmp_path / "seed-0", lambda: ABOUT)
    monkeypatch.setattr(snapshot, "_write", write)
    snapshot.take(ROWS)
    now[0] = 101.0
    snapshot.take(ROWS)
    assert now[0] == 101.0
    now[0] = 102.0
    snapshot.take(ROWS)
    assert now[0] == 104.0


def test_the_record_takes_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "seed-0"
    taken(folder)
    write_run(folder, {"format": 1}, {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["seed-0"]


def test_a_new_start_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    taken(tmp_path / "seed-0")
    Snapshot(tmp_path / "seed-0", lambda: ABOUT)
    assert not find_unfinished([tmp_path])


def test_a_failure_leaves_it_and_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "seed-0"
    taken(folder)
    write_failure(folder, "killed")
    os.utime(folder / "failure.txt", (time.time() + 5, time.time() + 5))
    assert the_one(tmp_path).failed
    assert the_one(folder).failed
    os.utime(folder / "failure.txt", (1, 1))
    assert not the_one(tmp_path).failed, "an older start failed, this one is under way"


def test_a_run_beside_others_does_not_hide_them(tmp_path: Path) -> None:
    for seed in (0, 1):
        taken(tmp_path / "r-fast" / f"seed-{seed}", seed=seed)
    taken(tmp_path / "osgp" / "seed-0", label="osgp", order=1)
    found = find_unfinished([tmp_path, tmp_path / "r-fast"])
    assert [(run.about["label"], run.about["seed"]) for run in found] == [
        ("r-fast", 0),
        ("r-fast", 1),
        ("osgp", 0),
    ]


@pytest.mark.parametrize("file", ["unfinished.json", "curves.csv"])
@pytest.mark.parametrize("text", [None, "", "{", "[]"])
def test_what_is_half_there_or_of_others_is_left_out(tmp_path: Path, file: str, text: str | None) -> None:
    taken(tmp_path / "seed-0")
    path = unfinished_of(tmp_path / "seed-0") / file
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert not find_unfinished([tmp_path])


def test_a_disk_that_refuses_does_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    taken(tmp_path / "file" / "seed-0")
    assert not find_unfinished([tmp_path])


def test_the_stop_rule_that_is_nearest_says_how_much_is_done(tmp_path: Path) -> None:
    taken(tmp_path / "seed-0", stop={"time": 60.0, "iterations": None, "epochs": 7.0})
    assert the_one(tmp_path).share == 0.5
    about = json.loads((unfinished_of(tmp_path / "seed-0") / "unfinished.json").read_text())
    assert about["stop"]["epochs"] == 7.0


@pytest.mark.parametrize(
    "changes",
    [{"stop": None}, {"stop": {"time": "x"}}, {"point": []}, {"seed": "x"}, {"label": None}],
    ids=str,
)
def test_a_snapshot_of_another_form_is_none(changes: dict[str, object], tmp_path: Path) -> None:
    about = {"scenario": "s", "world": "simulated", "point": {}, "label": "a", "seed": 0, "order": 0}
    about |= {"purpose": "report", "stop": {"time": 1.0}}
    home = tmp_path / ".seed-0.unfinished"
    home.mkdir()
    curves = home / "curves.csv"
    curves.write_text("time,epoch,iterations_mean\n0.5,1,2\n")
    (home / "unfinished.json").write_text(json.dumps(about))
    assert [run.share for run in find_unfinished([tmp_path])] == [0.5]
    for text in (
        "time,epoch\n0.5,1\n",
        "time,epoch,iterations_mean\nx,1,2\n",
        "time,epoch,iterations_mean\n",
    ):
        curves.write_text(text)
        assert not find_unfinished([tmp_path]), text
    curves.write_text("time,epoch,iterations_mean\n0.5,1,2\n")
    for text in (json.dumps({**about, **changes}), "[" * 100_000, "\\"):
        (home / "unfinished.json").write_text(text)
        assert not find_unfinished([tmp_path]), text
