"""Records that are not what was written: told by name, and no number of theirs is shown."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from rfast_bench.analysis.tables import render, summarise
from rfast_bench.cli.commands import main
from rfast_bench.figures.plots import draw
from rfast_bench.records.reading import DAMAGED, Run, find_runs
from rfast_bench.records.writing import amend
from tests.support.synthetic_records import decay, edges_table, save, timeline_table, unsealed

LABELS, SEEDS = ("r-fast", "osgp"), 3
RING = [(i, (i + 1) % 7) for i in range(7)]
Damage = Callable[[Path, Path, np.random.Generator], None]


def records(home: Path, rate: float = 0.2) -> Path:
    for order, label in enumerate(LABELS):
        for seed in range(SEEDS):
            curves = decay(seed, label, rate / (order + 1), end=20.0)
            more: dict[str, Any] = {"edges": edges_table(RING), "timeline": timeline_table(1.0, False)}
            save(home, label, seed, curves, order=order, hash=f"{label} {seed}", **more)
    return home


def a_byte(path: Path, other: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    path.write_bytes(bytes(data))


def a_cut(path: Path, other: Path, rng: np.random.Generator) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def lost(path: Path, other: Path, rng: np.random.Generator) -> None:
    path.unlink()


def swapped(path: Path, other: Path, rng: np.random.Generator) -> None:
    names = sorted(one.name for one in path.parent.iterdir() if one.name != path.name)
    with_ = path.with_name(names[rng.integers(len(names))])
    one, two = path.read_bytes(), with_.read_bytes()
    path.write_bytes(two)
    with_.write_bytes(one)


def of_another_run(path: Path, other: Path, rng: np.random.Generator) -> None:
    shutil.copyfile(other, path)


def rows_out_of_order(path: Path, other: Path, rng: np.random.Generator) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *reversed(lines[1:])]))


def to_itself(path: Path) -> None:
    path.symlink_to(path)


KINDS: tuple[Damage, ...] = (a_byte, a_cut, lost, swapped, of_another_run, rows_out_of_order)


def numbers(runs: list[Run]) -> pd.DataFrame:
    frame = summarise(runs).set_index("label")
    return frame.drop(columns=[*(name for name in (DAMAGED,) if name in frame), "status", "seeds"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_no_number_of_a_damaged_run_is_shown(kind: Damage, tmp_path: Path) -> None:
    """Twenty-five of each, on any file of any run: its row has the numbers of the other seeds, and says which file."""
    rng = np.random.default_rng(len(kind.__name__))
    home = records(tmp_path / "here")
    records(tmp_path / "old", rate=0.3)
    folders = sorted(path.parent for path in home.rglob("manifest.json"))
    for _ in range(25):
        folder = folders[rng.integers(len(folders))]
        files = sorted(folder.iterdir())
        path = files[rng.integers(len(files))]
        kept = {file: file.read_bytes() for file in files}
        kind(path, tmp_path / "old" / path.relative_to(home), rng)
        changed = {file.name for file in files if not file.exists() or file.read_bytes() != kept[file]}
        runs = find_runs([home])
        ill = [run for run in runs if run.status == DAMAGED]
        assert [run.folder for run in ill] == ([folder] if changed else []), (path, changed)
        if ill:
            fits_another = kind is of_another_run and changed == {"manifest.json"}
            assert fits_another or any(name in ill[0].reason for name in changed)
            rest = [run for run in runs if run not in ill]
            pd.testing.assert_frame_equal(numbers(runs), numbers(rest), check_dtype=False)
            (told,) = (row.status for row in summarise(runs).itertuples() if row.label == ill[0].label)
            assert f"damaged (1/3): {ill[0].reason}" in str(told)
        for file, data in kept.items():
            file.write_bytes(data)


def test_what_stands_for_another_run_or_twice_is_damaged(tmp_path: Path) -> None:
    """A seed's folder with another seed's records, a copy under another name, one with another label's records."""
    home = records(tmp_path) / "stragglers"
    shutil.rmtree(home / "osgp" / "seed-1")
    shutil.copytree(home / "osgp" / "seed-0", home / "osgp" / "seed-1")
    shutil.copytree(home / "osgp" / "seed-0", home / "osgp" / "seed-0 (copy)")
    shutil.rmtree(home / "r-fast" / "seed-2")
    shutil.copytree(home / "osgp" / "seed-2", home / "r-fast" / "seed-2")
    told = {
        str(run.folder.relative_to(home)): run.reason for run in find_runs([home]) if run.status == DAMAGED
    }
    assert told.pop("osgp/seed-1") == "seed-1/manifest.json is of seed 0"
    assert len(told) == 2
    assert all("is a copy of" in reason for reason in told.values())


def test_what_is_no_file_is_told_and_nobody_waits_for_it(tmp_path: Path) -> None:
    home = records(tmp_path)
    makers: tuple[Callable[[Path], object], ...] = (os.mkfifo, to_itself, Path.mkdir)
    for seed, make in enumerate(makers):
        path = next(home.rglob(f"r-fast/seed-{seed}")) / "curves.csv"
        path.unlink()
        make(path)
    reasons = [run.reason for run in find_runs([home]) if run.status == DAMAGED]
    assert reasons == [f"seed-{seed}/curves.csv is no file" for seed in range(3)]
    loop = next(home.rglob("osgp/seed-0")) / "manifest.json"
    loop.unlink()
    loop.symlink_to(loop)
    assert "seed-0/manifest.json cannot be read" in render(find_runs([home]), "md")


def test_a_point_beyond_all_numbers_sorts(tmp_path: Path) -> None:
    folder = unsealed(records(tmp_path) / "stragglers" / "r-fast" / "seed-0")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "point": {"a": 10**400}}))
    assert len(find_runs([tmp_path])) == 6


def test_what_took_a_folders_place_gives_way(tmp_path: Path) -> None:
    folder = tmp_path / "stragglers" / "r-fast" / "seed-0"
    folder.parent.mkdir(parents=True)
    for make in (Path.touch, to_itself):
        make(folder)
        save(tmp_path, "r-fast", 0, decay(0, "r-fast", 0.2))
        assert [run.status for run in find_runs([tmp_path])] == ["finished"]
        shutil.rmtree(folder)


def test_tables_figures_and_reports_tell_of_damage(tmp_path: Path) -> None:
    home = records(tmp_path / "here")
    for seed in range(SEEDS):
        (next(home.rglob(f"r-fast/seed-{seed}")) / "workers.csv").unlink()
    run = CliRunner().invoke(main, ["table", str(home), "--format", "md"])
    assert run.exit_code == 0, run.output
    assert "damaged (3/3): seed-0/workers.csv is missing" in run.output
    assert draw(find_runs([home]), tmp_path / "figures")
    page = CliRunner().invoke(main, ["report", str(home), "-o", str(tmp_path / "page.html")])
    assert page.exit_code == 0, page.output
    assert "r-fast is damaged" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_lost_manifest_is_not_a_lost_run(tmp_path: Path) -> None:
    home = records(tmp_path)
    (next(home.rglob("osgp/seed-1")) / "manifest.json").unlink()
    assert "damaged (1/3): seed-1/manifest.json cannot be read" in render(find_runs([home]), "md")


def test_what_amends_a_manifest_seals_it_again(tmp_path: Path) -> None:
    folder = records(tmp_path) / "stragglers" / "r-fast" / "seed-0"
    amend(folder, tuned={"step_size": {"value": 1, "edge": False, "objective": "gap"}})
    assert find_runs([folder])[0].status == "finished"


def test_records_without_digests_are_read_as_they_are(tmp_path: Path) -> None:
    folder = records(tmp_path) / "stragglers" / "r-fast" / "seed-0"
    unsealed(folder)
    (run,) = find_runs([folder])
    assert run.status == "finished"
    assert len(run.curves()) == 61
