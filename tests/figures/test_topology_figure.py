"""`topology draw`: places without overlap, what the figures say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from click.testing import CliRunner, Result
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from rfast_bench.api import Needs
from rfast_bench.cli.commands import main
from rfast_bench.figures.layouts import closest, extent, layout, turns_into_itself
from rfast_bench.figures.sides import Side, short, too_large
from rfast_bench.figures.style import look
from rfast_bench.figures.topology import COMMON, OTHER, ROOT, draw_sides
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.topology import Topology

KINDS = ("binary-tree", "line", "star", "random-trees", "directed-ring", "ring", "exponential")


def built(kind: str, n: int, needs: Needs = "pair") -> Topology:
    return build(TopologySpec(kind=kind), n, needs, allow_unsound=True)


def sides(topology: Topology, latency: float | None = None) -> list[Side]:
    graphs = (("W", topology.graph_w(), topology.roots_w), ("A", topology.graph_a(), topology.roots_a))
    for name, graph, _ in graphs:
        for j, i, about in graph.edges(data=True):
            about["weight"] = topology.W[i][j] if name == "W" else topology.A[j][i]
            if latency is not None:
                about["latency"] = latency * (1 + j % 2)
    return [Side(graph, roots, name) for name, graph, roots in graphs]


def figure(topology: Topology, latency: float | None = None) -> Figure:
    with look():
        return draw_sides(sides(topology, latency), topology.common_roots, "title", "subtitle")


def texts(drawn: Figure, panel: int) -> list[str]:
    return [text.get_text() for text in drawn.axes[panel].texts]


def fills(drawn: Figure, panel: int) -> list[str]:
    (nodes,) = (c for c in drawn.axes[panel].collections if len(c.get_facecolor()))
    return [to_hex(colour) for colour in np.asarray(nodes.get_facecolor())]


# --------------------------------------------------------------------------------------------- places
@pytest.mark.parametrize("n", [1, 2, 3, 7, 31, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_workers_are_apart_enough_for_their_numbers(kind: str, n: int) -> None:
    topology = built(kind, n)
    for side in sides(topology):
        places = layout(side.graph, topology.common_roots)
        assert set(places) == set(range(n))
        assert n == 1 or closest(places) / max(extent(places)) > 0.024


def test_trees_hang_rings_go_round_and_grids_are_sprung() -> None:
    tree = layout(built("binary-tree", 31).graph_w(), {0})
    assert tree[0][1] == 0 > tree[1][1] > tree[3][1]
    for kind in ("directed-ring", "exponential", "complete"):
        round_ = layout(built(kind, 31).graph_w(), set(range(31)))
        assert [np.hypot(*place) for place in round_.values()] == pytest.approx([1.0] * 31)
    grid = built("grid", 12).graph_w()
    assert not turns_into_itself(grid)
    places = layout(grid, set())
    assert max(np.hypot(*np.subtract(places[j], places[i])) for j, i in grid.edges) < 0.8 * max(
        extent(places)
    )


# --------------------------------------------------------------------------------------------- figures
def test_the_common_root_is_highlighted_and_workers_are_numbered() -> None:
    drawn = figure(built("binary-tree", 7))
    for panel in (0, 1):
        assert fills(drawn, panel) == [COMMON] + [OTHER] * 6
        assert {*map(str, range(7))} <= set(texts(drawn, panel))
        assert texts(drawn, panel).count("1/2") == 6, "a weight on every edge"


def test_a_root_of_one_graph_alone_has_its_own_colour() -> None:
    w: nx.DiGraph[int] = nx.DiGraph([(0, 1), (1, 2)])
    a: nx.DiGraph[int] = nx.DiGraph([(0, 1), (1, 2)])
    with look():
        drawn = draw_sides([Side(w, {0}, "w"), Side(a, {2}, "a")], (), "t", "s")
    assert (fills(drawn, 0), fills(drawn, 1)) == ([ROOT, OTHER, OTHER], [OTHER, OTHER, ROOT])


def test_weights_without_room_are_said_once() -> None:
    drawn = figure(built("exponential", 31))
    assert drawn.axes[0].get_title() == "W\nevery edge weighs 1/6"
    assert "1/6" not in texts(drawn, 0)
    assert drawn.get_suptitle().strip() == "title"


def test_latencies_are_the_colours_of_edges_and_have_a_key() -> None:
    drawn = figure(built("binary-tree", 7), latency=0.01)
    assert len(drawn.axes) == 3
    assert drawn.axes[2].get_ylabel() == "latency (ms)"
    assert drawn.axes[2].get_yticks().tolist() == pytest.approx([10, 20])
    colours = {to_hex(patch.get_edgecolor()) for patch in drawn.axes[0].patches}
    assert len(colours) == 2
    assert len(figure(built("binary-tree", 7)).axes) == 2


@pytest.mark.parametrize("n", [7, 31, 100])
@pytest.mark.parametrize("kind", ["binary-tree", "directed-ring", "line", "star", "random-trees"])
def test_numbers_are_readable_and_no_two_overlap(kind: str, n: int) -> None:
    drawn = figure(built(kind, n))
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    for axes in drawn.axes:
        labels = [text for text in axes.texts if text.get_text().isdigit()]
        assert len(labels) == n
        assert min(float(text.get_fontsize()) for text in labels) >= 3.8
        boxes = [text.get_window_extent(renderer) for text in labels]
        assert not any(boxes[k].overlaps(box) for k in range(n) for box in boxes[:k])


@pytest.mark.parametrize(
    ("weight", "text"), [(1 / 3, "1/3"), (0.5, "1/2"), (1.0, "1"), (0.12345678, "0.123")]
)
def test_weights_areshort(weight: float, text: str) -> None:
    assert short(weight) == text


# --------------------------------------------------------------------------------------------- refusals
def test_what_would_show_nothing_is_too_large() -> None:
    assert "5000 workers: a drawing can show at most" in too_large(sides(built("binary-tree", 5000)))
    assert "4950 edges between 100 workers" in too_large(sides(built("complete", 100)))
    assert not too_large(sides(built("exponential", 100)))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["topology", "draw", *map(str, arguments)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.txt").write_text("0 1\n1 2\n")
    (tmp_path / "a.txt").write_text("0 2\n2 1\n")
    (tmp_path / "w.csv").write_text("0.5,0.5\n0.25,0.75\n")
    (tmp_path / "l.csv").write_text("0,1 ms,2 ms\n1 ms,0,2 ms\n3 ms,2 ms,0\n")
    return tmp_path


def test_a_kind_gives_svg_and_png(here: Path) -> None:
    result = run("--kind", "binary-tree", "-n", 7)
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["topology-binary-tree.svg", "topology-binary-tree.png"]
    svg = (here / "topology-binary-tree.svg").read_bytes()
    assert b"<svg" in svg
    assert (here / "topology-binary-tree.png").read_bytes().startswith(b"\x89PNG")
    run("--kind", "binary-tree", "-n", 7, "-o", "again.svg")
    assert (here / "again.svg").read_bytes() == svg, "the same figure has the same bytes"
    assert not (here / "again.png").exists()


def test_files_matrices_and_a_pair_that_fails(here: Path) -> None:
    assert run("--w", "w.txt", "--a", "a.txt", "--latency", "l.csv", "-o", "fails.png").exit_code == 0
    assert run("--w-matrix", "w.csv", "--a", "w.txt", "-o", "no.png").exit_code == 2
    (here / "both.csv").write_text("0.5,0.5\n0.5,0.5\n")
    assert run("--w-matrix", "both.csv", "-o", "deep/matrix.png").exit_code == 0
    assert (here / "fails.png").exists()
    assert (here / "deep" / "matrix.png").exists()


SCENARIO = """
name: drawn
workers: 3
problem: {kind: quadratic}
compute: 1 s
network: {latency_matrix: l.csv}
algorithms: [{name: r-fast, step_size: 0.1}, {name: d-psgd, step_size: 0.1}, {name: ring-allreduce, step_size: 1}]
stop: {time: 1}
evaluate: {every: 1}
"""


def test_a_scenario_gives_a_figure_for_each_graph(here: Path) -> None:
    (here / "s.yaml").write_text(SCENARIO)
    result = run("s.yaml", "-o", "out.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["out-r-fast.png", "out-d-psgd.png"]
    assert run("s.yaml", "--label", "d-psgd", "-o", "one.png").stdout.split() == ["one.png"]
    wrong = run("s.yaml", "--label", "d-psdg")
    assert wrong.exit_code == 2
    assert "did you mean 'd-psgd'" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "binary-tree", "-n", 5000], "binary-tree: 5000 workers: a drawing can show at most 600"),
        (["--kind", "tree", "-n", 7], "found 'tree'"),
        (["--kind", "hypercube", "-n", 7], "power of two"),
        (["--kind", "line"], "--kind needs -n"),
        (["--w", "w.txt"], "G(A) is missing"),
        (["--w", "w.txt", "--a", "none.txt"], "cannot read none.txt"),
        (["--kind", "line", "-n", 4, "--latency", "l.csv"], "is about 3 workers; there are 4"),
        (["--kind", "line", "-n", 3, "-o", "w.txt/x.png"], "cannot write w.txt/x.png"),
        ([], "give one of"),
        (["--kind", "line", "--w", "w.txt"], "give one of"),
    ],
)
def test_bad_input_exits_2_with_one_message(here: Path, arguments: list[object], message: str) -> None:
    before = set(here.iterdir())
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert set(here.iterdir()) == before
