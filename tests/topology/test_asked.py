"""`rfast_bench.topology.check` and `design`: as the commands, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import rfast_bench
from rfast_bench.errors import UserError
from rfast_bench.topology.checks.asked import check
from rfast_bench.topology.designs.asked import design


def test_it_is_what_the_package_offers() -> None:
    assert rfast_bench.topology.check is check
    assert rfast_bench.topology.design is design


def test_it_says_what_the_command_prints() -> None:
    from tests.support.command_line import call

    found = check("binary-tree", 7)
    assert (found.sound, found.roots_w, found.roots_a, found.common_roots) == (True, [0], [0], [0])
    printed = call("topology", "check", "--kind", "binary-tree", "-n", 7).output
    assert str(found).rstrip() == printed.rstrip()


@pytest.mark.parametrize("form", ["pairs", "graph", "file"])
def test_graphs_of_ones_own(form: str, tmp_path: Path) -> None:
    pairs = [(0, 1), (1, 2)]
    (tmp_path / "w.txt").write_text("0 1\n1 2\n")
    w: Any = {"pairs": pairs, "graph": nx.DiGraph(pairs), "file": tmp_path / "w.txt"}[form]
    assert check({"w": w, "a": [(1, 0), (2, 1)]}).common_roots == [0]
    assert not check({"w": w, "a": [(0, 1), (2, 1)]}).sound


def test_matrices_of_ones_own() -> None:
    found = check({"w_matrix": np.array([[1, 0], [0.5, 0.5]]), "a_matrix": np.array([[1, 0.5], [0, 0.5]])})
    assert found.common_roots == [0]
    assert found.explanations[0].weight_flaws == []


@pytest.mark.parametrize(
    ("topology", "workers", "words"),
    [
        ("binary-tree", None, "a kind needs the number of workers"),
        ("binari-tree", 4, "binary-tree"),
        ({"w": [(0, 1)]}, None, "needs both graphs"),
        ({"kind": "line", "seed": 1.5j}, 3, r"topology.seed: found a complex"),
        ({"wat": 3}, 3, "wat"),
    ],
)
def test_bad_input_is_told(topology: Any, workers: int | None, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check(topology, workers)


def test_a_design_is_optimal_where_that_can_be_known() -> None:
    found = design([[0, 1, 4], [1, 0, 1], [4, 1, 0]])
    assert (found.root, found.value, found.gap) == (1, 2.0, 0.0)
    assert sorted(found.w) == [(1, 0), (1, 2)]
    with pytest.raises(UserError, match=r"latency: expected a square array, found shape \(2, 3\)"):
        design(np.zeros((2, 3)))
    with pytest.raises(UserError, match="sending: expected shape"):
        design(np.ones((3, 3)), np.ones((2, 2)))
    with pytest.raises(UserError, match="latency: expected seconds of at least 0"):
        design([[0, -1], [1, 0]])
