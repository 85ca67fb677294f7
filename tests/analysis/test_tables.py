from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rfast_bench.analysis.cell_text import cell, human_bytes, present, speedup, split
from rfast_bench.analysis.outcomes import known
from rfast_bench.analysis.statistics import NEVER, Bounds, exactly
from rfast_bench.analysis.tables import costs, render, summarise
from rfast_bench.errors import UserError
from rfast_bench.records.reading import Run, find_runs
from tests.support.synthetic_records import curves_table, pair, save, unsealed


def reaching(*times: float, final: float = 0.01, end: float = 100.0) -> pd.DataFrame:
    """A gap that falls below 0.1, then 0.03 at these times."""
    gaps = [1.0, *[0.09, 0.02][: len(times)], final]
    return curves_table([0.0, *times, end], gaps)


@pytest.fixture
def small(tmp_path: Path) -> list[Run]:
    """Two labels, three seeds, worked out by hand."""
    for seed, (own, base) in enumerate([((10, 20), (40, 50)), ((20,), (40, 60)), ((12, 30), (48, 45))]):
        final = 0.01 * (seed + 1) if len(own) == 2 else 0.05
        save(tmp_path, "fast", seed, reaching(*own, final=final), waiting=0.0)
        save(tmp_path, "ring-allreduce", seed, reaching(*sorted(base)), order=1, waiting=10.0)
    return find_runs([tmp_path])


def row(frame: pd.DataFrame, label: str) -> Any:
    (chosen,) = (row for _, row in frame.iterrows() if row["label"] == label)
    return chosen


def shown(runs: list[Run], label: str) -> Any:
    frame = present(summarise(runs))
    return frame[frame["algorithm"] == label].iloc[0]


def test_measured_numbers_of_one_run(small: list[Run]) -> None:
    run = next(run for run in small if run.label == "ring-allreduce" and run.seed == 0)
    assert known(run) == {
        "time_to_gap_0.1": exactly(40),
        "time_to_gap_0.03": exactly(50),
        "final_loss": exactly(0.01 + 0.2),
        "final_gap": exactly(0.01),
        "time_per_epoch": exactly(2),
    }
    spent = {"idle_percent": 25.0, "bytes_sent": 1e8, "staleness": np.nan}
    assert costs(run) == pytest.approx(spent, nan_ok=True)


def test_staleness_is_the_mean_over_readings(tmp_path: Path) -> None:
    folder = unsealed(save(tmp_path, "a", 0, reaching(1, 2)))
    (folder / "staleness.csv").write_text("worker,staleness,count\n0,0,90\n0,1,9\n1,5,1\n")
    assert costs(find_runs([tmp_path])[0])["staleness"] == pytest.approx(0.14)


def test_the_time_of_an_epoch_is_paired_with_the_baselines(tmp_path: Path) -> None:
    for seed, epochs in enumerate((100, 50, 200)):
        save(tmp_path, "fast", seed, reaching(1, 2).assign(epoch=[0, 1, 2, epochs]))
        save(tmp_path, "ring-allreduce", seed, reaching(1, 2).assign(epoch=[0, 1, 2, 25]), order=1)
    runs = find_runs([tmp_path])
    fast = row(summarise(runs), "fast")
    assert [fast[f"time_per_epoch{end}"] for end in ("", "_low", "_high")] == [1, 0.5, 2]
    assert [fast[f"speedup_epoch{end}"] for end in ("", "_low", "_high")] == [4, 2, 8]
    assert shown(runs, "fast")["epoch speed-up"] == "4× [2, 8]"


def test_what_was_not_reached_is_known_from_below(tmp_path: Path) -> None:
    for seed, status in enumerate(("finished", "diverged", "stalled", "void")):
        save(tmp_path, "a", seed, reaching(1, final=0.05, end=60.0), status=status)
    finished, diverged, stalled, void = (known(run) for run in find_runs([tmp_path]))
    assert finished["time_to_gap_0.03"] == Bounds(60.0, np.inf)
    assert diverged["time_to_gap_0.1"] == diverged["time_to_gap_0.03"] == NEVER
    assert (diverged["final_gap"], diverged["final_accuracy"]) == (NEVER, exactly(-np.inf))
    assert (stalled["time_to_gap_0.1"], stalled["time_to_gap_0.03"]) == (exactly(1), NEVER)
    assert void == {}


def test_times_are_medians_with_their_spread(small: list[Run]) -> None:
    fast = row(summarise(small), "fast")
    ends = ("", "_low", "_high", "_min", "_max", "_reached")
    assert [fast[f"time_to_gap_0.1{end}"] for end in ends] == [12, 10, 20, 10, 20, 3]
    # 20, 30 and more than 100: the median is 30, the interval is open
    assert [fast[f"time_to_gap_0.03{end}"] for end in ends] == [30, 20, np.inf, 20, 30, 2]


def test_a_median_that_was_not_reached_is_told_from_below(tmp_path: Path) -> None:
    for seed, times in enumerate([(10, 20), (10,), (10,)]):
        save(tmp_path, "a", seed, reaching(*times, final=0.01 if len(times) == 2 else 0.05))
    runs = find_runs([tmp_path])
    slow = row(summarise(runs), "a")
    assert np.isnan(slow["time_to_gap_0.03"])
    assert [slow[f"time_to_gap_0.03{end}"] for end in ("_above", "_low", "_reached")] == [100, 20, 1]
    assert shown(runs, "a")["time to gap 0.03 (s)"] == "> 100 [20, ∞)"
    assert shown(runs, "a")["status"] == "did not reach gap 0.03 (2/3)"


@pytest.mark.parametrize(
    ("reached", "said"), [((40, 50), "1×"), ((40, None), "1×"), ((None, 50, None), "1×"), ((None, None), "–")]
)
def test_the_baseline_is_as_fast_as_itself(
    tmp_path: Path, reached: tuple[float | None, ...], said: str
) -> None:
    """Also where some of its seeds missed the target; a seed that missed is not said to be anything times itself."""
    for seed, time in enumerate(reached):
        curves = reaching(*([time] if time else []), final=0.01 if time else 0.5)
        save(tmp_path, "ring-allreduce", seed, curves, targets={"gap": [0.1]})
        save(tmp_path, "fast", seed, reaching(10), targets={"gap": [0.1]}, order=1)
    base = shown(find_runs([tmp_path]), "ring-allreduce")
    assert base["speed-up at gap 0.1"] == said
    assert base["epoch speed-up"] == "1×"


def test_every_form_of_a_speed_up(tmp_path: Path) -> None:
    """As docs/scenarios.md lists them."""
    seeds = {"speedup_x": 1.8, "speedup_x_low": 1.6, "speedup_x_high": 2}
    forms = [
        ({**seeds}, "1.8× [1.6, 2]"),
        ({"speedup_x": 1.8}, "1.8×"),
        ({"speedup_x_above": 1.8, "speedup_x_below": np.inf}, "> 1.8×"),
        ({"speedup_x_above": 0, "speedup_x_below": 0.5}, "< 0.5×"),
        ({"speedup_x_above": 0.61, "speedup_x_below": 1.1}, "0.61 to 1.1×"),
        (
            {"speedup_x_above": 0.61, "speedup_x_below": 1.1, "speedup_x_low": 0, "speedup_x_high": 1.2},
            "0.61 to 1.1× [0, 1.2]",
        ),
        (
            {"speedup_x_above": 1.8, "speedup_x_below": np.inf, "speedup_x_low": 1, "speedup_x_high": np.inf},
            "> 1.8× [1, ∞)",
        ),
        ({"speedup_x_above": 0, "speedup_x_below": np.inf}, "–"),
    ]
    for row, said in forms:
        assert speedup("x", row) == said


def test_speedups_pair_seeds_with_the_baseline(small: list[Run]) -> None:
    fast = row(summarise(small), "fast")
    # per seed: 40/10, 40/20, 45/12
    assert [fast[f"speedup_gap_0.1{end}"] for end in ("", "_low", "_high")] == [3.75, 2.0, 4.0]
    # 50/20, 48/30, and 60 over more than 100, which is less than 0.6
    assert [fast[f"speedup_gap_0.03{end}"] for end in ("", "_low", "_high")] == [1.6, 0.0, 2.5]
    assert [fast[f"speedup_gap_0.03{end}"] for end in ("_min", "_max")] == [1.6, 2.5]
    assert fast["baseline"] == "ring-allreduce"


def test_final_values_are_medians_with_their_spread(small: list[Run]) -> None:
    fast = row(summarise(small), "fast")
    assert [fast[f"final_gap{end}"] for end in ("", "_low", "_high")] == pytest.approx([0.03, 0.01, 0.05])
    assert np.isnan(fast["final_accuracy"])


def test_a_diverged_seed_is_not_averaged_away(tmp_path: Path) -> None:
    for seed in range(3):
        ended: dict[str, Any] = {"status": "diverged"} if seed == 2 else {}
        save(tmp_path, "a", seed, reaching(1, 2 + seed), **ended)
    runs = find_runs([tmp_path])
    assert shown(runs, "a")["final gap"] == "0.01 [0.01, ∞)"
    assert shown(runs, "a")["time to gap 0.03 (s)"] == "3 [2, ∞)"


def test_readable_cells(small: list[Run]) -> None:
    fast = shown(small, "fast")
    assert fast["time to gap 0.1 (s)"] == "12 [10, 20]"
    assert fast["time to gap 0.03 (s)"] == "30 [20, ∞)"
    assert fast["speed-up at gap 0.1"] == "3.8× [2, 4]"
    assert fast["final gap"] == "0.03 [0.01, 0.05]"
    assert fast["sent"] == "100 MB"
    assert shown(small, "ring-allreduce")["speed-up at gap 0.1"] == "1×"
    assert shown(small, "ring-allreduce")["idle (%)"] == "25"


def test_speedups_of_what_was_stopped_too_early(tmp_path: Path) -> None:
    save(tmp_path, "fast", 0, reaching(10, 20))
    save(tmp_path, "slow", 0, reaching(50, final=0.05), order=1)
    runs = find_runs([tmp_path])
    told = {base: present(summarise(runs, base)).set_index("algorithm") for base in ("fast", "slow")}
    assert told["fast"].loc["slow", "speed-up at gap 0.03"] == "< 0.2×"  # 20 over more than 100
    assert told["slow"].loc["fast", "speed-up at gap 0.03"] == "> 5×"
    assert told["slow"].loc["slow", "speed-up at gap 0.03"] == "–", "more than 100 over more than 100"


TUNED = {"value": 0.02, "edge": True, "objective": "time to gap 0.1"}


def test_what_was_tuned_is_told_and_an_edge_in_every_table(tmp_path: Path) -> None:
    save(tmp_path, "a", curves=reaching(1, 2), tuned={"step_size": TUNED, "tau": {**TUNED, "edge": False}})
    save(tmp_path, "b", curves=reaching(1, 2), tuned={"step_size": {**TUNED, "edge": False}})
    runs = find_runs([tmp_path])
    text = render(runs, "terminal", width=100)
    assert text.count(" a †") == 3, "how fast, how well, at what cost"
    assert " b †" not in text
    assert "tuned at the edge (step_size)" in text
    assert "Tuned by time to gap 0.1, on other seeds. †: tuned at the edge" in text
    assert "tau 0.02" in text
    frame = summarise(runs)
    assert frame["tuned_at_edge"].tolist() == ["step_size", ""]
    assert frame["tuned"].tolist() == ["step_size=0.02; tau=0.02", "step_size=0.02"]


def test_another_baseline_turns_the_ratios_round(small: list[Run]) -> None:
    ring = row(summarise(small, "fast"), "ring-allreduce")
    assert ring["speedup_gap_0.1"] == pytest.approx(1 / 3.75)


def test_an_unknown_baseline_names_the_labels(small: list[Run]) -> None:
    with pytest.raises(UserError, match="no baseline 'fats'; the labels are fast, ring-allreduce; did you"):
        summarise(small, "fats")


def test_without_a_baseline_there_are_no_speedups(small: list[Run]) -> None:
    alone = [run for run in small if run.label == "fast"]
    assert not any("speed" in name for name in (*summarise(alone), *present(summarise(alone))))


@pytest.mark.parametrize(
    ("label", "status"),
    [
        ("r-fast", "ok"),
        ("osgp", "no common root"),
        ("d-psgd", "did not reach gap 0.03"),
        ("ad-psgd γ=9", "diverged (3/3)"),
        ("d-psgd tree", "skipped: needs an undirected graph"),
    ],
)
def test_status_says_how_it_ended(scene: list[Run], label: str, status: str) -> None:
    assert shown(scene, label)["status"] == status


def test_no_common_root_is_told_beside_everything_else(tmp_path: Path) -> None:
    unsound: dict[str, Any] = {"topology": pair("bad", sound=False)}
    save(tmp_path, "a", 0, reaching(1, 2), status="diverged", **unsound)
    save(tmp_path, "a", 1, reaching(1, final=0.05), **unsound)
    save(tmp_path, "b", 0, status="skipped", reason="refused", **unsound)
    runs = find_runs([tmp_path])
    assert shown(runs, "a")["status"] == "no common root; diverged (1/2); did not reach gap 0.03 (1/2)"
    assert shown(runs, "b")["status"] == "no common root; skipped: refused"


def test_what_diverged_reached_nothing_and_has_no_final_value(scene: list[Run]) -> None:
    lost = shown(scene, "ad-psgd γ=9")
    assert lost["time to gap 0.1 (s)"] == "not reached"
    assert lost["speed-up at gap 0.1"] == "–"
    assert lost["final gap"] == "–"


def test_a_skipped_row_has_dashes(scene: list[Run]) -> None:
    skipped = shown(scene, "d-psgd tree")
    assert set(skipped.drop(["algorithm", "status", "γ"])) == {"–"}


def test_accuracy_targets_are_reached_from_below(tmp_path: Path) -> None:
    curves = curves_table([0, 5, 9], [1, 1, 1], accuracy=[0.1, 0.7, 0.9])
    save(tmp_path, "a", curves=curves, targets={"accuracy": [0.7]})
    assert shown(find_runs([tmp_path]), "a")["time to accuracy 0.7 (s)"] == "5"


def test_sweep_keys_lead_and_only_those_that_vary(lossy: list[Run]) -> None:
    frame = summarise(lossy)
    assert list(frame)[:4] == ["scenario", "point.network.loss", "point.workers", "label"]
    assert frame["point.network.loss"].tolist() == [0.0] * 4 + [0.1] * 4 + [0.3] * 4
    assert list(present(frame))[:3] == ["network.loss", "workers", "algorithm"]


def test_csv_holds_the_numbers(scene: list[Run]) -> None:
    frame = pd.read_csv(io.StringIO(render(scene, "csv")))
    expected = summarise(scene)
    assert list(frame) == list(expected)
    times = "time_to_gap_0.03_max"
    assert frame[times].to_numpy() == pytest.approx(expected[times].to_numpy(), nan_ok=True)


def test_markdown_is_aligned_and_escapes_pipes(tmp_path: Path) -> None:
    save(tmp_path, "a|b", curves=reaching(1, 2))
    lines = render(find_runs([tmp_path]), "md").splitlines()
    (fast,) = (line for line in lines if line.startswith("| a\\|b") and "ok" in line)
    assert fast.replace("\\|", "").count("|") == 5
    assert "**How fast**" in lines


def test_markdown_takes_no_sign_of_a_label_for_its_own(tmp_path: Path) -> None:
    save(tmp_path, "<b>`a`* < 1", curves=reaching(1, 2))
    assert r"\<b>\`a\`\* < 1" in render(find_runs([tmp_path]), "md")


def test_latex_escapes_and_spells_signs(tmp_path: Path) -> None:
    save(tmp_path, "a_b & 5%", curves=reaching(1, 2))
    text = render(find_runs([tmp_path]), "latex")
    assert r"a\_b \& 5\%" in text
    assert r"$\gamma$" in text
    assert not any(sign in text for sign in "γ∞†–×")


def test_latex_spells_the_times_sign(small: list[Run]) -> None:
    text = render(small, "latex")
    assert r"1$\times$" in text
    assert "×" not in text


def test_html_escapes_and_keeps_long_cells(tmp_path: Path) -> None:
    reason = "because <b>" + "x" * 80
    save(tmp_path, "<script>", status="skipped", reason=reason)
    text = render(find_runs([tmp_path]), "html")
    assert text.startswith("<!doctype html>")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "x" * 80 in text


@pytest.mark.parametrize("width", [100, 120])
def test_terminal_keeps_to_its_width_without_colour(scene: list[Run], width: int) -> None:
    text = render(scene, "terminal", width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert {"how fast", "how well", "at what cost"} <= {
        line.removeprefix("stragglers: ").strip().partition(",")[0] for line in text.splitlines()
    }
    for label in ("ring-allreduce", "ad-psgd γ=9"):
        assert label in text


def test_terminal_colours_on_a_terminal(scene: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[31mdiverged" in render(scene, "terminal", width=120)


def test_labels_in_brackets_are_no_markup(tmp_path: Path) -> None:
    save(tmp_path, "[red]fast[/red]", curves=reaching(1, 2))
    assert "[red]fast[/red]" in render(find_runs([tmp_path]), "terminal")


def test_a_long_label_leaves_room_for_the_numbers(tmp_path: Path) -> None:
    save(tmp_path, " ".join(["trees"] * 12), curves=reaching(1, 2))
    save(tmp_path, "x" * 90, curves=reaching(1, 2))
    lines = render(find_runs([tmp_path]), "terminal", width=110).splitlines()
    told = [line for line in lines if line.startswith((" trees", " xxx"))]
    assert all(len(line.split("  ")[0].strip()) <= 40 for line in told)
    assert len(lines) < 50
    assert sum("binary-tree" in line or "ok" in line for line in lines) >= 2, "no word of a cell is broken"


def test_a_number_beyond_all_bounds_is_shown() -> None:
    assert (cell(10**400), cell(-(10**400)), cell(10**300)) == ("1e400", "-1e400", "1e+300")


def words_of(text: str) -> set[str]:
    """Without titles and rules."""
    lines = [line for line in text.splitlines() if not line.startswith("stragglers: ") and "──" not in line]
    return {word for line in lines for word in line.split()}


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_word_is_broken_however_narrow_a_terminal_is(scene: list[Run], width: int) -> None:
    lines = render(scene, "terminal", width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert words_of(render(scene, "terminal", width=250)) <= words_of("\n".join(lines))


def test_many_targets_stand_in_stacked_tables(tmp_path: Path) -> None:
    save(tmp_path, "ring-allreduce", curves=reaching(1, 2), targets={"gap": [0.5, 0.1, 0.05, 0.03, 0.02]})
    tables = split(present(summarise(find_runs([tmp_path]))))
    assert [title for title, _ in tables] == [
        *(f"How fast, {k} of 3" for k in (1, 2, 3)),
        "How well",
        "At what cost",
    ]
    assert all(len(table.columns) <= 10 for _, table in tables)


def test_each_scenario_has_its_own_tables(scene: list[Run], lossy: list[Run]) -> None:
    text = render([*lossy, *scene], "md")
    assert [line for line in text.splitlines() if line.startswith("#")] == ["## lossy", "## stragglers"]


def test_an_unknown_format_names_the_formats(scene: list[Run]) -> None:
    with pytest.raises(UserError, match="no format 'latx'; one of csv, terminal, md, latex, html; did you"):
        render(scene, "latx")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.0, "9"),
        (1234.5, "1234"),
        (99.95, "100"),
        (0.01234, "0.0123"),
        (None, "–"),
        (True, "True"),
        ("x", "x"),
    ],
)
def test_a_cell_has_three_digits(value: Any, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (999, "999 B"), (12_300, "12.3 kB"), (4.5e9, "4.5 GB"), (np.nan, "–")]
)
def test_bytes_as_a_person_says_them(value: float, text: str) -> None:
    assert human_bytes(value) == text


# ------------------------------------------------------------------------------------------- many scenarios
def test_each_scenario_has_its_own_columns_and_names_its_only_world(tmp_path: Path) -> None:
    for size in (8, 32):
        save(tmp_path, "a", 0, reaching(1, 2), scenario="swept", point={"problem.batch_size": size})
    for world in ("simulated", "real"):
        save(tmp_path / world, "a", 0, reaching(1, 2), scenario="plain", world=world)
    text = render(find_runs([tmp_path]), "md")
    plain, swept = text.split("## swept, simulated world\n")
    assert plain.startswith("## plain\n")
    assert "problem.batch_size" in swept
    assert "problem.batch_size" not in plain
    assert "| world " in plain
    assert "| world " not in swept


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("width", [100, 105, 110])
def test_no_word_is_broken_while_there_is_room_for_all_words(tmp_path: Path, width: int) -> None:
    names = ("ring-allreduce with a long label", "r-fast")
    for order, label in enumerate(names):
        for seed in (0, 1, 2):
            for size in (8, 32):
                save(
                    *(tmp_path, label, seed, reaching(1.2345 + seed, 2 + seed / 7)),
                    point={"problem.batch_size": size},
                    topology=pair("bipartite-exponential"),
                    order=order,
                )
    text = render(find_runs([tmp_path]), "terminal", width=width)
    assert widest(text) <= width
    words = set(text.split())
    assert {"ring-allreduce", "problem.", "batch_size", "bipartite-exponential", "algorithm"} <= words
    assert not {"problem.batch_siz", "e"} & words


def test_intervals_of_tuned_methods_are_said_to_be_conditional(tmp_path: Path) -> None:
    """Only where something was tuned and there are intervals."""
    for seed in (0, 1):
        save(tmp_path, "a", seed=seed, curves=reaching(1, 2), tuned={"step_size": {**TUNED, "edge": False}})
        save(tmp_path, "b", seed=seed, curves=reaching(1, 2))
    tuned, plain = ([run for run in find_runs([tmp_path]) if run.label == label] for label in ("a", "b"))
    said = "Intervals are conditional on the tuned choice"
    assert said in " ".join(render(tuned, "md").split())
    assert said not in " ".join(render(plain, "md").split())
    assert said not in " ".join(render(tuned[:1], "md").split())
