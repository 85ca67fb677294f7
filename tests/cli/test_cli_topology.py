"""`topology check`: what it prints and how it exits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import networkx as nx
import numpy as np
import pytest
from click.testing import CliRunner, Result

from rfast_bench.cli.topology.group import command as topology
from tests.support.command_line import call, write

NAMED = """<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">
<node id="alice"/><node id="bob"/><edge source="alice" target="bob"/></graph></graphml>"""


def check(*arguments: object) -> Result:
    return CliRunner().invoke(topology, ["check", *map(str, arguments)])


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, Path]:
    w, a = tmp_path / "w.txt", tmp_path / "a.txt"
    w.write_text("0 1\n1 2\n")
    a.write_text("1 0\n2 1\n")
    return w, a


def lines(result: Result) -> dict[str, str]:
    """The explanation as `title: text`, continued lines joined."""
    found: dict[str, str] = {}
    title = ""
    for line in result.stdout.splitlines():
        match = re.fullmatch(r"  (\S.*?|)\s{2,}(\S.*?)\s*", line)
        if match:
            title = match[1] or title
            found[title] = f"{found[title]} {match[2]}" if title in found else match[2]
    return found


def test_a_sound_kind_exits_0() -> None:
    result = check("--kind", "binary-tree", "-n", 7)
    assert result.exit_code == 0
    assert result.stdout.startswith("binary-tree, 7 workers: the condition holds\n")
    found = lines(result)
    assert found.items() >= {
        ("an edge j -> i", "j's messages go to i"),
        ("G(W)", "6 edges, along which models flow from the root outwards"),
        ("G(A)", "6 edges, along which gradient mass flows towards the root"),
        ("roots of G(W)", "0"),
        ("roots of G(A)", "0"),
        ("common roots", "0"),
        ("sums of W", "rows sum to 1; columns to 0.5 (worker 3) .. 2 (worker 0)"),
        ("sums of A", "rows sum to 0.5 (worker 3) .. 2 (worker 0); columns to 1"),
        ("psi, of W", "1 at worker 0, 0 elsewhere"),
        ("pi, of A", "1 at worker 0, 0 elsewhere"),
        ("gamma_eff / gamma", "7"),
        ("depth", "G(W) 2, G(A) 2 hops, from worker 0"),
        ("longest loop", "4 hops: 3 -> 1 -> 0 as gradient, 0 -> 1 -> 3 as model"),
        ("traffic", "12 messages per iteration of all workers; a worker sends 1 to 3"),
        ("bottleneck", "worker 1's outgoing link (and 1 like it): 3 messages per iteration"),
    }
    assert "smallest mend" not in found


def test_each_worker_s_degrees_and_traffic() -> None:
    rows = [line.split() for line in check("--kind", "star", "-n", 3).stdout.splitlines()]
    assert ["0", "0", "2", "2", "0", "2", "2", "1", "1"] in rows
    assert ["1", "1", "0", "0", "1", "1", "1", "0", "0"] in rows


def test_an_undirected_kind_shows_the_pair_and_the_metropolis_weights() -> None:
    """Of a grid of 2 x 3 a corner has 2 neighbours and the middle of a side 3: 1 / 3 beside 1 / 4."""
    result = check("--kind", "grid", "-n", 6)
    pair, undirected = result.stdout.split("grid, 6 workers, undirected, with Metropolis weights: ")
    assert pair.startswith("grid, 6 workers, as a pair: the condition holds")
    assert (
        "weights of W       own 0.25 (worker 1) .. 0.333333 (worker 0); of an edge 0.25 .. 0.333333" in pair
    )
    assert (
        "weights of W   own 0.25 (worker 1) .. 0.416667 (worker 0); of an edge 0.25 .. 0.333333" in undirected
    )
    assert "columns to 1\n" in undirected
    found = json.loads(check("--kind", "grid", "-n", 6, "--json").stdout)["topologies"]
    assert [one["taken"] for one in found] == ["as a pair", "undirected, with Metropolis weights"]
    assert found[1]["explanation"]["weights"]["W"]["edges"] == [0.25, pytest.approx(1 / 3)]


def test_how_a_file_was_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ring.csv"
    path.write_text("1,2\n2,3\n3,1\n3,3\n")
    result = check("--edges", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        "ring.csv: numbered from 1; read as workers 0 to 2 ring.csv: an edge of a worker"
        in (lines(result)["as read"])
    )


def test_a_loop_in_graphml_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "g.graphml"
    nx.write_graphml(nx.Graph([(0, 1), (1, 1)]), path)
    result = check("--edges", path)
    assert result.exit_code == 0
    assert "edge of a worker to itself is left out" in lines(result)["as read"]


def test_root_and_seed_are_passed_on() -> None:
    result = check("--kind", "random-trees", "-n", 9, "--root", 5, "--seed", 3)
    assert result.exit_code == 0
    assert lines(result)["common roots"] == "5"


def test_common_roots_are_passed_on() -> None:
    result = check("--kind", "random-graphs", "-n", 9, "--common-roots", 2, "--root", 5)
    assert result.exit_code == 0
    roots = lines(result)["common roots"].split(", ")
    assert len(roots) == 2
    assert "5" in roots


def test_files_count_their_workers(tree: tuple[Path, Path]) -> None:
    w, a = tree
    result = check("--w", w, "--a", a)
    assert result.exit_code == 0
    assert "w.txt, a.txt, 3 workers" in result.stdout
    assert lines(result)["depth"] == "G(W) 2, G(A) 2 hops, from worker 0"


def test_depths_differ_between_the_graphs(tree: tuple[Path, Path]) -> None:
    w, a = tree
    a.write_text("1 0\n2 0\n")
    assert lines(check("--w", w, "--a", a))["depth"] == "G(W) 2, G(A) 1 hops, from worker 0"


def test_a_worker_too_many_is_unsound(tree: tuple[Path, Path]) -> None:
    w, a = tree
    result = check("--w", w, "--a", a, "-n", 4)
    assert result.exit_code == 1
    assert "in G(W) worker 0 cannot reach: 3" in result.stdout
    assert "in G(A) worker 0 cannot be reached from: 3" in result.stdout
    assert lines(result)["smallest mend"] == (
        "add 0 -> 3 to G(W) and 3 -> 0 to G(A); then worker 0 is a common root"
    )


def test_different_roots_exit_1_naming_the_workers(tree: tuple[Path, Path]) -> None:
    w, a = tree
    a.write_text("0 1\n2 1\n")
    result = check("--w", w, "--a", a)
    assert result.exit_code == 1
    assert "w.txt, a.txt, 3 workers: the condition FAILS" in result.stdout
    found = lines(result)
    assert (found["roots of G(W)"], found["roots of G(A)"], found["common roots"]) == ("0", "1", "none")
    assert found["cut off"] == (
        "in G(W) worker 1 cannot reach: 0 in G(A) worker 0 cannot be reached from: 1, 2"
    )
    assert found["smallest mend"] == "add 1 -> 0 to G(A); then worker 0 is a common root"
    assert found["depth"] == "undefined without a common root"
    assert found["gamma_eff / gamma"] == "0"


def test_what_is_not_unique_is_undefined(tree: tuple[Path, Path]) -> None:
    w, a = tree
    w.write_text("1 2\n")
    found = lines(check("--w", w, "--a", a))
    assert found["psi, of W"] == "undefined: not unique without a root"
    assert found["pi, of A"] == "1 at worker 0, 0 elsewhere"
    assert found["gamma_eff / gamma"] == "undefined"


@pytest.mark.parametrize("kind", ["random-trees", "random-graphs", "directed-ring", "grid", "exponential"])
def test_five_thousand_workers_are_checked(kind: str) -> None:
    result = check("--kind", kind, "-n", 5000)
    assert result.exit_code == 0
    assert "the 5 busiest workers" in result.stdout


def test_json_says_the_same(tree: tuple[Path, Path]) -> None:
    w, a = tree
    a.write_text("0 1\n2 1\n")
    result = check("--w", w, "--a", a, "--json", "--bytes", "2 MB")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["holds"] is False
    (one,) = found["topologies"]
    assert one["label"] is None
    explained = one["explanation"]
    assert explained["mend"] == {"root": 0, "w": [], "a": [[1, 0]]}
    assert explained["missed"] == [
        {"graph": "W", "root": 1, "workers": [0]},
        {"graph": "A", "root": 0, "workers": [1, 2]},
    ]
    assert (explained["roots_w"], explained["roots_a"], explained["common_roots"]) == ([0], [1], [])
    assert (explained["messages"], explained["bytes"], explained["loops"]) == (4, 8e6, None)
    assert [load["psi"] for load in explained["loads"]] == [1, 0, 0]
    assert explained["bottleneck"]["worker"] == 0


def test_json_holds_null_for_what_is_undefined(tree: tuple[Path, Path]) -> None:
    w, a = tree
    explained = json.loads(check("--w", w, "--a", a, "-n", 4, "--json").stdout)["topologies"][0][
        "explanation"
    ]
    assert explained["step_factor"] is None
    assert explained["loads"][0]["psi"] is None


# ---------------------------------------------------------------------------------- matrices and GraphML
W3 = np.array([[1, 0, 0], [0.25, 0.75, 0], [0, 0.5, 0.5]])


@pytest.mark.parametrize("suffix", ["csv", "npz", "graphml"])
def test_matrices_are_checked(tmp_path: Path, suffix: str) -> None:
    w, a = tmp_path / f"w.{suffix}", tmp_path / f"a.{suffix}"
    for path, matrix in ((w, W3), (a, W3.T)):
        if suffix == "csv":
            np.savetxt(path, matrix, delimiter=",")
        elif suffix == "npz":
            np.savez(path, matrix)
        else:
            nx.write_graphml(nx.from_numpy_array(matrix.T, create_using=nx.DiGraph), path)
    result = check("--w-matrix", w, "--a-matrix", a)
    assert (result.exit_code, result.stderr) == (0, "")
    found = lines(result)
    assert found["sums of W"] == "rows sum to 1; columns to 0.5 (worker 2) .. 1.25 (worker 0)"
    assert found["gamma_eff / gamma"] == "3"
    assert found["longest loop"].startswith("4 hops: 2 -> 1 -> 0 as gradient")


def test_graphml_gives_edges(tmp_path: Path) -> None:
    graph = nx.DiGraph([(0, 1), (1, 2)])
    graph.add_node(3)
    w, a, e = (tmp_path / f"{name}.graphml" for name in "wae")
    nx.write_graphml(graph, w)
    nx.write_graphml(nx.relabel_nodes(graph.reverse(), {i: f"n{i}" for i in graph}), a)
    nx.write_graphml(graph.to_undirected(), e)
    result = check("--w", w, "--a", a)
    assert result.exit_code == 1, "worker 3 has no edges, and is counted"
    assert lines(result)["smallest mend"].startswith("add 0 -> 3 to G(W) and 3 -> 0 to G(A)")
    result = check("--edges", e)
    assert lines(result)["roots of G(W)"] == "none"
    for arguments, message in (
        (["--w", e, "--a", a], f"{e}: found an undirected graph; give it as edges"),
        (["--edges", w], f"{w}: found a directed graph; give it as w and a"),
        (["--w", w, "--a", a, "-n", 3], f"{w}: found 4 nodes; there are 3 workers"),
        (["--w-matrix", w, "--a-matrix", a], "found no weight; a number is needed"),
    ):
        result = check(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<graphml>", "cannot read"),
        ("", "cannot read"),
        (None, "No such file"),
        (NAMED, "found a node named 'alice'; nodes are workers"),
        (NAMED.replace("alice", "0").replace("bob", "2"), "there is no node for worker 1 of 2"),
    ],
)
def test_bad_graphml_is_one_message(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "g.graphml"
    if text is not None:
        path.write_text(text)
    result = check("--w", path, "--a", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert str(path) in result.stderr
    assert result.stderr.count("Error") == 1


def test_wrong_sums_and_zero_diagonals_are_explained(tmp_path: Path) -> None:
    """They are findings about the weights, not unreadable input: exit code 1, every offending row named."""
    w, a = tmp_path / "w.csv", tmp_path / "a.csv"
    w.write_text("1,0,0\n0.5,0,0.5\n0,0.6,0.5\n")
    np.savetxt(a, W3.T, delimiter=",")
    result = check("--w-matrix", w, "--a-matrix", a)
    assert result.exit_code == 1
    found = lines(result)
    assert found["wrong weights"] == (
        "entry [1, 1] is 0; every worker keeps a positive share of its own in W "
        "row 2 sums to 1.1; every row of W sums to 1 (within 1e-09)"
    )
    assert found["sums of W"].startswith("rows sum to 1 (worker 0) .. 1.1 (worker 2)")
    assert found["common roots"] == "0"
    assert found["psi, of W"] == "undefined: the weights are wrong"
    assert found["pi, of A"] == "1 at worker 0, 0 elsewhere"
    assert found["gamma_eff / gamma"] == "undefined"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,0\n0.5\n", "line 2: found 1 numbers; the first row has 2"),
        ("1,0\n0.5,x\n", "line 2: found '0.5,x'; write numbers separated by commas"),
        ("1,0,0\n0.5,0.5,0\n", "found shape (2, 3); a weight matrix is square"),
        ("1,0\nnan,1\n", "entry [1, 0] is nan; weights are finite numbers"),
        ("1,0\n-0.5,1.5\n", "entry [1, 0] is -0.5; weights are not negative"),
        ("", "found shape (0,); a weight matrix is square"),
    ],
)
def test_bad_matrices_are_one_message(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "w.csv"
    path.write_text(text)
    result = check("--w-matrix", path, "--a-matrix", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: topology.w_matrix: {path}")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "rign", "-n", "4"], "Error: topology.kind: found 'rign'; did you mean 'ring'?"),
        (
            ["--kind", "complete", "-n", "5000"],
            "5000 workers has 24,995,000 directed edges; it is made for at most",
        ),
        (["--kind", "line", "-n", "5", "--common-roots", "2"], "common_roots: only random-graphs takes it"),
        (["--kind", "hypercube", "-n", "6"], "Error: a hypercube needs a power of two of workers, not 6"),
        (["--kind", "line", "-n", "3", "--root", "3"], "worker 3 does not exist"),
        (["--w", "none.txt", "--a", "none.txt"], "Error: topology.w: cannot read none.txt: No such file"),
        (["--a", "none.txt"], "Error: topology: a pair needs both graphs; G(W) is missing"),
        (
            ["--kind", "ring", "-n", "3", "--bytes", "3 apples"],
            "Error: --bytes: '3 apples' is not a quantity",
        ),
        (["--kind", "ring"], "Error: --kind needs -n"),
        (["--kind", "ring", "-n", "0"], "Invalid value for '--workers' / '-n'"),
        (["--kind", "ring", "--w", "x", "-n", "3"], "kind 'ring' has its own edges"),
        ([], "Error: give one of"),
        (["scenario.yaml", "-n", "3"], "Error: a SCENARIO has its own"),
    ],
)
def test_bad_input_exits_2_with_one_message(arguments: list[str], message: str) -> None:
    result = check(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)


def test_a_bad_line_is_named(tree: tuple[Path, Path]) -> None:
    w, a = tree
    w.write_text("0 1\n1 one\n")
    result = check("--w", w, "--a", a)
    assert result.exit_code == 2
    assert f"Error: topology.w: {w}, line 2: found '1 one'" in result.stderr


# ----------------------------------------------------------------------------------- a whole scenario
PLUG_INS = """
from rfast_bench.api import Algorithm

class Idle(Algorithm):
    model = None

    def __init__(self, x0):
        pass

    def activities(self, node):
        return []

class Pair(Idle):
    needs, default_topology = "pair", "binary-tree"

class Undirected(Idle):
    needs, default_topology = "undirected", "ring"

class Bipartite(Idle):
    needs = "bipartite"

class Alone(Idle):
    pass
"""

SCENARIO = """
name: check-me
workers: 5
problem: {kind: quadratic}
compute: {kind: constant, mean: 1.0}
stop: {time: 10}
evaluate: {every: 1}
algorithms:
"""


def scenario(folder: Path, *algorithms: str) -> Path:
    (folder / "plug_ins.py").write_text(PLUG_INS)
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO + "".join(f"  - {{name: 'plug_ins.py:{a}}}\n" for a in algorithms))
    return path


def test_every_algorithm_of_a_scenario_is_checked(tmp_path: Path) -> None:
    path = scenario(tmp_path, "Pair'", "Undirected'", "Bipartite', topology: ring", "Alone'")
    result = check(path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Pair on binary-tree, 5 workers: the condition holds\n" in result.stdout
    assert "Undirected on ring, 5 workers: the condition holds\n" in result.stdout
    found = lines(result)
    assert (found["edges"], found["connected"], found["bipartite"]) == ("5", "yes", "no")
    assert found["sums of W"].endswith("rows sum to 1; columns to 1")
    assert "Bipartite: cannot run: ring of 5 is not bipartite: odd cycle" in result.stdout
    assert "Alone: needs no topology" in result.stdout


NETWORK = """
network:
  latency: 10 ms
  bandwidth: 1 Gbit/s
  message_bytes: 50 MB
  links: [{from: 1, to: 3, latency: 90 ms}]
"""


def test_a_scenario_s_network_tells_seconds(tmp_path: Path) -> None:
    path = scenario(tmp_path, "Pair'")
    path.write_text(
        path.read_text().replace("compute: {kind: constant, mean: 1.0}", "compute: 1.0" + NETWORK)
    )
    found = lines(check(path))
    assert found["traffic"] == "8 messages per iteration of all workers; 400 MB; a worker sends 1 to 3"
    assert found["bottleneck"] == (
        "worker 1's outgoing link: 3 messages per iteration, 1.2 s; a gradient takes 1 s, "
        "so that newer posts supersede waiting ones"
    )
    assert found["slowest edge"] == "1 -> 3: 490 ms a message"
    assert found["slowest loop"] == "1.72 s on links; a gradient takes 1 s", "0.41 three times, 0.49 once"
    explained = json.loads(check(path, "--json").stdout)["topologies"][0]["explanation"]
    assert explained["network"]["slowest"] == {"sender": 1, "receiver": 3, "seconds": pytest.approx(0.49)}
    assert explained["bottleneck"]["seconds"] == pytest.approx(1.2)


def test_one_unsound_algorithm_fails_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "e.txt").write_text("0 1\n2 3\n")
    path = scenario(tmp_path, "Undirected', topology: {edges: e.txt}", "Pair'")
    result = check(path)
    assert result.exit_code == 1
    assert "Undirected on e.txt, 5 workers: the condition FAILS" in result.stdout
    found = lines(result)
    assert found["connected"] == "no"
    assert found["smallest mend"] == "add 0 - 2, 0 - 4"
    assert "worker 0 cannot reach: 2, 3, 4" in found["cut off"]
    assert "Pair on binary-tree" in result.stdout


def test_bad_topologies_of_a_scenario_exit_2_naming_the_key(tmp_path: Path) -> None:
    path = scenario(tmp_path, "Pair', topology: lin")
    result = check(path)
    assert result.exit_code == 2
    where = f"Error: {path}: algorithms.Pair.topology.kind: "
    assert f"{where}found 'lin'; did you mean 'line'?" in result.stderr
    result = check(scenario(tmp_path, "Bipartite'"))
    assert result.exit_code == 2
    assert f"{path}: algorithms.Bipartite.topology: missing" in result.stderr


def test_the_group_is_a_click_group() -> None:
    assert isinstance(topology, click.Group)
    assert "check" in topology.list_commands(click.Context(topology))


def test_a_check_sees_the_own_shares_that_a_run_has(tmp_path: Path) -> None:
    """γ_eff / γ of uniform weights and equal degrees is a_ii."""
    own = {"name": "r-fast", "own_share_w": 0.6, "own_share_a": 0.7, "topology": "exponential"}
    peer = {"name": "r-fast-one-peer", "topology": "exponential"}
    path = write(tmp_path, workers=4, algorithms=[{**one, "step_size": 0.1} for one in (own, peer)])
    done = call("topology", "check", path, "--json")
    assert done.exit_code == 0, done.output
    found = [one["explanation"]["step_factor"] for one in json.loads(done.output)["topologies"]]
    assert found == pytest.approx([0.7, 0.5])
