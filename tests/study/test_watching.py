"""What is seen of runs while they go: bars, curves for TensorBoard, snapshots; and that it changes nothing."""

from __future__ import annotations

import io
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems.evaluation import Row, Watcher, Where
from rfast_bench.records.reading import find_runs
from rfast_bench.study.run import perform
from rfast_bench.study.sweep import run_all
from rfast_bench.study.watching import bars, watch
from rfast_bench.study.watching.watch import DONE, FIELDS, Place, Watch, open_numbers
from tests.support.command_line import SMALL, call, files_of, write

WINE: dict[str, Any] = {"kind": "logistic-regression", "dataset": "wine"}
ONE: dict[str, Any] = {"algorithms": SMALL["algorithms"][:1], "seeds": 1}


def planned(folder: Path, **changes: Any) -> list[Run]:
    return plan(load_points(Path(write(folder, **changes))))


# ----------------------------------------------------------------------------------------------- being watched
class Spy(Watcher):
    """Looks at the counters all the time."""

    def __init__(self) -> None:
        self.looks: list[tuple[float, Row]] = []
        self.between: list[tuple[float, Row]] = []
        self._over = threading.Event()

    def begin(self, where: Where) -> None:
        self._where = where
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        while not self._over.wait(0.001):
            self.between.append(self._where())

    def look(self, share: float, row: Row) -> None:
        self.looks.append((share, row))
        assert self._where()[1]["epoch"] == row["epoch"]

    def close(self) -> None:
        self._over.set()
        self._thread.join()


def test_a_watched_run_is_the_run_that_it_would_be_without(tmp_path: Path) -> None:
    (run,) = planned(tmp_path, problem=WINE, stop={"time": 60}, evaluate={"every": 15}, **ONE)
    spy = Spy()
    try:
        seen = perform(run, None, spy)
    finally:
        spy.close()
    for name, frame in perform(run, None).frames.items():
        assert frame.equals(seen.frames[name]), name
    assert pd.DataFrame([row for _, row in spy.looks]).equals(seen.frames["curves"])
    assert [share for share, _ in spy.looks] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_between_evaluations_time_and_epoch_are_known(tmp_path: Path) -> None:
    (run,) = planned(tmp_path, problem=WINE, stop={"time": 390}, evaluate={"every": 400}, **ONE)
    spy = Spy()
    try:
        perform(run, None, spy)
    finally:
        spy.close()
    assert len(spy.looks) == 2
    times = [row["time"] for _, row in spy.between]
    epochs = [row["epoch"] for _, row in spy.between]
    assert times == sorted(times)
    assert epochs == sorted(epochs)
    assert any(0 < moment < 390 for moment in times)
    assert all(share == pytest.approx(row["time"] / 390) for share, row in spy.between)


def test_numbers_go_where_bars_find_them(tmp_path: Path) -> None:
    (run,) = planned(tmp_path, problem=WINE, stop={"time": 4}, evaluate={"every": 2}, **ONE)
    numbers = open_numbers(tmp_path / "numbers", 3)
    with Watch(run, tmp_path, Place(tmp_path / "numbers"), 1, dict) as one:
        assert numbers[1, 0] == 0
        record = perform(run, None, one)
    last = record.frames["curves"].iloc[-1]
    np.testing.assert_array_equal(numbers[1], [1.0, *(last[name] for name in FIELDS)])
    assert np.isnan(numbers[[0, 2], 1:]).all()
    assert not list(tmp_path.glob("small/*")), "a short run leaves nothing until its record"


# -------------------------------------------------------------------------------------------------------- bars
def test_a_terminal_shows_time_epoch_loss_and_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "LOOK", 0.02)
    monkeypatch.setattr(watch, "PULSE", 0.02)
    runs = planned(tmp_path, problem=WINE, stop={"time": 150}, evaluate={"every": 5}, **ONE)
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    assert run_all(runs, tmp_path / "out", 1, False, console) == []
    shown = text.getvalue()
    for word in ("all runs", "0/1", "r-fast seed 0", "%", " s, epoch ", ", loss ", ", gap ", ", accuracy "):
        assert word in shown


def test_elsewhere_nothing_is_shown_and_nobody_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watch, "_follow", lambda *_: pytest.fail("no thread without a terminal"))
    runs = planned(tmp_path, stop={"time": 5}, **ONE)
    text = io.StringIO()
    assert run_all(runs, tmp_path / "out", 1, False, Console(file=text)) == []
    assert not text.getvalue()


def test_what_is_known_is_said(tmp_path: Path) -> None:
    (run,) = planned(tmp_path, **ONE)
    nothing = [math.nan] * len(FIELDS)
    assert bars.seen(run, nothing) == "starting"
    assert bars.seen(run, [12.5, 4.125, 0.25, math.nan, 0.9]) == "12.5 s, epoch 4.12, loss 0.25, accuracy 0.9"
    (real,) = planned(tmp_path, world="real", **ONE)
    assert bars.seen(real, [3.0, 1.5, *nothing[2:]]) == "3 s, epoch 1.5, losses are known after it"


def test_bars_mark_what_is_done(tmp_path: Path) -> None:
    runs = planned(tmp_path)
    with bars.progress_bars(runs, Console(file=io.StringIO())) as (place, tick):
        numbers = open_numbers(place.numbers)
        assert len(numbers) == len(runs)
        tick(2)
        assert numbers[2, 0] == DONE
        assert (numbers[:2, 0] == watch.WAITING).all()
    assert not place.numbers.exists()


# ------------------------------------------------------------------------------------------------- TensorBoard
def scalars(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """Every curve of one TensorBoard run: (step, wall time, value)."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="needs pip install '.[tensorboard]'",
    )
    assert len(list(folder.iterdir())) == 1, "one file: an older start's is gone"
    found = accumulator.EventAccumulator(str(folder))
    found.Reload()
    return {
        tag: [(event.step, event.wall_time, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def check_curves(out: Path, board: Path) -> None:
    """Each run has its curves, and they are those of its record; what is NaN is left out."""
    runs = find_runs([out])
    assert runs
    for run in runs:
        curves = run.curves()
        told = scalars(board / run.folder.relative_to(out))
        assert {"loss", "consensus", "progress/epoch", "traffic/bytes_sent"} <= set(told)
        for tag, points in told.items():
            known = curves[curves[tag.rpartition("/")[2]].notna()]
            assert [step for step, _, _ in points] == known["gradients"].tolist()
            assert [wall for _, wall, _ in points] == known["time"].tolist()
            values = known[tag.rpartition("/")[2]].to_numpy(np.float32)
            np.testing.assert_array_equal(np.array([value for *_, value in points], np.float32), values)
        assert {name for name in ("gap", "accuracy", "residual") if curves[name].notna().any()} == {
            name for name in ("gap", "accuracy", "residual") if name in told
        }


def test_curves_are_those_of_the_records_one_run_a_label_and_seed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs pip install '.[tensorboard]'")
    path, out, board = write(tmp_path), tmp_path / "out", tmp_path / "board"
    command = ("run", path, "--out", out, "--no-plots", "--tensorboard", board)
    assert call(*command, "--jobs", 2).exit_code == 0
    assert len(list(board.glob("small/*/seed-*"))) == 6
    check_curves(out, board)
    assert call(*command, "--jobs", 1, "--fresh").exit_code == 0
    check_curves(out, board)


def test_runs_that_are_already_there_get_curves_too(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs pip install '.[tensorboard]'")
    path, out, board = write(tmp_path), tmp_path / "out", tmp_path / "board"
    command = ("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert call(*command).exit_code == 0
    records = files_of(out)
    assert call(*command, "--tensorboard", board).exit_code == 0
    assert files_of(out) == records
    check_curves(out, board)


def test_curves_come_while_the_run_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs pip install '.[tensorboard]'")
    (run,) = planned(tmp_path, **ONE)
    open_numbers(tmp_path / "numbers", 1)
    row = {"time": 1.5, "epoch": 0.5, "gradients": 40, "loss": 0.75, "gap": math.nan}
    with Watch(run, tmp_path, Place(tmp_path / "numbers", tmp_path / "board"), 0, dict) as one:
        one.look(0.5, row)
        until = time.monotonic() + 30
        folder = tmp_path / "board" / run.folder
        while not (told := scalars(folder)) and time.monotonic() < until:
            time.sleep(0.1)
    assert told == {"progress/epoch": [(40, 1.5, 0.5)], "loss": [(40, 1.5, 0.75)]}


@pytest.mark.timeout(120)
def test_a_real_run_has_its_curves_when_it_is_over(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs pip install '.[tensorboard]'")
    changes = {"world": "real", "workers": 2, "stop": {"time": 2}, "stragglers": []}
    path, out, board = write(tmp_path, **changes, **ONE), tmp_path / "out", tmp_path / "board"
    result = call("run", path, "--out", out, "--no-plots", "--tensorboard", board)
    assert result.exit_code == 0, result.output
    check_curves(out, board)


def test_without_the_package_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    out, board = tmp_path / "out", tmp_path / "board"
    result = call("run", write(tmp_path), "--out", out, "--tensorboard", board)
    assert result.exit_code == 2
    assert 'pip install "rfast-bench[tensorboard]"' in result.stderr
    assert not out.exists()
    assert not board.exists()


def test_a_folder_that_cannot_be_written_is_said_before_anything_runs(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs pip install '.[tensorboard]'")
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "out"
    result = call("run", write(tmp_path), "--out", out, "--tensorboard", tmp_path / "file")
    assert result.exit_code == 2
    assert "cannot write to the folder of --tensorboard" in result.stderr
    assert not list(out.glob("*/*"))


def test_two_looks_at_one_moment_are_one_point(tmp_path: Path) -> None:
    """Where the run ends at a point of the grid."""
    pytest.importorskip("tensorboard", reason="needs pip install '.[tensorboard]'")
    path, out, board = (
        write(tmp_path, stop={"time": 2}, evaluate={"every": 2}, **ONE),
        tmp_path,
        tmp_path / "b",
    )
    assert call("run", path, "--out", out, "--no-plots", "--tensorboard", board).exit_code == 0
    assert len(scalars(board / "small" / "r-fast" / "seed-0")["loss"]) == 2
    check_curves(out, board)


# ------------------------------------------------------------------------------------------ a run of long standing
@pytest.mark.timeout(180)
def test_a_long_run_is_looked_at_while_it_goes_killed_and_started_again(tmp_path: Path) -> None:
    path, out = write(tmp_path, problem=WINE, stop={"time": "1000000 s"}, **ONE), tmp_path / "out"
    command = [sys.executable, "-m", "rfast_bench.cli", "run", path, "--out", str(out), "--jobs", "2"]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True) as running:
        try:
            hidden = out / "small" / "r-fast" / ".seed-0.unfinished" / "curves.csv"
            until = time.monotonic() + 120
            while not hidden.exists():
                assert running.poll() is None, running.stderr and running.stderr.read()
                assert time.monotonic() < until
                time.sleep(0.2)
            seen = call("table", out)
        finally:
            os.killpg(running.pid, signal.SIGKILL)
    assert seen.exit_code == 0, seen.output
    assert "small: unfinished, not counted" in seen.stdout
    assert "unfinished, seen " in " ".join(seen.stdout.split())
    left = call("table", out)
    assert "small: unfinished, not counted" in left.stdout, "a killed run leaves it"
    assert not [name for name in (out / "small" / "r-fast").iterdir() if not name.name.startswith(".")]
    again = call("run", path, "--out", out, "--jobs", 1, "--no-plots", "--set", "stop.time=2 s")
    assert again.exit_code == 0, again.output
    assert "already there" not in again.stdout
    assert [folder.name for folder in (out / "small" / "r-fast").iterdir()] == ["seed-0"]
    assert "unfinished" not in call("table", out).output
