"""Drawing on given axes, for who makes figures in Python; and what axes of sweeps and graphs show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from rfast_bench.analysis.tables import summarise
from rfast_bench.errors import UserError
from rfast_bench.figures.bars import draw_times
from rfast_bench.figures.curves import draw_curves
from rfast_bench.figures.diagrams import draw_timeline, draw_topology, save_topologies, sides_of
from rfast_bench.figures.looks import styles
from rfast_bench.figures.sides import Side, merged
from rfast_bench.figures.style import colour_of, look
from rfast_bench.figures.sweeps import _sweep, quantities
from rfast_bench.figures.topology import draw_sides
from rfast_bench.records.reading import Run, find_runs
from rfast_bench.report.page.diagrams import topologies
from rfast_bench.report.page.html import page
from tests.support.synthetic_records import RING, TREE, both_ways, curves_table, edges_table, pair, save


def axes() -> Axes:
    return Figure().subplots()


def first(scene: list[Run], label: str) -> Run:
    return next(run for run in scene if run.label == label)


# -------------------------------------------------------------------------------------- on axes of one's own
def test_curves_on_given_axes(scene: list[Run]) -> None:
    drawn, looks = axes(), styles(scene)
    with look():
        found = draw_curves(drawn, scene, x="epoch", y="gap", looks=looks)
    assert list(found) == ["r-fast", "ring-allreduce", "osgp", "d-psgd", "ad-psgd γ=9"]
    handles, labels = drawn.get_legend_handles_labels()
    assert labels == [*list(found)[:4], "ad-psgd γ=9 (diverged)"]
    for handle, label in zip(handles, found, strict=True):
        assert isinstance(handle, mpl.lines.Line2D)
        assert handle.get_color() == looks[label].colour
        assert (handle.get_linestyle(), handle.get_marker()) == (looks[label].dashes, looks[label].marker)
    assert np.allclose(np.asarray(drawn.lines[0].get_ydata()), found["r-fast"]["median"])
    assert drawn.get_xlabel() == "epochs (all workers together)"


def test_settings_and_looks_are_not_needed(scene: list[Run]) -> None:
    before = dict(mpl.rcParams)
    bare = axes()
    draw_curves(bare, scene)
    assert dict(mpl.rcParams) == before
    assert bare.lines[0].get_color() == styles(scene)["r-fast"].colour


def test_times_on_given_axes(scene: list[Run]) -> None:
    drawn = axes()
    table = draw_times(drawn, scene, "gap_0.03")
    assert drawn.get_title() == "gap ≤ 0.03" or drawn.get_title(loc="left") == "gap ≤ 0.03"
    assert [text.get_text() for text in drawn.get_yticklabels()] == list(table["label"])
    with pytest.raises(UserError, match=r"no target 'gap_7'; the runs have gap_0\.1, gap_0\.03"):
        draw_times(axes(), scene, "gap_7")


def test_a_timeline_on_given_axes(scene: list[Run], tmp_path: Path) -> None:
    drawn = axes()
    draw_timeline(drawn, first(scene, "r-fast"), until=2.0)
    assert drawn.get_xlim() == (0, 2)
    save(tmp_path, "a", curves=curves_table([0, 1], [1, 0.5]))
    with pytest.raises(UserError, match="no timeline was recorded"):
        draw_timeline(axes(), find_runs([tmp_path])[0])


def test_a_topology_on_given_axes(scene: list[Run]) -> None:
    run = first(scene, "r-fast")
    for number in (0, 1):
        drawn = axes()
        draw_topology(drawn, run, number)
        assert {text.get_text() for text in drawn.texts} == set(map(str, range(7)))
    with pytest.raises(UserError, match="it has 2 graphs, and none with the number 2"):
        draw_topology(axes(), run, 2)


def test_a_dark_page_has_its_own_colours(scene: list[Run]) -> None:
    style = styles(scene)["r-fast"]
    assert colour_of(style) == style.colour
    with look("dark"):
        assert colour_of(style) == style.dark
    assert colour_of(style) == style.colour


# -------------------------------------------------------------------------------------------------- sweeps
def swept(tmp_path: Path, key: str, values: list[Any]) -> list[Run]:
    for label in ("a", "b"):
        for value in values:
            save(tmp_path, label, curves=curves_table([0, 1, 2], [1, 0.2, 0.02]), point={key: value})
    return find_runs([tmp_path])


def lines(runs: list[Run], key: str) -> list[mpl.lines.Line2D]:
    """Those through the medians of the first panel."""
    drawn = _sweep(runs, summarise(runs), key, styles(runs))
    return [
        line
        for line in drawn.axes[0].lines
        if line.get_marker() in tuple("os^vDP*X") and len(np.asarray(line.get_xdata())) > 1
    ]


@pytest.mark.parametrize("values", [["ring", "tree"], [True, False], ["10 Gbit/s", "25 ms"], [4, "full"]])
def test_lines_never_join_categories(tmp_path: Path, values: list[Any]) -> None:
    runs = swept(tmp_path, "problem.something", values)
    found = lines(runs, "problem.something")
    assert [line.get_linestyle() for line in found] == ["None", "None"]
    places = [np.asarray(line.get_xdata()) for line in found]
    assert (np.abs(places[0] - places[1]) > 0.1).all(), "side by side"
    assert 'class="curve"' not in page(runs).split("against something (problem)")[1].split("</svg>")[0]


@pytest.mark.parametrize("values", [[1, 4], [0.1, 0.3], ["10 Gbit/s", "100 Gbit/s"]])
def test_lines_go_through_numbers(tmp_path: Path, values: list[Any]) -> None:
    runs = swept(tmp_path, "network.bandwidth", values)
    found = lines(runs, "network.bandwidth")
    assert all(line.get_linestyle() != "None" for line in found)
    numbers = [float(str(value).split()[0]) for value in values]
    assert np.asarray(found[0].get_xdata()).tolist() == numbers
    unit = " (Gbit/s)" if isinstance(values[0], str) else ""
    drawn = _sweep(runs, summarise(runs), "network.bandwidth", styles(runs))
    assert drawn.axes[-1].get_xlabel() == f"bandwidth{unit}"
    assert f">bandwidth{unit}</text>" in page(runs)


def test_values_of_one_unit_are_numbers() -> None:
    assert quantities(["10 Gbit/s", "2.5 Gbit/s"]) == ({"10 Gbit/s": 10.0, "2.5 Gbit/s": 2.5}, "Gbit/s")
    assert quantities([1, 2.5]) == ({1: 1.0, 2.5: 2.5}, "")
    for words in (
        ["10 ms", "10 s"],
        ["none", "10 s"],
        [True],
        [float("nan"), 1.0],
        [None, 1],
        ["25 Gbit/s, lossy"],
    ):
        assert quantities(words) is None


# ---------------------------------------------------------------------------------------------- topologies
def graph_runs(tmp_path: Path, workers_matter: bool = False) -> list[Run]:
    for loss in (0.0, 0.1):
        for size in (4, 7):
            ring = (
                both_ways([(i, (i + 1) % size) for i in range(size)]) if workers_matter else both_ways(RING)
            )
            for label in ("a", "b"):
                for seed in (0, 1):
                    save(
                        tmp_path,
                        label,
                        seed,
                        curves_table([0, 1], [1, 0.5]),
                        edges=edges_table(ring),
                        topology={"name": "ring", "sound": True},
                        point={"network.loss": loss, "workers": size},
                        workers=size if workers_matter else 7,
                    )
    return find_runs([tmp_path])


def test_a_graph_is_drawn_once_for_all_points_and_labels(tmp_path: Path) -> None:
    files = save_topologies(graph_runs(tmp_path / "runs"), tmp_path / "out")
    assert [path.name for path in files] == ["topology-a.png"]


def test_graphs_that_differ_say_for_which_values(tmp_path: Path) -> None:
    files = save_topologies(graph_runs(tmp_path / "runs", workers_matter=True), tmp_path / "out")
    assert [path.name for path in files] == ["topology-a_workers-4.png", "topology-a_workers-7.png"]


def test_a_symmetric_pair_is_one_picture(tmp_path: Path) -> None:
    same = both_ways(RING)
    save(tmp_path, "same", edges=edges_table(same, same), topology=everywhere("ring"))
    save(tmp_path, "tree", edges=edges_table(TREE, [(i, j) for j, i in TREE]), topology=pair("tree"))
    runs = find_runs([tmp_path])
    assert [len(sides_of(run)) for run in runs] == [1, 2]
    assert [len(drawings) for _, _, drawings in topologies(runs)] == [1, 2]


def everywhere(name: str) -> dict[str, Any]:
    roots = list(range(7))
    return {**pair(name), "roots_w": roots, "roots_a": roots, "common_roots": roots}


def test_graphs_of_different_weights_are_two_pictures() -> None:
    one: nx.DiGraph[int] = nx.DiGraph([(0, 1, {"weight": 0.5}), (1, 0, {"weight": 0.5})])
    other: nx.DiGraph[int] = nx.DiGraph([(0, 1, {"weight": 0.5}), (1, 0, {"weight": 0.25})])
    assert len(merged([Side(one, {0}, "w"), Side(one, {0}, "a")])) == 1
    assert len(merged([Side(one, {0}, "w"), Side(other, {0}, "a")])) == 2
    assert len(merged([Side(one, {0}, "w"), Side(one, {1}, "a")])) == 2


def test_an_edge_both_ways_is_one_line_without_heads() -> None:
    ring: nx.DiGraph[int] = nx.DiGraph(both_ways(RING))
    with look():
        drawn = draw_sides([Side(ring, (), "")], (), "t", "s")
    patches = drawn.axes[0].findobj(FancyArrowPatch)
    assert len(patches) == len(RING)
    for patch in patches:
        assert isinstance(patch, FancyArrowPatch)
        assert type(patch.get_arrowstyle()).__name__ == "Curve"
    assert not drawn.legends, "a line speaks for itself"


def test_the_frame_of_a_sweep_keeps_every_point(lossy: list[Run]) -> None:
    frame = summarise(lossy)
    assert isinstance(frame, pd.DataFrame)
    drawn = _sweep(lossy, frame, "workers", styles(lossy))
    assert drawn.axes[-1].get_xlabel() == "number of workers"
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["r-fast", "osgp"]
