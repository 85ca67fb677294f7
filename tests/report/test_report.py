"""The report as text: it parses, loads nothing, says the right sentences of hand-made records."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from markupsafe import Markup

from rfast_bench.analysis.tables import summarise
from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.figures.curves import band
from rfast_bench.figures.looks import styles
from rfast_bench.records.reading import Run, find_runs
from rfast_bench.report.content.cautions import cautions
from rfast_bench.report.content.fault_words import spoken_seconds
from rfast_bench.report.content.findings import point_words
from rfast_bench.report.content.margins import judged
from rfast_bench.report.content.overview import _open, _range, over_points
from rfast_bench.report.content.resolved import differing, swept, together
from rfast_bench.report.content.run_description import sentences
from rfast_bench.report.content.sortable_tables import grids
from rfast_bench.report.content.verdict import at_point
from rfast_bench.report.page import pdf, sections
from rfast_bench.report.page.charts import BOTTOM, HEIGHT, MOST_POINTS, TOP, bars, curves, thinned
from rfast_bench.report.page.diagrams import topologies
from rfast_bench.report.page.html import page
from rfast_bench.report.page.svg import Scale, number, shape, tag
from tests.support.synthetic_records import curves_table, decay, save, unsealed

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Checks that every element is closed, and gathers what a page would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.pressed = 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), f"<{tag}> has an attribute twice"
        self.seen[tag] += 1
        self.ids += [str(given["id"])] if "id" in given else []
        self.loads += [str(given[name]) for name in ("src", "href", "srcset", "data") if name in given]
        self.pressed += "aria-pressed" in given
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def texts(rows: pd.DataFrame, kind: str = "") -> list[str]:
    """All sentences about one point, or those of one kind."""
    return [found.text for found in [*at_point(rows), *cautions(rows)] if kind in found.kind]


def reaching(time: float) -> pd.DataFrame:
    """A curve that is at gap 1 until `time`, then at 0.01."""
    return curves_table([0.0, time, 100.0], [1.0, 0.01, 0.01])


def summary(out: Path, times: dict[str, list[float | None]], **entries: Any) -> pd.DataFrame:
    """The summary of labels that reach gap 0.1 at these times, a seed each; None never does."""
    for order, (label, seeds) in enumerate(times.items()):
        for seed, time in enumerate(seeds):
            curve = curves_table([0.0, 100.0], [1.0, 0.5]) if time is None else reaching(time)
            save(out, label, seed, curve, **{"order": order, "targets": {"gap": [0.1]}, **entries})
    return summarise(find_runs([out]))


# ---------------------------------------------------------------------------------------------- the page
def test_the_page_is_whole_and_loads_nothing(scene: list[Run]) -> None:
    text = page(scene)
    read = Reader(text)
    assert all(load.startswith(("#", "data:")) for load in read.loads), read.loads
    assert not re.findall(r"@import|url\(|https?://", text)
    assert len(set(read.ids)) == len(read.ids)
    assert {load[1:] for load in read.loads if load.startswith("#")} <= set(read.ids)
    assert len(text) < 500_000


def test_every_label_that_ran_has_a_button_and_a_curve(scene: list[Run]) -> None:
    text = page(scene)
    ran = dict.fromkeys(run.label for run in scene if run.status != "skipped")
    assert Reader(text).pressed == len(ran)
    for index, label in enumerate(styles(scene)):
        assert (f'class="series" data-series="{index}"' in text) == (label in ran)


def test_the_same_records_give_the_same_bytes(lossy: list[Run]) -> None:
    assert page(lossy) == page(list(reversed(lossy)))


def test_what_users_write_is_escaped(tmp_path: Path) -> None:
    save(tmp_path, "a<script>alert(1)</script>&b", 0, decay(0, "a", 0.2), status="void", reason="<b>&")
    text = page(find_runs([tmp_path]))
    Reader(text)
    assert "<script>alert" not in text
    assert "a&lt;script&gt;" in text
    assert "<b>&" not in text


@pytest.mark.parametrize("status", ["void", "diverged", "stalled", "skipped", "finished"])
@pytest.mark.parametrize("targets", [{}, {"gap": [0.1]}], ids=["no target", "target"])
def test_a_page_of_any_single_run(tmp_path: Path, status: str, targets: dict[str, Any]) -> None:
    curves = None if status == "skipped" else decay(0, "x", 0.2)
    save(tmp_path, "only", 0, curves, status=status, reason="because of it", targets=targets)
    text = page(find_runs([tmp_path]))
    Reader(text)
    assert ("because of it" in text) == (status != "finished")


def test_a_run_without_an_evaluation_has_a_page(tmp_path: Path) -> None:
    save(tmp_path, "empty", 0, curves_table([], []), status="void", reason="broke off")
    assert "empty is void: broke off" in page(find_runs([tmp_path]))


def test_scenarios_and_worlds_are_parts_of_their_own(scene: list[Run], tmp_path: Path) -> None:
    for world in ("simulated", "real"):
        save(tmp_path / world, "x", 0, decay(0, "x", 0.2), world=world, scenario="both")
    text = page([*scene, *find_runs([tmp_path])])
    for title in ("both, simulated world", "both, real world", "stragglers"):
        assert f"<h2>{title}</h2>" in text
    assert text.count("<h1>") == 1


def test_an_unknown_baseline_is_refused(scene: list[Run]) -> None:
    with pytest.raises(UserError, match=r"no baseline 'ring-allredice'.*did you mean 'ring-allreduce'"):
        page(scene, "ring-allredice")


def test_another_baseline_is_what_speed_ups_are_given_against(scene: list[Run]) -> None:
    text = page(scene, "r-fast")
    assert re.search(r"Slower than the baseline r-fast, seed by seed: .*ring-allreduce 0\.\d+×", text)
    assert "× over" not in text
    assert re.search(r">ring-allreduce: [\d.]+ s · 0\.\d+×<", text), "in the bars too"


# ----------------------------------------------------------------------------------------------- verdict
def test_who_is_first_and_what_it_is_against_the_baseline(tmp_path: Path) -> None:
    rows = summary(tmp_path, {"quick": [10, 11], "base": [20, 22], "late": [40, 40]}, baseline="base")
    assert texts(rows, "result") == [
        "quick is the first, after 10.5 s [10, 11]; next is base, after 21 s [20, 22].",
        "Faster than the baseline base, seed by seed: quick 2×. quick needs 50 % of the time that base needs (21 s).",
        "Slower than the baseline base, seed by seed: late 0.53× [0.5, 0.55].",
    ]
    assert texts(rows, "miss") == []


def test_who_is_first_at_the_same_time_is_first_together(tmp_path: Path) -> None:
    rows = summary(tmp_path / "one", {"a": [0.4], "b": [0.4], "c": [2]})
    assert texts(rows, "result") == ["a and b are together the first, after 0.4 s; next is c, after 2 s."]
    rows = summary(tmp_path / "two", {"a": [9, 11], "b": [10, 10]})
    assert texts(rows, "result") == ["a and b are together the first, after 10 s [9, 11] (a) and 10 s (b)."]


def test_a_tie_at_a_point_of_a_sweep_has_no_winner(tmp_path: Path) -> None:
    for loss, time in ((0, 20), (0.1, 10)):
        summary(tmp_path, {"a": [10], "b": [time]}, point={"network.loss": loss})
    rows = summarise(find_runs([tmp_path]))
    assert (
        over_points(rows)[0].text
        == "a is the first at loss = 0; a and b are together the first at loss = 0.1."
    )


def test_the_paired_lead_tells_whether_the_order_is_open(tmp_path: Path) -> None:
    """Times that overlap may have a lead above 1 on every seed; then the order is not open."""
    open_order: dict[str, list[float | None]] = {"one": [10, 16], "other": [12, 15]}
    sure: dict[str, list[float | None]] = {"one": [10, 14], "other": [12, 15]}
    for name, times in (("open", open_order), ("sure", sure)):
        summary(tmp_path / name, times, scenario=name)
        text = texts(judged(find_runs([tmp_path / name])))[0]
        assert ("Seed by seed its lead is 1.1× [0.94, 1.2]: take the order" in text) == (name == "open")
        assert ("open" in text) == (name == "open")


def test_a_speed_up_on_both_sides_of_one_is_not_called_faster(tmp_path: Path) -> None:
    rows = summary(tmp_path, {"unsure": [10, 30], "base": [20, 20]}, baseline="base")
    assert (
        "Not clearly faster or slower than the baseline base, seed by seed: unsure 1.3× [0.67, 2]."
        in texts(rows)
    )


def test_who_reached_it_with_some_seeds_is_not_ranked(tmp_path: Path) -> None:
    rows = summary(tmp_path, {"lucky": [1, None, None], "sure": [50, 50, 50], "never": [None] * 3})
    assert texts(rows, "result") == ["sure is the first, after 50 s; no other reached it with every seed."]
    assert texts(rows, "miss") == [
        "lucky reached it with 1 of 3 seeds only (1 s where it did); it is not ranked.",
        "Not reached by never (> 100 s, ended at 0.5).",
    ]


@pytest.mark.parametrize(
    ("base", "said"), [([None, None], "did not reach it"), ([5, None], "reached it with 1 of 2 seeds only")]
)
def test_a_baseline_that_misses_gives_no_speed_up(tmp_path: Path, base: list[Any], said: str) -> None:
    rows = summary(tmp_path, {"quick": [10, 11], "base": base}, baseline="base")
    assert f"The baseline base {said}, so no speed-up is given." in texts(rows)
    assert not any("×" in text for text in texts(rows))


def test_nobody_reached_it(tmp_path: Path) -> None:
    rows = summary(tmp_path, {"one": [None], "other": [None]})
    assert texts(rows, "miss") == ["Nobody reached it; the closest is one, which ended at 0.5."]


def test_accuracy_is_reached_from_below(tmp_path: Path) -> None:
    for order, (label, final) in enumerate({"bad": 0.7, "good": 0.8}.items()):
        curve = curves_table([0.0, 9.0], [1.0, 0.5], accuracy=[0.1, final])
        save(tmp_path, label, 0, curve, targets={"accuracy": [0.9]}, order=order)
    found = at_point(summarise(find_runs([tmp_path])))
    assert [(finding.about, finding.text) for finding in found] == [
        ("accuracy ≥ 0.9", "Nobody reached it; the closest is good, which ended at 0.8.")
    ]


def test_a_label_with_another_target_is_not_said_to_miss_this_one(tmp_path: Path) -> None:
    summary(tmp_path / "x", {"x": [10]})
    rows = summary(tmp_path, {"y": [10]}, targets={"gap": [0.2]})
    assert [(found.about, found.text) for found in at_point(rows)] == [
        ("gap ≤ 0.1", "x reached it after 10 s."),
        ("gap ≤ 0.2", "y reached it after 10 s."),
    ]


def test_without_a_target_the_final_values_speak(tmp_path: Path) -> None:
    rows = summary(tmp_path, {"one": [10], "other": [None]}, targets={})
    assert texts(rows, "result") == [
        "one ends lowest, at 0.01; the others: other 0.5. No target was set, so there are no times to compare."
    ]


def test_cautions_name_every_way_of_ending_badly(scene: list[Run]) -> None:
    said = texts(summarise(scene), "caution")
    assert said[0] == (
        "Only 3 seeds: numbers are medians, in brackets the bootstrap interval, which holds the true median "
        "with 75% at most. Speed-ups are paired, seed by seed."
    )
    assert said[1:] == [
        "ad-psgd γ=9 diverged: the model blew up; whatever it touched on the way does not count.",
        "d-psgd tree was skipped: needs an undirected graph.",
        "osgp ran on graphs without a common root: the condition for converging is broken there.",
    ]


@pytest.mark.parametrize(
    ("seeds", "said"), [(1, "One seed only"), (4, "Only 4 seeds"), (6, "6 seeds: numbers are medians")]
)
def test_few_seeds_are_called_few(tmp_path: Path, seeds: int, said: str) -> None:
    assert said in texts(summary(tmp_path, {"x": [10.0 + k for k in range(seeds)]}), "caution")[0]


def test_the_same_story_is_told_once(tmp_path: Path) -> None:
    for label in ("one", "other"):
        save(tmp_path, label, 0, decay(0, label, 0.2), status="void", reason="worker 3 died")
    assert "one and other are void: worker 3 died." in texts(summarise(find_runs([tmp_path])))


def test_some_runs_that_ended_badly_are_counted(tmp_path: Path) -> None:
    for seed, status in enumerate(["finished", "stalled", "finished"]):
        save(
            tmp_path,
            "x",
            seed,
            decay(seed, "x", 0.2),
            status=status,
            reason="gave up" * (status == "stalled"),
        )
    assert "x stalled in 1 of 3 runs: gave up." in texts(summarise(find_runs([tmp_path])))


# ------------------------------------------------------------------------------------------------ sweeps
def test_a_sweep_is_told_over_its_points(lossy: list[Run]) -> None:
    said = [found.text for found in over_points(summarise(lossy, "osgp"))]
    assert said[0].startswith(
        "r-fast is the first at 5 of 6 points; osgp is the first at loss = 0, workers = 4"
    )
    assert re.fullmatch(
        r"r-fast over osgp: from [\d.]+× \[[\d., ]+\] at loss = 0, workers = 4 to .* where both reached it.*\).",
        said[1],
    )
    assert said[2] == "Not reached at loss = 0.3, workers = 16: osgp."
    assert re.fullmatch("r-fast ends between .*; osgp ends between .*", said[3])


def test_a_speed_up_over_a_sweep_leaves_no_seed_out(tmp_path: Path) -> None:
    """Where the baseline or the label missed with one seed, a median would hold the lucky ones only."""
    cases: dict[float, tuple[list[float | None], list[float | None]]] = {
        0.1: ([10, 10], [20, 20]),
        0.2: ([1, None], [20, 20]),
        0.3: ([10, 10], [90, None]),
    }
    for loss, (own, base) in cases.items():
        summary(tmp_path / str(loss), {"x": own, "base": base}, point={"loss": loss}, baseline="base")
    said = [found.text for found in over_points(summarise(find_runs([tmp_path])))]
    assert "x over base: 2× at loss = 0.1." in said
    assert "Reached with some seeds only, at loss = 0.2: x." in said
    assert "Reached with some seeds only, at loss = 0.3: base." in said


def test_a_sweep_without_target(tmp_path: Path) -> None:
    for k in (1, 2):
        summary(tmp_path / str(k), {"x": [10], "y": [None]}, point={"k": k}, targets={})
    said = [found.text for found in over_points(summarise(find_runs([tmp_path])))]
    assert said[0] == "x ends lowest at all 2 points."


def test_points_are_named_alike_from_a_series_and_a_mapping(lossy: list[Run]) -> None:
    rows = summarise(lossy)
    assert point_words(rows.iloc[0]) == point_words(rows.iloc[0].to_dict()) == "loss = 0, workers = 4"


def test_every_point_has_its_figures_and_every_key_its_own(lossy: list[Run]) -> None:
    text = page(lossy)
    Reader(text)
    assert text.count('<details class="point">') == 6
    assert "Time to gap ≤ 0.1 against share of messages lost, number of workers = 16" in text
    assert "Varied: network.loss over 0, 0.1 and 0.3." in text


# ------------------------------------------------------------------------------------------ what was run
SCENARIO: dict[str, Any] = {
    "world": "simulated",
    "workers": 8,
    "problem": {
        "kind": "logistic-regression",
        "dataset": {"kind": "digits"},
        "partition": {"kind": "by-label"},
        "batch_size": 32,
        "l2": 0.001,
    },
    "compute": {"kind": "lognormal", "mean": 0.1, "sigma": 0.2},
    "stragglers": [{"worker": 3, "slowdown": 4.0, "kind": "permanent"}],
    "network": {
        "latency": {"kind": "constant", "mean": 0.005},
        "bandwidth": 125e6,
        "loss": {"kind": "independent", "probability": 0.1},
        "links": [],
    },
    "stop": {"time": 60.0, "iterations": None, "target": None},
}


def test_the_scenario_in_sentences() -> None:
    assert sentences(SCENARIO, {}, [0, 1, 2]) == [
        "8 workers fit logistic regression to digits (shards sorted by label, batches of 32, l2 penalty 0.001).",
        "A gradient takes 100 ms on average (lognormal, σ 0.2); worker 3 is 4 times slower all the time.",
        "Network: latency 5 ms, always; 1 Gbit/s out of each worker; 10 % of messages lost.",
        "A run ends after 60 s of simulated time.",
        "3 repetitions (seeds 0 to 2); in each, all algorithms meet the same compute times and losses.",
    ]


def test_what_is_varied_is_not_said_as_if_it_were_fixed() -> None:
    varied: dict[str, list[Any]] = {
        "network.loss": [0.0, 0.3],
        "workers": [4, 8],
        "stragglers.0.slowdown": [1, 4],
        "compute": ["1 s", "2 s"],
    }
    said = " ".join(sentences(SCENARIO, varied, [5]))
    assert "10 %" not in said
    assert "8 workers" not in said
    assert "times slower" not in said
    assert "100 ms" not in said
    assert "Varied: network.loss over 0 and 0.3. Varied: workers over 4 and 8." in said
    assert "One repetition, seed 5." in said


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("stragglers", [], "no worker is slower than the others"),
        (
            "stragglers",
            [{"worker": [1, 2], "slowdown": 8, "kind": "permanent"}],
            "workers 1 and 2 are 8 times slower",
        ),
        (
            "stragglers",
            [{"worker": 1, "slowdown": 2, "kind": "periodic", "period": 10.0, "duration": 1.0}],
            "worker 1 is 2 times slower for 1 s in every 10 s",
        ),
        ("compute", {"kind": "constant", "mean": 2e-5}, "A gradient takes 20 µs, always"),
        (
            "problem",
            {"kind": "quadratic", "dim": 20, "condition": 10.0},
            "a sum of quadratics (dimensions 20, condition",
        ),
        ("faults", [{"worker": 2, "down": 5.0, "up": 9.0}], "Worker 2 dies at 5 s and comes back at 9 s."),
        (
            "stop",
            {"epochs": 3.0, "target": {"gap": 0.1}},
            "ends after 3 epochs or at gap 0.1, whichever comes first",
        ),
        (
            "stop",
            {"time": 40.0, "target": {"gap": 0.1, "of": ["worst", "worker 2"]}},
            "ends after 40 s of simulated time or at worst gap 0.1 or at gap 0.1 of worker 2, whichever comes first",
        ),
        ("world", "real", "8 workers (real processes) fit"),
    ],
)
def test_other_scenarios_in_sentences(key: str, value: Any, said: str) -> None:
    assert said in " ".join(sentences({**SCENARIO, key: value}, {}, [0]))


def test_bursty_loss_is_said_with_its_share() -> None:
    loss = {
        "kind": "gilbert-elliott",
        "good_to_bad": 0.1,
        "bad_to_good": 0.4,
        "loss_good": 0.0,
        "loss_bad": 1.0,
    }
    said = sentences({**SCENARIO, "network": {**SCENARIO["network"], "loss": loss}}, {}, [0])
    assert "20 % of messages lost, in bursts of 2.5 messages on average" in said[2]


def test_times_are_said_in_their_unit() -> None:
    assert [spoken_seconds(value) for value in (0.0, 3e-6, 0.25, 90.0)] == ["0 µs", "3 µs", "250 ms", "90 s"]


def test_runs_that_are_not_alike_are_called_so(tmp_path: Path) -> None:
    for seed in (0, 1):
        folder = save(tmp_path, "x", seed, decay(seed, "x", 0.2))
        (unsealed(folder) / "scenario.yaml").write_text(
            f"workers: 7\nnetwork: {{loss: {{probability: {seed / 10}}}}}\nseed: {seed}\n"
        )
    text = page(find_runs([tmp_path]))
    assert "These runs differ also in network.loss.probability, which no sweep declares" in text


def test_the_scenarios_of_many_runs_as_one(lossy: list[Run]) -> None:
    each = [
        {"workers": run.point["workers"], "seed": run.seed, "algorithms": [{"label": run.label}]}
        for run in lossy
    ]
    whole = together(lossy, each)
    assert whole["seeds"] == [0, 1]
    assert whole["sweep"] == swept(lossy) == {"network.loss": [0.0, 0.1, 0.3], "workers": [4, 16]}
    assert [algorithm["label"] for algorithm in whole["algorithms"]] == ["r-fast", "osgp"]
    assert differing(lossy, each) == []


def test_a_broken_resolved_scenario_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path, "x", 0, decay(0, "x", 0.2))
    (unsealed(folder) / "scenario.yaml").write_text("a: [")
    with pytest.raises(UserError, match=r"scenario\.yaml: cannot be read"):
        page(find_runs([tmp_path]))


# ------------------------------------------------------------------------------------- tables and drawings
def test_cells_sort_by_their_number(scene: list[Run]) -> None:
    rows = summarise(scene)
    fast, _, costs = grids(rows)
    at = fast.headings.index("time to gap 0.1 (s)")
    assert fast.numeric[at]
    assert not fast.numeric[fast.headings.index("status")]
    for (label, cells), value in zip(fast.rows, rows["time_to_gap_0.1"], strict=True):
        assert label == cells[0].words
        assert cells[at].value == (value if np.isfinite(value) else None)
    sent = costs.headings.index("sent")
    assert next(cells[sent].value for _, cells in costs.rows) == rows["bytes_sent"].iloc[0]


def test_scales() -> None:
    assert Scale(0, 10, 0, 100)(2.5) == 25
    log = Scale(1e-4, 1, 100, 0, log=True)
    assert log(1e-2) == pytest.approx(50)
    assert all(1e-4 <= tick <= 1 for tick in log.ticks())
    assert [number(value) for value in (0.0, 0.01, 250.0, 1e-6, 2.5e6)] == [
        "0",
        "0.01",
        "250",
        "10⁻⁶",
        "2.5·10⁶",
    ]


def test_attributes_and_children_are_escaped() -> None:
    assert tag("text", "a<b", Markup("<i/>"), class_='"') == '<text class="&#34;">a&lt;b<i/></text>'
    assert len({shape(marker, 0, 0) for marker in "osD^vP*X"}) == 8


def test_long_curves_are_thinned_and_keep_their_range() -> None:
    x = np.arange(10_000.0)
    frame = pd.DataFrame({"x": x, "median": x, "low": -x, "high": 2 * x})
    short = thinned(frame)
    assert len(short) == MOST_POINTS
    assert short["x"].iloc[-1] == x[-1]
    assert short["low"].min() == -x[-1]
    assert short["high"].max() == 2 * x[-1]


def test_graphs_are_drawn_by_pair(scene: list[Run]) -> None:
    found = {label: (caption, drawings) for label, caption, drawings in topologies(scene)}
    assert list(found) == ["r-fast", "osgp", "d-psgd"]
    assert found["r-fast"][0] == "binary-tree, 7 workers, common root 0"
    assert found["osgp"][0] == "no-root, 7 workers; unsound: no common root"
    assert [len(drawings) for _, drawings in found.values()] == [2, 2, 1]
    assert found["r-fast"][1][0][1].count("node common") == 1
    assert found["osgp"][1][0][1].count("node root") == 1


def test_what_rounding_leaves_is_called_nothing() -> None:
    assert _range(pd.Series([-5.55e-17, 0.0466])) == "between 0 and 0.0466"
    assert _range(pd.Series([-5.55e-17, 1.1e-16])) == "at 0"
    assert _range(pd.Series([1.32e-14])) == "at 1.32e-14"


def test_equal_graphs_are_drawn_once_for_all_their_labels(
    scene: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(runs: Sequence[Run]) -> list[tuple[str, str, list[tuple[str, Markup]]]]:
        alike = topologies(runs)
        return [*alike, ("r-fast-half", *alike[0][1:])]

    assert [graph.label for graph in sections._graphs(scene)] == ["r-fast", "osgp", "d-psgd"]
    monkeypatch.setattr(sections, "topologies", drawn)
    assert [graph.label for graph in sections._graphs(scene)] == ["r-fast and r-fast-half", "osgp", "d-psgd"]


# --------------------------------------------------------------------------------------------- the command
def test_the_command_writes_the_page(scene: list[Run], tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    done = CliRunner().invoke(main, ["report", str(scene[0].folder.parents[1]), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(out)
    assert out.read_text(encoding="utf-8") == page(scene)
    assert list(tmp_path.iterdir()) == [out]


def test_bad_input_leaves_no_file(scene: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = str(scene[0].folder.parents[1])
    for arguments in (["nowhere"], [folder, "--baseline", "nobody"], [folder, "-o", "no/such/folder/r.html"]):
        done = CliRunner().invoke(main, ["report", *arguments])
        assert done.exit_code == 2
        assert done.output.startswith("Error: ")
        assert list(tmp_path.iterdir()) == []


def test_a_pdf_without_a_browser_is_refused(
    scene: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for arguments in (["--format", "pdf"], ["-o", "r.pdf"]):
        done = CliRunner().invoke(main, ["report", str(scene[0].folder), *arguments])
        assert done.exit_code == 2
        assert "no browser found; one of chromium, chromium-browser, google-chrome" in done.output
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo it broke >&2; exit 1", "printed nothing: it broke"), ("sleep 60", "took longer than 1 s")],
)
def test_a_browser_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    browser = tmp_path / "chromium"
    browser.write_text(f"#!/bin/sh\n{script}\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(pdf, "PATIENCE", 1.0)
    with pytest.raises(UserError, match=re.escape(said)):
        pdf.to_pdf("<p>")


def test_the_report_starts_no_world() -> None:
    """Reading records must not load torch, SimPy or scikit-learn."""
    code = (
        "import sys, rfast_bench.report.page.html, rfast_bench.report.page.pdf;"
        "print([name for name in ('torch', 'simpy', 'sklearn', 'zmq') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_close_lead_is_counted_only_where_there_are_several_points() -> None:
    assert _open(0, 3) == ""
    assert _open(1, 1) == ", though the interval of its lead over the next contains 1"
    assert _open(1, 3).startswith(", though at one of these points")
    assert _open(2, 3).startswith(", though at 2 of these points")


def test_a_short_log_axis_has_plain_ticks_between_powers_of_ten() -> None:
    def words(low: float, high: float) -> list[str]:
        return [number(tick) for tick in Scale(low, high, 0, 1, log=True).ticks()]

    assert words(0.47, 2.3) == ["0.5", "1", "2"]
    assert words(0.7, 1.5) == ["0.8", "1", "1.2", "1.4"]
    assert words(0.03, 2) == ["0.03", "0.05", "0.1", "0.2", "0.3", "0.5", "1", "2"]
    assert words(0.009, 11) == ["0.01", "0.1", "1", "10"]


def test_seeds_that_end_a_little_earlier_are_held_in_the_report_too(tmp_path: Path) -> None:
    """The median ends between both seeds, not at the longer one's value: on the page 0.3, of 0.1 and 0.5."""
    for seed, (end, gap) in enumerate([(10.0, 0.1), (10.9, 0.5)]):
        save(tmp_path, "a", seed, curves_table([0, end], [1, gap]), targets={})
    runs = find_runs([tmp_path])
    assert band(runs, "time", "gap")["median"].iloc[-1] == pytest.approx(0.3)
    drawn = str(curves(runs, {"a": (0, styles(runs)["a"])}, "gap", "time"))
    line = re.search(r'd="M([^"]*)" class="curve"', drawn)
    assert line
    height = float(line[1].split("L")[-1].split()[1])
    low, high = 0.1 / 1.5, 1.0 * 1.5
    share = (np.log(0.3) - np.log(low)) / (np.log(high) - np.log(low))
    bottom = HEIGHT - BOTTOM
    assert height == pytest.approx(bottom - share * (bottom - TOP), abs=0.1)


def test_the_status_is_that_of_the_terminals_table(scene: list[Run]) -> None:
    rows = summarise(scene)
    fast = grids(rows)[0]
    at = fast.headings.index("status")
    assert [cells[at].words for _, cells in fast.rows] == rows["status"].tolist()
    assert any("did not reach" in status for status in rows["status"])


def test_a_target_without_a_median_has_words_and_no_axis_of_times(tmp_path: Path) -> None:
    summary(tmp_path, {"a": [10, None]})
    runs = find_runs([tmp_path])
    drawn = str(bars(runs, summarise(runs), {"a": (0, styles(runs)["a"])}, "gap_0.1"))
    assert "1/2 reached" in drawn
    assert 'class="tick"' not in drawn
    assert ">simulated time (s)<" not in drawn


def test_intervals_of_tuned_methods_are_said_to_be_conditional(tmp_path: Path) -> None:
    rows, said = summary(tmp_path, {"x": [10.0, 11.0]}), "conditional on the tuned choice"
    assert said not in " ".join(texts(rows, "caution"))
    assert said in " ".join(texts(rows.assign(tuned_by="time to gap 0.1"), "caution"))
