"""The committed results: pages are what their tables give, and the tools that make them say what is true."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import findings, moved, results, sweep_speed
from benchmarks.findings import EXTRA, PAGE, RESULTS, ROOT, TABLE, TEMPLATE, Study
from benchmarks.measures import MEASURES, measure
from rfast_bench.analysis.tables import ENDINGS, render
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points
from rfast_bench.records.reading import find_runs
from tests.support.synthetic_records import curves_table, save

STUDIES = findings.studies()
CLAIMS = sorted(path.stem for path in (ROOT / "scenarios").glob("claim-*.yaml"))


@pytest.mark.parametrize("tool", [results, sweep_speed], ids=lambda tool: str(tool.__name__))
def test_what_a_benchmark_starts_is_the_command_line(tool: ModuleType) -> None:
    """A module that only defines commands would end at once, with exit code 0 and nothing done."""
    (module,) = re.findall(r'"-m", "([\w.]+)", "run"', Path(str(tool.__file__)).read_text(encoding="utf-8"))
    done = subprocess.run([sys.executable, "-m", module, "run", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Usage: rfast-bench run" in done.stdout


# ------------------------------------------------------------------------------------- what is committed
@pytest.mark.parametrize("name", STUDIES)
def test_a_studys_page_is_what_its_table_gives(name: str) -> None:
    assert (RESULTS / name / PAGE).read_text(encoding="utf-8") == findings.page(Study(name))


def test_what_the_front_page_says_is_what_the_tables_give() -> None:
    front = (ROOT / PAGE).read_text(encoding="utf-8")
    assert findings.with_blocks(front) == front


def test_the_quickstart_has_the_steps_and_graphs_of_claim_robust() -> None:
    """The same setting; the first figure and its caption are by one criterion."""
    tuned = Study("claim-robust").frame.set_index("label")
    point = load_points(ROOT / "scenarios" / "quickstart.yaml")[0]
    for algorithm in point.scenario.algorithms:
        row = tuned.loc[str(algorithm.label)]
        assert algorithm.parameters["step_size"] == pytest.approx(row["step_size"], rel=1e-6)
        if algorithm.topology is not None:
            assert row["topology"].startswith(algorithm.topology.kind)


def test_the_table_of_claims_fits_a_screen() -> None:
    front = (ROOT / PAGE).read_text(encoding="utf-8")
    _, _, rest = front.partition("<!-- claims: ")
    rows = [
        line for line in rest.partition("<!-- end of claims -->")[0].splitlines() if line.startswith("| ")
    ]
    shown = [re.sub(r"\]\([^)]*\)", "]", row) for row in rows]
    assert len(rows) <= 21
    assert max(map(len, shown)) <= 220
    assert all(re.search(r"\*\*(holds|open|does not hold)", row) for row in rows[2:])


@pytest.mark.parametrize("name", sorted({*CLAIMS, *STUDIES}))
def test_every_claim_and_study_has_a_scenario_a_table_and_a_page(name: str) -> None:
    assert (ROOT / "scenarios" / f"{name}.yaml").is_file()
    for file in (TEMPLATE, PAGE, TABLE, "table.md"):
        assert (RESULTS / name / file).is_file(), (
            f"results/{name}/{file}: python -m benchmarks.results {name}"
        )
    missing = {file for file in findings.figures(Study(name)) if not (RESULTS / name / file).is_file()}
    assert not missing


@pytest.mark.parametrize("name", ["claim-heterogeneity", "claim-loss"])
@pytest.mark.parametrize("label", ["r-fast-tree", "r-fast-exp"])
def test_the_final_gap_of_r_fast_depends_neither_on_the_shards_nor_on_loss(name: str, label: str) -> None:
    """With full gradients, at every point and for every seed; biased methods are far from that on the same runs."""
    frame = Study(name).frame
    ends = frame[["final_gap_min", "final_gap_max"]].abs().max(axis=1)
    assert ends[frame["label"] == label].max() < 1e-10
    assert ends[frame["label"] == "d-psgd"].min() > 1e-6


def test_later_rivals_lose_the_straggler_or_its_data() -> None:
    """With sorted shards who waits for everybody waits for the straggler, and who leaves it behind never gets there;
    R-FAST does neither at any point. Rescaled asynchronous SGD, through a pivot, does neither too, and is sooner."""
    study = Study("rivals")
    hard = {"partition": "by-label", "stragglers": "one"}
    ours = study.values("r-fast-exp", "time_to_gap_0.03")
    assert len(ours) == 4
    assert max(ours) < 60
    assert study.value("m-sync-7", "time_to_gap_0.03", **hard) == math.inf
    assert study.value("fragile", "time_to_gap_0.03", **hard) == math.inf
    for waiting in ("m-sync-8", "amelie", "ring-allreduce"):
        assert study.value(waiting, "time_to_gap_0.03", **hard) > 1.3 * study.value(
            "r-fast-exp", "time_to_gap_0.03", **hard
        )
    assert study.value("r-fast-exp", "speedup_over_async-sgd-rescaled_gap_0.03_high", **hard) < 1


@pytest.mark.parametrize("name", STUDIES)
def test_both_tables_of_a_study_are_of_one_making(name: str) -> None:
    """Every label, and every number of the last column of times or final values, in both."""
    shown = (RESULTS / name / "table.md").read_text(encoding="utf-8")
    study = Study(name)
    for label in study.frame["label"]:
        assert label in shown
    headings = [line for line in shown.splitlines() if line.startswith("| ") and "algorithm" in line]
    assert headings
    cells = {part.strip() for line in shown.splitlines() for part in line.split("|")}
    for column in study._shown:
        assert set(study._shown[column].str.strip()) <= cells, column


# ---------------------------------------------------------------------------------------------- the tools
def study(home: Path, late: float = 1.0, seeds: int = 3) -> Study:
    """Two labels at two losses; `slow` misses gap 0.03. `late` stretches the times of `fast`."""
    for loss in (0.0, 0.5):
        for seed in range(seeds):
            for label, slowdown in (("fast", late * (1 + loss)), ("slow", 4.0)):
                time = [0.0, 2.0 * slowdown, 4.0 * slowdown + seed, 10.0 * slowdown + seed]
                gaps = [1.0, 0.09, 0.05, 0.05] if label == "slow" else [1.0, 0.09, 0.02, 0.01]
                point = {"network.loss": loss}
                curves = curves_table(time, gaps, accuracy=0.9)
                save(home / "runs", label, seed, curves, point=point, scenario="s", baseline="slow")
    (home / "s").mkdir(exist_ok=True)
    (home / "s" / TABLE).write_text(render(find_runs([home / "runs" / "s"]), "csv"), encoding="utf-8")
    return Study("s", home)


def test_cells_are_those_of_the_table(tmp_path: Path) -> None:
    made = study(tmp_path)
    assert made.cell("fast", "time_to_gap_0.03", loss=0) == "5 [4, 6]"
    assert made.cell("fast", "time to gap 0.03 (s)", loss=0.0) == "5 [4, 6]"
    assert made.cell("fast", "time_to_gap_0.03", ".1f", network__loss=0) == "5.0"
    assert made.cell("slow", "time_to_gap_0.03", ".1f", loss=0).startswith("> 41"), "censored, not a number"
    assert made.cell("fast", "speedup_gap_0.1", loss=0) == "4×"
    assert made.cell("fast", "final_gap", loss=0.5) == "0.01"


def test_numbers_and_verdicts_follow_the_table(tmp_path: Path) -> None:
    made = study(tmp_path)
    assert made.value("fast", "time_to_gap_0.03", loss=0) == 5
    assert made.value("slow", "time_to_gap_0.03", loss=0) == math.inf
    assert made.values("fast", "time_to_gap_0.03") == [5, 7]
    assert made.values("fast", "time_to_gap_0.03", loss=0.5) == [7]
    assert made.verdict("fast", "gap_0.1", loss=0) == "faster than"
    assert made.verdict("slow", "gap_0.1", loss=0) == "not clearly faster or slower than"
    assert made.verdict("slow", "gap_0.03", loss=0) == "not comparable with"


def test_speedups_over_another_method_than_the_baseline(tmp_path: Path) -> None:
    made = study(tmp_path)
    made.folder.joinpath(TEMPLATE).write_text('{{ cell("slow", "speedup_over_fast" ~ "_gap_0.1", loss=0) }}')
    assert made.measures == ["speedup_over_fast"]
    told = measure(find_runs([tmp_path / "runs" / "s"]), made.measures)
    told.to_csv(made.folder / EXTRA, index=False)
    again = Study("s", tmp_path)
    assert again.cell("slow", "speedup_over_fast_gap_0.1", loss=0) == "0.25×"
    assert again.cell("slow", "speedup_over_fast_gap_0.03", loss=0) == "< 0.12× [0, 0.14]"
    assert again.cell("fast", "speedup_gap_0.1", loss=0) == "4×", "over its baseline, as before"


def test_points_of_accuracy_over_another_method_are_paired_by_seed(tmp_path: Path) -> None:
    """Ours 1, 2 and 3 points above theirs at seeds 0, 1 and 2, although theirs differ by ten. A lost run is below any,
    theirs at seed 3 and ours at seed 4; of seed 5, where both were lost, nothing is known."""
    for seed, level in enumerate((0.8, 0.7, 0.75, 0.9, 0.9, 0.9)):
        for label, ahead in (("theirs", 0.0), ("ours", 0.01 * (seed + 1))):
            curves = curves_table([0.0, 1.0], [1.0, 0.5], accuracy=level + ahead)
            lost = seed in {"theirs": (3, 5), "ours": (4, 5)}[label]
            status = "diverged" if lost else "finished"
            save(tmp_path, label, seed, curves, scenario="s", status=status)
    told = measure(find_runs([tmp_path / "s"]), ["points_over_theirs"]).set_index("label")
    ours = [told.loc["ours", f"points_over_theirs{end}"] for end in ("", "_low", "_high", "_min", "_max")]
    assert ours == pytest.approx([2, -math.inf, math.inf, 1, 3])
    assert told.loc["theirs", "points_over_theirs_max"] == 0


def test_measures_are_those_of_whole_curves(tmp_path: Path) -> None:
    """A gap of 1 until 30 s and of 0.02 or 0.04 then; gradients 2 until 15 s, then 1, then 0."""
    time = [0.0, 10, 20, 30, 40]
    for seed, level in enumerate((0.02, 0.04)):
        gaps = [1.0, 1, 1, level, level]
        save(tmp_path, "ours", seed, curves_table(time, gaps, gradient_norm=[2.0, 2, 1, 0, 0]), scenario="s")
    save(tmp_path, "lost", 0, curves_table(time, gaps), scenario="s", status="diverged")
    told = measure(find_runs([tmp_path / "s"]), list(MEASURES)).set_index("label")
    ours = told.loc["ours"]
    assert ours["tail_gap"] == pytest.approx(0.03)
    assert (ours["tail_gap_min"], ours["tail_gap_max"]) == pytest.approx((0.02, 0.04))
    parts = ("quarter", "half", "whole")
    assert [ours[f"mean_square_gradient_{part}"] for part in parts] == pytest.approx([4, 3, 9 / 5])
    assert told.loc["lost", "tail_gap_above"] == math.inf


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (("fas", "final_gap", {"loss": 0}), "no label 'fas'; did you mean 'fast'"),
        (("fast", "final_gab", {"loss": 0}), "no column 'final_gab'; did you mean 'final_gap'"),
        (("fast", "final_gap", {"loss": 0.2}), "no point loss = 0.2; there are 0.0, 0.5"),
        (("fast", "final_gap", {"lost": 0.5}), "no swept key 'lost'; swept are network.loss"),
        (("fast", "final_gap", {}), "2 rows of fast"),
    ],
)
def test_a_cell_that_is_not_there_is_an_error(ask: tuple[str, str, Any], told: str, tmp_path: Path) -> None:
    label, column, point = ask
    with pytest.raises(UserError, match=told):
        study(tmp_path).cell(label, column, **point)


def test_a_page_is_its_template_with_numbers_put_in(tmp_path: Path) -> None:
    made = study(tmp_path)
    condition = '{% if value("fast", "final_gap", loss=0) < 1 %}'
    text = 'After {{ cell("fast", "time_to_gap_0.03", loss=0) }} s.\n' + condition + "\nGood.\n{% endif %}\n"
    (made.folder / TEMPLATE).write_text(text, encoding="utf-8")
    assert findings.page(made) == findings.MADE + "After 5 [4, 6] s.\nGood.\n"
    (made.folder / TEMPLATE).write_text("{{ nothing }}", encoding="utf-8")
    with pytest.raises(UserError, match="'nothing' is undefined"):
        findings.page(made)


def test_a_front_page_without_markers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="to put front between"):
        findings.with_blocks("# rfast-bench\n", tmp_path)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.1, 2.0, "holds"),
        (0.9, 1.2, "open"),
        (0.5, 0.9, "does not hold"),
        (0.0, np.inf, "does not hold"),
        (np.nan, np.nan, "does not hold"),
    ],
)
def test_a_claim_is_a_word_by_the_interval(low: float, high: float, word: str, tmp_path: Path) -> None:
    made = study(tmp_path)
    made.frame["speedup_gap_0.03_low"], made.frame["speedup_gap_0.03_high"] = low, high
    made.frame["speedup_over_other_gap_0.03_low"] = made.frame["speedup_over_other_gap_0.03_high"] = 2.0
    assert made.word("fast", "gap_0.03", loss=0) == word
    assert made.word("fast", "gap_0.03", over="other", loss=0) == "holds"
    with pytest.raises(UserError, match="no column 'speedup_gap_7'"):
        made.word("fast", "gap_7", loss=0)


def test_the_same_table_has_not_moved(tmp_path: Path) -> None:
    frame = study(tmp_path).frame
    assert moved.moved(frame, frame) == []
    assert moved.outside(frame, frame) == []


def test_what_lies_outside_the_interval_by_more_than_a_tenth_has_moved(tmp_path: Path) -> None:
    before = study(tmp_path / "a").frame
    assert not moved.moved(before, study(tmp_path / "b", late=1.04).frame), "within the interval, or a tenth"
    told = moved.moved(before, study(tmp_path / "c", late=2.0).frame)
    assert any(line.startswith("network.loss = 0, fast: time_to_gap_0.03 was 5, is 9") for line in told)
    assert not any("slow" in line for line in told)


def test_statuses_and_rows_move(tmp_path: Path) -> None:
    before = study(tmp_path).frame
    now = before.assign(status="diverged (1/3)").iloc[1:]
    told = moved.moved(before, now)
    assert "network.loss = 0, fast: no longer there" in told
    assert "network.loss = 0.5, fast: status was 'ok', is 'diverged (1/3)'" in told
    assert "network.loss = 0, fast: new" in moved.moved(now, before)


def test_one_seed_is_compared_with_the_range_of_all(tmp_path: Path) -> None:
    before = study(tmp_path / "a").frame
    assert moved.outside(before, study(tmp_path / "b", seeds=1).frame) == []
    told = moved.outside(before, study(tmp_path / "c", seeds=1, late=3.0).frame)
    assert any("fast: time_to_gap_0.03 was 4 to 6 over seeds, is 12" in line for line in told)


@pytest.mark.parametrize(("reached", "told"), [(2, 0), (3, 1)])
def test_a_seed_that_misses_a_target_has_moved_only_if_all_reached_it(reached: int, told: int) -> None:
    row = {"label": "a", "seeds": 3, **dict.fromkeys(ENDINGS, 0), "time_to_gap_1_reached": reached}
    speeds = {"speedup_gap_1": 1.2, "speedup_gap_1_min": 1.0, "speedup_gap_1_max": 1.4}
    missed = {**row, "seeds": 1, "speedup_gap_1": math.nan, "speedup_gap_1_below": 0.03}
    lines = moved.outside(pd.DataFrame([{**row, **speeds}]), pd.DataFrame([missed]))
    assert len(lines) == told, lines


def test_a_gap_of_rounding_does_not_move(tmp_path: Path) -> None:
    frame = study(tmp_path).frame
    tiny = {name: 3e-17 for name in map(str, frame) if name.startswith("final_gap")}
    assert not moved.moved(frame.assign(**tiny), frame.assign(**dict.fromkeys(tiny, -2e-16)))


def test_an_unknown_study_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert results.main(["quickstat"]) == 2
    assert "did you mean 'quickstart'" in capsys.readouterr().out


def test_tables_read_back_as_they_were_written(tmp_path: Path) -> None:
    made = study(tmp_path)
    again = tmp_path / "again.csv"
    again.write_text(made.frame.to_csv(index=False), encoding="utf-8")
    pd.testing.assert_frame_equal(findings.read_table(again), made.frame)
