"""Random pairs are what they promise: their roots are counted by brute force."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Literal

import pytest

from rfast_bench.errors import CannotRun
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.random_pairs import (
    graph_with_sources,
    pair_failing_on,
    pair_with_common_roots,
    tree_pair,
)
from tests.support.oracle import roots_a, roots_w


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_tree_pairs_have_their_one_root(n: int) -> None:
    random = Random(n)
    for _ in range(30):
        root = random.randrange(n)
        w, a = tree_pair(n, root, random)
        assert len(w) == len(a) == n - 1
        assert roots_w(n, w) == roots_a(n, a) == {root}


def test_tree_pairs_are_uniform() -> None:
    """Three trees on three workers a side: nine pairs, each as likely."""
    random = Random(5)
    drawn = Counter(tuple(frozenset(edges) for edges in tree_pair(3, 1, random)) for _ in range(4500))
    assert len(drawn) == 9
    assert all(400 < count < 600 for count in drawn.values())


@pytest.mark.parametrize("n", [1, 2, 3, 5, 9])
def test_common_roots_are_as_many_as_asked(n: int) -> None:
    random = Random(n)
    extra = 0
    for common in range(n + 1):
        if n == 1 and not common:
            continue
        for _ in range(20):
            w, a = pair_with_common_roots(n, common, random, root=n - 1 if common else None)
            both = roots_w(n, w) & roots_a(n, a)
            assert len(both) == common
            assert (n - 1 in both) or not common
            assert roots_w(n, w)
            assert roots_a(n, a)
            extra += len(roots_w(n, w)) > common
    assert extra > 5 or n == 1, "there are also roots that are not common"


@pytest.mark.parametrize("side", ["W", "A"])
def test_exactly_one_side_fails(side: Literal["W", "A"]) -> None:
    random = Random(6)
    for _ in range(200):
        n = random.randint(2, 9)
        w, a = pair_failing_on(n, side, random)
        assert bool(roots_w(n, w)) == (side == "A")
        assert bool(roots_a(n, a)) == (side == "W")


def test_edges_are_an_edge_list() -> None:
    for seed in range(50):
        edges = graph_with_sources(7, [[0, 1, 2], [5]], Random(seed))
        assert len(set(edges)) == len(edges)
        assert all(0 <= j < 7 and 0 <= i < 7 and i != j for j, i in edges)


def test_what_cannot_be_is_refused() -> None:
    for n, common in ((3, 4), (1, 0)):
        with pytest.raises(ValueError, match="common roots"):
            pair_with_common_roots(n, common, Random(0))
    with pytest.raises(ValueError, match="one worker"):
        pair_failing_on(1, "W", Random(0))


def test_random_graphs_are_a_kind() -> None:
    spec = TopologySpec(kind="random-graphs", common_roots=3, root=4, seed=8)
    built = build(spec, 9, "pair")
    assert len(built.common_roots) == 3
    assert 4 in built.common_roots
    assert built == build(spec, 9, "pair")
    assert built.W != build(spec.model_copy(update={"seed": 9}), 9, "pair").W
    with pytest.raises(CannotRun, match="2 workers cannot have 3 common roots"):
        build(TopologySpec(kind="random-graphs", common_roots=3), 2, "pair")
