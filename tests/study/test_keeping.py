"""What is there already: damaged runs are done again, others neither replaced nor lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rfast_bench.records.lock import alone
from rfast_bench.records.reading import find_runs
from rfast_bench.study.run import Record
from tests.support.command_line import call, files_of, write


def test_a_damaged_run_is_told_and_done_again(tmp_path: Path) -> None:
    """The next `run` restores it, to the same bytes."""
    path, out = write(tmp_path, seeds=2), tmp_path / "out"
    assert call("run", path, "--out", out, "--no-plots", "--jobs", 1).exit_code == 0
    before, folder = files_of(out), find_runs([out])[0].folder
    (folder / "curves.csv").write_text((folder / "curves.csv").read_text().replace("1", "2"))
    again = call("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert again.exit_code == 0
    assert f"{folder} is damaged, and done again: curves.csv was changed after it was written" in again.output
    assert files_of(out) == before


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    with alone(out / "small"):
        refused = call("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert refused.exit_code == 2
    assert "another rfast-bench run is at work there" in refused.stderr
    assert not list(out.rglob("manifest.json"))
    assert call("run", path, "--out", out, "--no-plots", "--jobs", 1).exit_code == 0


def test_a_run_of_the_other_world_is_not_replaced(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    assert call("run", path, "--out", out, "--no-plots", "--jobs", 1).exit_code == 0
    before = files_of(out)
    refused = call("run", path, "--out", out, "--no-plots", "--world", "real")
    assert refused.exit_code == 2
    assert "holds a run of the simulated world, and this one is real" in refused.stderr
    assert files_of(out) == before


def test_a_full_disk_is_one_message_and_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out, write_it = write(tmp_path, seeds=3), tmp_path / "out", Record.write

    def fills(self: Record, home: Path) -> None:
        if list(out.rglob("manifest.json")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_it(self, home)

    monkeypatch.setattr(Record, "write", fills)
    full = call("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert full.exit_code == 2
    assert "No space left on device. What is finished is kept" in full.stderr
    assert len(list(out.rglob("manifest.json"))) == 1
    monkeypatch.undo()
    assert call("run", path, "--out", out, "--no-plots", "--jobs", 1).exit_code == 0
