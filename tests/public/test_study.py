"""`Study`: labels under other names, tables as text, and what is not there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfast_bench.errors import UserError
from rfast_bench.public.running import run
from rfast_bench.public.study import Study, load
from rfast_bench.records.reading import Run
from tests.support.synthetic_records import straggler_scenario, unsealed


def test_other_names_stand_in_tables_and_keep_their_looks(scene: list[Run]) -> None:
    study = Study(scene)
    first, *others = study.labels
    other = study.renamed({first: "mine"})
    assert sorted(other.labels) == sorted(["mine", *others])
    assert study.labels[0] == first
    few = other.select("mine").renamed({"mine": "MINE"})
    assert few.labels == ["MINE"]
    assert few.plot.curves("time", "loss").axes


def test_the_table_of_a_paper_has_the_columns_that_were_asked_for(scene: list[Run]) -> None:
    study = Study(scene)
    latex = study.renamed({study.labels[0]: "R_1"}).text("latex", columns=["label", "final_loss"])
    assert r"\toprule" in latex
    assert r"R\_1" in latex
    rows = study.text("csv", columns=["label", "final_loss"]).splitlines()
    assert rows[0] == "label,final_loss"
    assert len(rows) == 1 + len(study.labels)
    assert study.text("md").startswith("## stragglers")
    assert study.text("csv", columns="label") == study.text("csv", columns=["label"])


def test_a_baseline_keeps_its_part_under_another_name(scene: list[Run]) -> None:
    """Also where no scenario names it, and another label is called as it was."""
    study = Study([replace(run, baseline=None) for run in scene])
    other = study.renamed({"ring-allreduce": "Ring", "osgp": "ring-allreduce"})
    before, after = study.compare(), other.compare()
    assert set(after["baseline"]) == {"Ring"}
    names = {"ring-allreduce": "Ring", "osgp": "ring-allreduce"}
    assert after["label"].tolist() == [names.get(label, label) for label in before["label"]]
    assert after["speedup"].tolist() == pytest.approx(before["speedup"].tolist(), nan_ok=True)


def test_in_a_notebook_it_brings_no_styles(scene: list[Run]) -> None:
    shown = Study(scene)._repr_html_()
    assert "<table" in shown
    assert not {"<style", "<html", "<body"} & set(re.findall(r"<\w+", shown))


def test_what_is_damaged_is_not_drawn(tmp_path: Path) -> None:
    straggler_scenario(tmp_path, seeds=2)
    folder = unsealed(tmp_path / "stragglers" / "r-fast" / "seed-0")
    curves = tmp_path / "stragglers" / "osgp" / "seed-0" / "curves.csv"
    curves.write_text(curves.read_text() + "x")
    study = load(tmp_path)
    assert folder.is_dir()
    assert study.select("osgp").plot.timeline("osgp").axes
    with pytest.raises(UserError, match="every run was skipped or is damaged"):
        study.select("osgp", seeds=0).plot.curves()


@pytest.mark.parametrize("size", [(0, 0), (-1, 2), "3x2in", 3, (1e9, 1)])
def test_sizes_that_are_none(size: Any, scene: list[Run]) -> None:
    with pytest.raises(UserError, match="size: expected width and height in inches"):
        Study(scene).plot.curves(size=size)


@pytest.mark.parametrize("asked", [None, 3, [3], b"Q"])
def test_what_is_no_folder(asked: Any) -> None:
    with pytest.raises(UserError, match="load: expected a folder of runs or several"):
        load(asked)


def test_seeds_and_names_of_other_types(scene: list[Run]) -> None:
    study = Study(scene)
    assert len(study.select(seeds=np.int64(0)).runs) == len(study.select(seeds=[0]).runs)  # type: ignore[arg-type]
    for seeds in (0.0, "0", [0.5]):
        with pytest.raises(UserError, match="select: seeds: expected a whole number or several"):
            study.select(seeds=seeds)  # type: ignore[arg-type]
    names: tuple[Any, ...] = (None, ["r-fast"], {"r-fast": 3}, {"r-fast": ""})
    for one in names:
        with pytest.raises(UserError, match="renamed: expected names by label"):
            study.renamed(one)
    changes: Any = {1: 2}
    with pytest.raises(UserError, match="changes: expected key paths"):
        run("quickstart", changes=changes)


def test_a_number_is_not_drawn_against_itself(scene: list[Run]) -> None:
    for x, y in (("time", "time"), ("epoch", "epoch"), ("bytes", "bytes_sent")):
        with pytest.raises(UserError, match=f"y: found '{y}'"):
            Study(scene).plot.curves(x, y)  # type: ignore[arg-type]


def test_what_is_not_there_is_told(scene: list[Run], lossy: list[Run]) -> None:
    study, swept = Study(scene), Study(lossy)
    with pytest.raises(UserError, match="no label 'nobody'"):
        study.renamed({"nobody": "a"})
    with pytest.raises(UserError, match="would both be called"):
        study.renamed({study.labels[0]: study.labels[1]})
    with pytest.raises(UserError, match="no_such_column"):
        study.text("latex", columns=["no_such_column"])
    with pytest.raises(UserError, match=r"nothing was swept over 'network.loss', nor over anything else"):
        study.select(where=lambda run: run.point["network.loss"] > 0)
    with pytest.raises(UserError, match=r"did you mean 'network.loss'.*the keys of the sweep are"):
        swept.select(where=lambda run: run.point["network.los"] > 0)
    with pytest.raises(UserError, match="compare: the scenario names no baseline; give one of"):
        Study(lossy).compare()
    with pytest.raises(KeyError):
        swept.select(where=lambda run: dict[int, bool]()[len(run.label)])
