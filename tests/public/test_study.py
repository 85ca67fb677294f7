"""`Study`: labels under other names, tables as text, and what is not there."""

from __future__ import annotations

import pytest

from rfast_bench.errors import UserError
from rfast_bench.public.study import Study
from rfast_bench.records.reading import Run


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
