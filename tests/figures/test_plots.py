from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rfast_bench.analysis.tables import summarise
from rfast_bench.errors import UserError
from rfast_bench.figures.bars import bar_words, whisker
from rfast_bench.figures.curves import band, foot, log_range
from rfast_bench.figures.layouts import layout
from rfast_bench.figures.looks import styles
from rfast_bench.figures.plots import curves_figure, draw, times_figure
from rfast_bench.figures.style import plain, slug
from rfast_bench.figures.sweeps import _sweep
from rfast_bench.records.reading import Run, find_runs
from tests.support.synthetic_records import RING, TREE, curves_table, save


def drawn_runs(runs: list[Run]) -> list[Run]:
    return [run for run in runs if run.status != "skipped"]


def names(files: list[Path], out: Path) -> list[str]:
    return [path.relative_to(out).as_posix() for path in files]


def size(path: Path) -> tuple[int, int]:
    """Width and height from the head of a PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def words(drawn: Any) -> list[str]:
    return [text.get_text() for text in drawn.findobj(mpl.text.Text) if text.get_text().strip()]


def test_every_figure_of_a_scenario(scene: list[Run], tmp_path: Path) -> None:
    files = draw(scene, tmp_path)
    assert names(files, tmp_path) == [
        *("gap-vs-time.png", "gap-vs-epochs.png", "time-to-target.png", "timeline.png"),
        *("topology-r-fast.png", "topology-osgp.png", "topology-d-psgd.png"),
    ]
    assert all(min(size(path)) > 400 and path.stat().st_size > 10_000 for path in files)
    assert sorted(files) == sorted(tmp_path.rglob("*.*"))


def test_a_sweep_has_folders_per_point_and_a_figure_per_key(lossy: list[Run], tmp_path: Path) -> None:
    """The sweep was interrupted: the last of its four points is missing."""
    points = [(0.1, 4), (0.1, 16), (0.3, 4)]
    chosen = [run for run in lossy if (run.point["network.loss"], run.point["workers"]) in points]
    seen = names(draw(chosen, tmp_path), tmp_path)
    assert seen[:3] == [
        f"network.loss-0.1_workers-4/{name}.png"
        for name in ("gap-vs-time", "gap-vs-epochs", "time-to-target")
    ]
    assert len(seen) == 3 * 3 + 2
    assert seen[-2:] == ["sweep-network.loss.png", "sweep-workers.png"]


def test_the_same_records_give_the_same_bytes(lossy: list[Run], tmp_path: Path) -> None:
    one_point = [run for run in lossy if run.point["network.loss"] == 0.3 and run.point["workers"] == 16]
    first, second = draw(one_point, tmp_path / "a"), draw(one_point, tmp_path / "b")
    assert len(first) == 3
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_settings_outside_are_left_as_they_were(lossy: list[Run], tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    draw(lossy[:1], tmp_path)
    assert dict(mpl.rcParams) == before


def test_divergence_is_told_in_the_legend_and_skipped_runs_nowhere(scene: list[Run]) -> None:
    runs = drawn_runs(scene)
    legend = words(curves_figure(runs, styles(scene), "gap", "time").legends[0])
    assert legend == ["r-fast", "ring-allreduce", "osgp", "d-psgd", "ad-psgd γ=9 (diverged)"], "as in tables"


def test_some_seeds_diverged(tmp_path: Path) -> None:
    save(tmp_path, "a", 0, curves_table([0, 1], [1, 5]), status="diverged")
    save(tmp_path, "a", 1, curves_table([0, 1], [1, 0.5]))
    runs = find_runs([tmp_path])
    assert "a (diverged 1/2)" in words(curves_figure(runs, styles(runs), "gap", "time"))


def test_bars_tell_what_was_not_reached(scene: list[Run]) -> None:
    told = words(times_figure(drawn_runs(scene), styles(scene), None))
    assert told.count("> 60 s") == 1
    assert told.count("diverged") == 2
    frame = summarise(scene)
    median = float(frame.loc[frame["label"] == "r-fast", "time_to_gap_0.03"].iloc[0])
    assert any(text.startswith(f"{median:.3g} s · ") and text.endswith("×") for text in told)


def test_the_sweep_marks_what_was_not_reached(lossy: list[Run]) -> None:
    drawn = _sweep(lossy, summarise(lossy), "network.loss", styles(lossy))
    times, finals = drawn.axes[:2], drawn.axes[2:]
    assert [axes.get_title() for axes in times] == ["number of workers = 4", "number of workers = 16"]
    assert [axes.get_yscale() for axes in finals] == ["log", "log"]
    marked = [
        [np.asarray(line.get_xdata()).tolist() for line in axes.lines if line.get_linestyle() == "None"]
        for axes in times
    ]
    assert [[x for x in marks if len(x) == 1] for marks in marked] == [[], [[0.3]]]


def test_without_a_gap_the_loss_is_drawn(tmp_path: Path) -> None:
    curves = curves_table([0, 1], [1, 0.5]).assign(gap=np.nan)
    save(tmp_path / "runs", "a", curves=curves, reference=None, targets={})
    files = draw(find_runs([tmp_path / "runs"]), tmp_path / "out")
    assert names(files, tmp_path / "out") == ["loss-vs-time.png", "loss-vs-epochs.png"]


def test_accuracy_is_drawn_where_it_is_a_target(tmp_path: Path) -> None:
    curves = curves_table([0, 1], [1, 0.5], accuracy=[0.2, 0.9])
    save(tmp_path / "runs", "a", curves=curves, targets={"accuracy": [0.8]})
    assert "accuracy-vs-time.png" in names(draw(find_runs([tmp_path / "runs"]), tmp_path), tmp_path)


def test_a_sweep_over_words_and_without_targets(tmp_path: Path) -> None:
    for kind in ("ring", "tree"):
        save(tmp_path / "runs", "a", curves=curves_table([0, 1], [1, 0.5]), point={"kind": kind}, targets={})
    files = names(draw(find_runs([tmp_path / "runs"]), tmp_path / "out"), tmp_path / "out")
    assert files[-1] == "sweep-kind.png"
    assert "kind-ring/gap-vs-time.png" in files


@pytest.mark.parametrize(
    "gap",
    [[1, 1e-3, 0, -1e-18], [np.nan] * 4, [0, 0, 0, 0], [1, 1e100, 1e300, np.inf], [-1, -2, -3, -4]],
    ids=["zeros", "nan", "only zeros", "huge", "negative"],
)
def test_strange_curves_are_drawn_without_a_warning(tmp_path: Path, gap: list[float]) -> None:
    save(tmp_path / "runs", "_odd $x$", curves=curves_table([0, 1, 2, 3], gap), status="diverged")
    assert len(draw(find_runs([tmp_path / "runs"]), tmp_path / "out")) == 3


def test_only_skipped_runs_draw_nothing(tmp_path: Path) -> None:
    save(tmp_path / "runs", "a", status="skipped", reason="no")
    assert draw(find_runs([tmp_path / "runs"]), tmp_path / "out") == []


def test_an_unknown_baseline_is_refused_before_drawing(scene: list[Run], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no baseline 'x'"):
        draw(scene, tmp_path / "out", baseline="x")
    assert not (tmp_path / "out").exists()


def test_a_label_keeps_its_colour_whatever_else_is_drawn(scene: list[Run]) -> None:
    looks = styles(scene)
    assert len({style.colour for style in looks.values()}) == 6
    assert looks == styles(list(reversed(scene)))


def test_a_band_is_median_and_extremes_on_the_common_grid(tmp_path: Path) -> None:
    for seed, (times, gaps) in enumerate([([0, 2, 4], [4, 2, 0]), ([0, 2, 4], [8, 6, 4]), ([0, 2], [6, 6])]):
        save(tmp_path, "a", seed, curves_table(times, gaps))
    frame = band(find_runs([tmp_path]), "time", "gap")
    assert frame["x"].tolist() == [0, 2, 4]
    assert frame["median"].tolist() == [6, 6, 2]
    assert frame["low"].tolist() == [4, 2, 0]
    assert frame["high"].tolist() == [8, 6, 4]


def test_a_band_interpolates_and_stops_with_half_of_the_seeds(tmp_path: Path) -> None:
    curves = {0: ([0, 4], [0, 4]), 1: ([0, 2], [0, 2]), 2: ([0, 2], [0, 2])}
    for seed, (times, gaps) in curves.items():
        save(tmp_path, "a", seed, curves_table(times, gaps))
    frame = band(find_runs([tmp_path]), "time", "gap")
    assert frame["x"].tolist() == [0, 2]
    assert frame["median"].tolist() == [0, 2]


def test_a_curve_that_blows_up_does_not_set_the_scale(scene: list[Run]) -> None:
    bands = {label: band([run], "time", "gap") for label, run in {run.label: run for run in scene}.items()}
    bands = {label: frame for label, frame in bands.items() if len(frame)}
    limits = log_range(bands, [label for label in bands if "ad-psgd" not in label], [])
    assert limits is not None
    assert limits[1] < 100 < bands["ad-psgd γ=9"]["high"].max()


def graph(edges: list[tuple[int, int]]) -> nx.DiGraph[int]:
    drawn: nx.DiGraph[int] = nx.DiGraph()
    drawn.add_edges_from(edges)
    return drawn


def test_a_tree_hangs_from_its_root_without_overlap() -> None:
    places = layout(graph(TREE), {0})
    depth = {0: 0, 1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 6: 2}
    assert {node: round(-y / 1.2) for node, (_, y) in places.items()} == depth
    assert [places[leaf][0] for leaf in (3, 4, 5, 6)] == [0, 1, 2, 3]
    assert places[0][0] == 1.5


@pytest.mark.parametrize(
    "edges",
    [RING, [(0, i) for i in range(1, 40)], [(i, i + 1) for i in range(20)]],
    ids=["ring", "star", "line"],
)
def test_nodes_never_share_a_place(edges: list[tuple[int, int]]) -> None:
    places = np.array(list(layout(graph(edges), {0}).values()))
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert apart[~np.eye(len(places), dtype=bool)].min() > 0.1


def test_file_names_and_texts_are_safe() -> None:
    assert slug("a/b c: γ=9") == "a-b-c-γ-9"
    assert slug("///") == "unnamed"
    assert plain("_a $x$") == r" _a \$x\$"


def test_whiskers_are_intervals_and_an_open_end_goes_to_the_edge() -> None:
    row = {"x": 30.0, "x_low": 20.0, "x_high": np.inf}
    assert whisker(row, "x", 50.0) == (20, 50)
    assert whisker({**row, "x_high": 40.0}, "x", 50.0) == (20, 40)
    assert whisker({"x": 30.0, "x_low": np.nan, "x_high": np.nan}, "x", 50.0) == (30, 30)


def test_a_censored_seed_is_drawn(tmp_path: Path) -> None:
    for seed, gap in enumerate((0.01, 0.02, 0.5)):
        save(
            tmp_path / "runs",
            "a",
            seed,
            curves_table([0, 1 + seed, 9], [1, gap, gap]),
            targets={"gap": [0.1]},
        )
    runs = find_runs([tmp_path / "runs"])
    assert "2 s · 2/3 reached" in words(times_figure(runs, styles(runs), None))
    assert draw(runs, tmp_path / "out")


def test_a_panel_without_a_bar_has_no_axis_of_times(tmp_path: Path) -> None:
    """Also where one seed of two reached the target: its median is not known."""
    for seed, gap in enumerate([0.05, 0.5]):
        save(tmp_path, "a", seed, curves_table([0, 4.8], [1, gap]), targets={"gap": [0.6, 0.1]})
    runs = find_runs([tmp_path])
    one, none = times_figure(runs, styles(runs), None).axes
    assert len(one.get_xticks()) > 1
    assert one.get_xlabel()
    assert (list(none.get_xticks()), none.get_xlabel()) == ([], "")


def test_words_of_bars_are_those_of_tables(tmp_path: Path) -> None:
    ends = {"stopped": ["finished"], "stalled": ["stalled"], "mostly": ["finished", "stalled", "stalled"]}
    for label, statuses in ends.items():
        for seed, status in enumerate(statuses):
            gap = [1, 0.01 if label == "mostly" and seed == 0 else 0.5]
            save(tmp_path, label, seed, curves_table([0, 9], gap), status=status, targets={"gap": [0.1]})
    rows = {row["label"]: bar_words(row, "gap_0.1") for _, row in summarise(find_runs([tmp_path])).iterrows()}
    assert rows == {"stopped": "> 9 s", "stalled": "not reached", "mostly": "not reached · 1/3 reached"}


def test_an_axis_of_accuracies_begins_where_the_start_is_left_behind() -> None:
    def one(*values: float) -> dict[str, pd.DataFrame]:
        rows = {"x": range(len(values)), "median": values, "low": values, "high": values}
        return {"a": pd.DataFrame(rows)}

    assert foot(one(0.1, 0.7, 0.8, 0.9)) == pytest.approx(0.68)
    assert foot(one(0.1, 0.3, 0.5, 0.9)) is None
    assert foot(one(0.1, 0.9)) is None


def test_a_seed_that_ended_a_little_earlier_is_held(tmp_path: Path) -> None:
    for seed, end in ((0, 8.0), (1, 8.7)):
        save(tmp_path, "a", seed=seed, curves=curves_table([0, end], [1, 0.1 + seed]))
    frame = band(find_runs([tmp_path]), "time", "gap")
    assert frame["x"].tolist() == [0, 8, 8.7]
    assert frame["low"].tolist()[-1] == 0.1
