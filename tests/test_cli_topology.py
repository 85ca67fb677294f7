"""`topology check`: what it prints and how it exits."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from rfast_bench.cli_topology import topology


def check(*arguments: object) -> Result:
    return CliRunner().invoke(topology, ["check", *map(str, arguments)])


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, Path]:
    w, a = tmp_path / "w.txt", tmp_path / "a.txt"
    w.write_text("0 1\n1 2\n")
    a.write_text("1 0\n2 1\n")
    return w, a


def test_a_sound_kind_exits_0() -> None:
    result = check("--kind", "binary-tree", "-n", 7)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "binary-tree, 7 workers",
        "  roots of G(W): 0",
        "  roots of G(A): 0",
        "  common roots: 0",
        "  depth from worker 0: G(W) 2, G(A) 2",
        "  nominal step factor: 7",
        "  the condition holds",
    ]


def test_root_and_seed_are_passed_on() -> None:
    result = check("--kind", "random-trees", "-n", 9, "--root", 5, "--seed", 3)
    assert result.exit_code == 0
    assert "common roots: 5" in result.stdout


def test_files_count_their_workers(tree: tuple[Path, Path]) -> None:
    w, a = tree
    result = check("--w", w, "--a", a)
    assert result.exit_code == 0
    assert "w.txt, a.txt, 3 workers" in result.stdout
    assert "depth from worker 0: G(W) 2, G(A) 2" in result.stdout


def test_depths_differ_between_the_graphs(tree: tuple[Path, Path]) -> None:
    w, a = tree
    a.write_text("1 0\n2 0\n")
    assert "depth from worker 0: G(W) 2, G(A) 1" in check("--w", w, "--a", a).stdout


def test_a_worker_too_many_is_unsound(tree: tuple[Path, Path]) -> None:
    w, a = tree
    result = check("--w", w, "--a", a, "-n", 4)
    assert result.exit_code == 1
    assert "in G(W) worker 0 cannot reach: 3" in result.stdout
    assert "in G(A) worker 0 cannot be reached from: 3" in result.stdout


def test_different_roots_exit_1_naming_the_workers(tree: tuple[Path, Path]) -> None:
    w, a = tree
    a.write_text("0 1\n2 1\n")
    result = check("--w", w, "--a", a)
    assert result.exit_code == 1
    assert "roots of G(W): 0\n  roots of G(A): 1\n  common roots: none\n" in result.stdout
    assert "the condition FAILS: no common root" in result.stdout
    assert "in G(W) worker 1 cannot reach: 0" in result.stdout
    assert "in G(A) worker 0 cannot be reached from: 1, 2" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "rign", "-n", "4"], "Error: topology.kind: found 'rign'; did you mean 'ring'?"),
        (["--kind", "hypercube", "-n", "6"], "Error: a hypercube needs a power of two of workers, not 6"),
        (["--kind", "line", "-n", "3", "--root", "3"], "worker 3 does not exist"),
        (["--w", "none.txt", "--a", "none.txt"], "Error: --w: cannot read none.txt: No such file"),
        (["--w", "none.txt"], "Error: a pair needs both --w and --a"),
        (["--kind", "ring"], "Error: --kind needs -n"),
        (["--kind", "ring", "-n", "0"], "Invalid value for '-n'"),
        (["--kind", "ring", "--w", "x", "-n", "3"], "Error: give one of"),
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
    w.write_text("0 1\n1 1\n")
    result = check("--w", w, "--a", a)
    assert result.exit_code == 2
    assert f"Error: --w: {w}, line 2: worker 1 has an edge to itself" in result.stderr


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
    assert "Pair on binary-tree, 5 workers\n  roots of G(W): 0\n" in result.stdout
    assert "Undirected on ring, 5 workers\n  connected: yes\n  bipartite: no\n" in result.stdout
    assert "Bipartite: cannot run: ring of 5 is not bipartite: odd cycle" in result.stdout
    assert "Alone: needs no topology" in result.stdout


def test_one_unsound_algorithm_fails_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "e.txt").write_text("0 1\n2 3\n")
    path = scenario(tmp_path, "Undirected', topology: {edges: e.txt}", "Pair'")
    result = check(path)
    assert result.exit_code == 1
    assert "FAILS: the graph is not connected; its 3 parts: 0, 1 | 2, 3 | 4" in result.stdout
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
    assert "check" in topology.commands
