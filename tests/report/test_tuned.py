"""What tuning chose, as the report has it: by what in a sentence, each label's values in rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rfast_bench.records.reading import Run, find_runs
from rfast_bench.report.content.tuned import Chosen, chosen, tuning
from rfast_bench.report.page.html import page
from tests.support.synthetic_records import save


def how(value: object, tried: list[Any], **more: Any) -> dict[str, Any]:
    common = {"objective": "time to gap 0.1", "seeds": [1000, 1001], "anchor": {}, "edge": ""}
    return {**common, "value": value, "tried": tried, **more}


def records(folder: Path) -> list[Run]:
    save(folder, "gossip", tuned={"step_size": how(0.2, [0.1, 0.2, 0.4])})
    both = {"step_size": how(0.4, [0.1, 0.2, 0.4], edge="high", effective=True)}
    save(folder, "<trees>", tuned={**both, "topology": how("ring", ["ring", "complete"])})
    save(folder, "plain")
    return find_runs([folder])


def test_each_value_has_a_row_with_what_it_was_chosen_of(tmp_path: Path) -> None:
    runs = records(tmp_path)
    assert list(tuning(runs)) == ["Tuned by time to gap 0.1, on seeds 1000 and 1001 that are not reported."]
    assert sorted(chosen(runs), key=lambda one: (one.label, one.name)) == [
        Chosen("<trees>", "topology", "ring", "ring, complete"),
        Chosen("<trees>", "γ (effective)", "0.4 †", "3 from 0.1 to 0.4"),
        Chosen("gossip", "γ", "0.2", "3 from 0.1 to 0.4"),
    ]


def test_the_page_has_them_folded_and_nothing_where_nothing_was_tuned(tmp_path: Path) -> None:
    runs = records(tmp_path)
    text = page(runs)
    assert text.count("What tuning chose</summary>") == 1
    assert (
        '<tr><th scope="row">&lt;trees&gt;</th><td>topology</td><td>ring</td><td>ring, complete</td></tr>'
        in text
    )
    assert "What tuning chose" not in page([run for run in runs if run.label == "plain"])
