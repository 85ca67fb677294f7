"""`topology design`: exact where it says so, never below its bound, sound, loadable; and what it refuses."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.designs.bounds import bounds
from rfast_bench.topology.designs.objective import OBJECTIVES, Network, Objective, best_loops
from rfast_bench.topology.designs.pair import Design, design
from rfast_bench.topology.graphs import Edges, pair


def network(n: int, seed: int, sending: float = 0.0, absent: float = 0.0, compute: float = 0.0) -> Network:
    """Random latencies, a share of the links absent (never those of a ring), random sending times."""
    rng = np.random.default_rng(seed)
    latency = rng.uniform(1, 100, (n, n)).round()
    ring = {((i + 1) % n, i) for i in range(n)}
    for i, j in product(range(n), repeat=2):
        if (i, j) not in ring and rng.random() < absent:
            latency[i, j] = np.inf
    np.fill_diagonal(latency, 0.0)
    busy = rng.uniform(0, 2 * sending, (n, n))
    np.fill_diagonal(busy, 0.0)
    return Network(latency, busy, compute)


def three_sites(n: int, sending: float = 0.0) -> Network:
    site = np.arange(n) % 3
    latency = np.where(site[:, None] == site[None], 0.002, 0.08)
    np.fill_diagonal(latency, 0.0)
    busy = np.full((n, n), sending)
    np.fill_diagonal(busy, 0.0)
    return Network(latency, busy)


def arborescences(net: Network, root: int, limit: int) -> list[Edges]:
    """All spanning arborescences away from `root` along links, at most `limit` children a worker."""
    others = [i for i in range(net.n) if i != root]
    found = []
    for parents in product(range(net.n), repeat=len(others)):
        edges = list(zip(parents, others, strict=True))
        if any(j == i or np.isinf(net.latency[i, j]) for j, i in edges):
            continue
        if max(Counter(parents).values()) <= limit and nx.is_arborescence(nx.DiGraph(edges)):
            found.append(edges)
    return found


def best_of_all(net: Network, root: int, objective: Objective, limit: int) -> float:
    """The best value over all pairs of arborescences with this root."""
    towards = Network(net.latency.T, net.sending.T, net.compute)
    outwards = arborescences(net, root, limit)
    inwards = [[(i, j) for j, i in edges] for edges in arborescences(towards, root, limit)]
    return min(
        best_loops(net, w, a, [root], objective).value(objective) for w, a in product(outwards, inwards)
    )


def check_pair(found: Design, net: Network) -> None:
    """Spanning trees along links that are there, with the root that is claimed."""
    for edges in (found.w, [(i, j) for j, i in found.a]):
        tree = nx.DiGraph(edges)
        assert nx.is_arborescence(tree)
        assert tree.in_degree[found.root] == 0
        assert set(tree) == set(range(net.n))
    assert np.isfinite([net.latency[i, j] for j, i in (*found.w, *found.a)]).all()


# ------------------------------------------------------------------------------------------------ exactness
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(3))
def test_without_sending_times_a_design_is_the_best_of_all_pairs(seed: int, objective: Objective) -> None:
    net = network(4, seed, absent=0.3, compute=5.0)
    by_root = [best_of_all(net, root, objective, net.n) for root in range(net.n)]
    found = design(net, objective)
    assert found.value == pytest.approx(min(by_root))
    assert found.gap == 0
    for root in range(net.n):
        assert design(net, objective, root).value == pytest.approx(by_root[root])


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("limit", "sending"), [(1, 0.0), (2, 0.0), (4, 20.0), (2, 20.0)])
@pytest.mark.parametrize("seed", range(2))
def test_the_bound_lies_below_the_best_and_the_search_close_above(
    seed: int, limit: int, sending: float, objective: Objective
) -> None:
    net = network(4, seed, sending)
    best = best_of_all(net, 0, objective, limit)
    assert next(b.value for b in bounds(net, objective, limit) if b.root == 0) <= best * (1 + 1e-12)
    found = design(net, objective, 0, limit)
    assert found.value >= best * (1 - 1e-12)
    if limit > 1:  # a limit of one child leaves nothing but exchanges, and they can end far from the best
        assert found.value <= best * 1.25


def test_the_search_is_mostly_exact_where_all_pairs_can_be_tried() -> None:
    ratios = []
    for seed in range(20):
        net = network(4, 100 + seed, 20.0)
        ratios.append(design(net, "loop-time", 0).value / best_of_all(net, 0, "loop-time", 4))
    assert np.mean(np.array(ratios) < 1 + 1e-9) >= 0.6
    assert np.mean(ratios) < 1.03


def test_shortest_paths_equal_dijkstras_distances() -> None:
    net = network(30, 1, absent=0.5)
    found = design(net, "depth", 7)
    links: nx.DiGraph[int] = nx.DiGraph()
    for i, j in np.argwhere(np.isfinite(net.latency)):
        if i != j:
            links.add_edge(int(j), int(i), weight=net.latency[i, j])
    out = nx.single_source_dijkstra_path_length(links, 7)
    assert [out[i] for i in range(30)] == pytest.approx(found.loops.out.tolist())
    back = nx.single_source_dijkstra_path_length(links.reverse(), 7)
    assert [back[i] for i in range(30)] == pytest.approx(found.loops.back.tolist())


def test_links_without_latency_are_links() -> None:
    net = Network(np.zeros((5, 5)), np.zeros((5, 5)))
    found = design(net, "loop-time", 2)
    check_pair(found, net)
    assert (found.value, found.gap) == (0, 0)
    assert Counter(j for j, _ in found.w) == {2: 4}, "of equal ways the one with the fewest hops"


# ------------------------------------------------------------------------------------------- always
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("limit", [None, 1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 16])
def test_a_pair_keeps_the_limit_and_its_bound(n: int, limit: int | None, objective: Objective) -> None:
    net = network(n, n, sending=10.0, compute=20.0)
    found = design(net, objective, None, limit)
    if n > 1:
        check_pair(found, net)
        for children in (Counter(j for j, _ in found.w), Counter(i for _, i in found.a)):
            assert max(children.values()) <= (limit or n)
    assert found.gap >= 0
    assert found.value >= found.bound * (1 - 1e-12)
    assert found.value == best_loops(net, found.w, found.a, [found.root], objective).value(objective)


def test_on_three_sites_the_design_beats_the_named_trees() -> None:
    net = three_sites(15, sending=0.024)
    found = design(net, "loop-time")
    for kind in ("binary-tree", "line", "star"):
        w, a = pair(kind, 15)
        assert found.value < best_loops(net, w, a, [0], "loop-time").value("loop-time")
    assert max(Counter(j for j, _ in found.w).values()) < 14, "a star would queue at its root"


def test_a_queue_at_the_sender_counts_its_mass_first_and_all_children() -> None:
    """Worker 1 is heard through 0: 2 -> 0 -> 1; a model from 0 waits for 0's own mass and both models."""
    latency = np.array([[0.0, 1, 2], [3, 0, 4], [5, 6, 0]])
    sending = np.array([[0.0, 10, 20], [30, 0, 40], [50, 60, 0]])
    net = Network(latency, sending, compute=100.0)
    loops = best_loops(net, w=[(0, 1), (0, 2)], a=[(1, 0), (2, 0)], roots=[0], objective="depth")
    assert loops.back.tolist() == [0, 1 + 10 + 100, 2 + 20 + 100]
    assert loops.out.tolist() == [0, 3 + 30 + 50 + 100, 5 + 30 + 50 + 100]
    chain = best_loops(net, w=[(0, 1), (1, 2)], a=[(1, 0), (2, 1)], roots=[0], objective="depth")
    assert chain.out[2] == (3 + 30 + 100) + (6 + 10 + 60 + 100), "1's mass (10 s), then its model (60 s)"


# ----------------------------------------------------------------------------------------- the command
MATRIX = "0, 2 ms, 80 ms\n2 ms, 0, 80 ms\n80 ms, 0.08, 0\n"


def run(folder: Path, *arguments: str, matrix: str | None = MATRIX) -> Result:
    if matrix is not None:
        (folder / "net.csv").write_text(matrix)
    return CliRunner().invoke(main, ["topology", "design", str(folder / "net.csv"), *arguments])


def test_the_files_load_in_a_scenario_as_the_command_says(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("1 Gbit/s,1e8,1e8\n" * 3)
    result = run(tmp_path, "--bandwidth", str(tmp_path / "b.csv"), "--bytes", "1MB", "--compute", "20 ms")
    assert result.exit_code == 0, result.output
    lines = result.output.split("in a scenario:\n\n")[1].replace(
        "name: ..., step_size: ...", "name: r-fast, step_size: 0.1"
    )
    rest = "name: x\nproblem: {kind: quadratic}\ncompute: 20 ms\nstop: {time: 1}\nevaluate: {every: 1}\n"
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(rest + lines)
    (only,) = plan(load_points(scenario))
    built = only.build_topology()
    assert built.common_roots == {int(re.findall(r"common root (\d)", result.output)[0])}
    assert only.scenario.network.link(2, 0).latency.mean == 0.08
    assert only.scenario.network.link(1, 0).bandwidth == 1e8
    assert only.scenario.network.message_bytes == 1e6


def test_one_bandwidth_for_all_and_another_stem(tmp_path: Path) -> None:
    stem = tmp_path / "deep" / "mine"
    result = run(tmp_path, "--bandwidth", "1 Gbit/s", "--bytes", "1 MB", "-o", str(stem), "--root", "2")
    assert result.exit_code == 0, result.output
    assert "common root 2" in result.output
    spec = TopologySpec(w=stem.with_name("mine-w.txt"), a=stem.with_name("mine-a.txt"))
    assert build(spec, 3, "pair").common_roots == {2}
    assert "bandwidth: 125000000" in result.output
    assert "latency_matrix: ../net.csv" in result.output


def test_the_table_compares_with_every_kind_there_is(tmp_path: Path) -> None:
    output = run(tmp_path, "--objective", "depth").output
    rows = {line.split()[0]: line for line in output.splitlines() if re.match(r"[a-z-]+ +\d ", line)}
    assert {"designed", "binary-tree", "line", "star", "exponential", "complete"} <= set(rows)
    assert "hypercube" not in rows
    assert "depth *" in output
    assert "optimal" in output


def test_a_kind_that_needs_an_absent_link_says_which(tmp_path: Path) -> None:
    output = run(tmp_path, matrix="0,1,inf\n1,0,1\n1,1,0\n").output
    assert re.search(r"star .*no link 2 -> 0|star .*\d", output)
    assert re.search(r"complete +- +no link 2 -> 0", output)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("0,1\n1,0,3\n", "line 2: found 3 values; the first row has 2"),
        ("0,1\n1,zero\n", "line 2: found 'zero'; write a time such as 0.02 or 20 ms"),
        ("0,1\n1,20 MB\n", "found '20 MB'; write a time"),
        ("0,,1\n1,0,1\n1,1,0\n", "line 1: found ''"),
        ("0,1,2\n1,0,2\n", "found 2 rows of 3 values; a matrix of all links is square"),
        ("", "found nothing; a matrix of all links is square"),
        (
            "0,1\n" * 10**6,
            "line 3: found one row more than the 2 values of each; a matrix of all links is square",
        ),
        ("0,nan\n1,0\n", "entry [0, 1] is nan; NaN is no value"),
        ("0,1\n-1,0\n", "entry [1, 0] is -1; it must not be negative"),
        ("0,inf\ninf,0\n", "the network is not connected"),
        ("0,1,inf\n1,0,1\ninf,inf,0\n", "Its 2 parts: 0, 1 | 2"),
        (None, "cannot read"),
    ],
)
def test_bad_matrices_get_one_message_and_leave_nothing(
    tmp_path: Path, matrix: str | None, message: str
) -> None:
    result = run(tmp_path, matrix=matrix)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("Error") == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"net.csv"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--root", "3"], "worker 3 does not exist; there are workers 0 to 2"),
        (["--root", "first"], "found 'first'; give a worker's number or any"),
        (["--bytes", "1MB"], "--bandwidth and --bytes go together"),
        (["--bandwidth", "1 Gbit/s"], "--bandwidth and --bytes go together"),
        (["--bandwidth", "none.csv", "--bytes", "1MB"], "--bandwidth: cannot read none.csv"),
        (["--bandwidth", "net.csv", "--bytes", "1MB"], "write a bandwidth such as"),
        (["--bandwidth", "small.csv", "--bytes", "1MB"], "is about 2 workers"),
        (["--bandwidth", "zero.csv", "--bytes", "1MB"], "entry [0, 1] is 0; a bandwidth is above 0"),
        (["--bytes", "1 s", "--bandwidth", "1"], "'1 s' is not a quantity in bytes"),
        (["--max-degree", "0"], "--max-degree"),
        (["--objective", "width"], "--objective"),
    ],
)
def test_bad_options_get_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.csv").write_text("1,1\n1,1\n")
    (tmp_path / "zero.csv").write_text("1,0,1\n1,1,1\n1,1,1\n")
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(tmp_path.glob("*.txt"))


def test_too_few_links_for_a_limit() -> None:
    latency = np.full((4, 4), np.inf)
    latency[0, :] = latency[:, 0] = 1.0  # a star has no path through all
    np.fill_diagonal(latency, 0.0)
    with pytest.raises(UserError, match="at most 1 children a worker was found"):
        design(Network(latency, np.zeros((4, 4))), "depth", None, 1)


# -------------------------------------------------------------------- matrices in a scenario's network
def test_a_network_reads_its_matrices_row_by_receiver(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("0,1\n2,0\n")
    (tmp_path / "b.csv").write_text("0,30\n40,0\n")
    net = NetworkSpec.model_validate(
        {
            "latency_matrix": tmp_path / "l.csv",
            "bandwidth_matrix": tmp_path / "b.csv",
            "links": [{"from": 0, "to": 1, "loss": 0.5}],
        }
    )
    assert (net.link(1, 0).latency.mean, net.link(1, 0).bandwidth) == (1, 30)
    assert (net.link(0, 1).latency.mean, net.link(0, 1).bandwidth) == (2, 40)
    assert net.link(0, 1).loss != net.link(1, 0).loss


WHOLE = """
name: x
workers: 3
problem: {kind: quadratic}
compute: 20 ms
stop: {time: 1}
evaluate: {every: 1}
"""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latency_matrix": "l.csv"}, "l.csv is about 2 workers; there are 3"),
        ({"latency_matrix": "none.csv"}, "latency_matrix: cannot read"),
        ({"latency_matrix": "hole.csv", "latency": 1}, "give either latency or latency_matrix"),
        ({"bandwidth_matrix": "hole.csv", "bandwidth": 1}, "give either bandwidth or bandwidth_matrix"),
        ({"latency_matrix": "hole.csv"}, "algorithms.r-fast.topology: star: .*no link 0 -> 2"),
    ],
)
def test_mistakes_with_matrices_are_told_before_any_run(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    (tmp_path / "l.csv").write_text("0,1\n2,0\n")
    (tmp_path / "hole.csv").write_text("0,1,1\n1,0,1\ninf,1,0\n")
    algorithm = {"name": "r-fast", "step_size": 0.1, "topology": "star"}
    text = WHOLE + yaml.safe_dump({"network": settings, "algorithms": [algorithm]})
    (tmp_path / "scenario.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        plan(load_points(tmp_path / "scenario.yaml"))
