"""Loops, depths, sums and loads of random pairs, against their definitions in matrices."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.topology.checks.explanation import explain
from rfast_bench.topology.random_pairs import pair_with_common_roots
from tests.support.graphs import dense_a, dense_w, named, topology
from tests.support.oracle import EdgeSet


def hops(n: int, edges: EdgeSet) -> NDArray[np.float64]:
    """[j, i]: the fewest edges from j to i (Floyd and Warshall)."""
    far = np.full((n, n), inf)
    np.fill_diagonal(far, 0)
    for j, i in edges:
        far[j, i] = 1
    for k in range(n):
        far = np.minimum(far, far[:, [k]] + far[[k], :])
    return far


def test_loops_and_depths_are_those_of_the_definition() -> None:
    random = Random(11)
    several = 0
    for _ in range(150):
        n = random.randint(1, 9)
        w, a = pair_with_common_roots(n, random.randint(1, n), random)
        found = explain(topology(n, w, a)).loops
        assert found is not None
        out, back = hops(n, w), hops(n, a)
        longest = {r: (out[r, :] + back[:, r]).max() for r in range(n)}
        assert found.longest == min(longest.values()) == longest[found.root]
        assert (found.depth_w, found.depth_a) == (out[found.root, :].max(), back[:, found.root].max())
        gradient, model = found.gradient_path, found.model_path
        assert gradient[0] == model[-1]
        assert gradient[-1] == model[0] == found.root
        assert set(pairwise(gradient)) <= set(a)
        assert set(pairwise(model)) <= set(w)
        assert len(gradient) + len(model) - 2 == found.longest
        several += found.best_of > 1
    assert several > 50


def test_sums_and_loads_are_those_of_the_matrices() -> None:
    random = Random(12)
    for _ in range(50):
        n = random.randint(1, 9)
        built = topology(n, *pair_with_common_roots(n, 1, random))
        found = explain(built)
        for name, matrix in (("W", dense_w(built)), ("A", dense_a(built))):
            for ours, axis in ((found.sums[name].rows, 1), (found.sums[name].columns, 0)):
                sums = matrix.sum(axis=axis)
                assert (ours.smallest, ours.largest) == pytest.approx((sums.min(), sums.max()))
                assert sums[ours.smallest_at] == pytest.approx(sums.min())
                assert sums[ours.largest_at] == pytest.approx(sums.max())
        for load in found.loads:
            i = load.worker
            assert load.in_W == np.count_nonzero(dense_w(built)[i, :]) - 1
            assert load.out_W == np.count_nonzero(dense_w(built)[:, i]) - 1
            assert load.in_A == np.count_nonzero(dense_a(built)[i, :]) - 1
            assert load.out_A == np.count_nonzero(dense_a(built)[:, i]) - 1
            assert (load.sent, load.received) == (load.out_W + load.out_A, load.in_W + load.in_A)
        assert found.messages == sum(load.received for load in found.loads) == sum(found.edges.values())


def test_the_best_of_many_roots_is_taken_where_they_can_be_compared() -> None:
    """On a path, both ways in both graphs, the middle is best; on a huge one the lowest root is taken."""
    path = [(i, i + 1) for i in range(10)]
    both = path + [(i, j) for j, i in path]
    found = explain(topology(11, both, both)).loops
    assert found is not None
    assert (found.root, found.longest, found.best_of) == (5, 10, 11)
    found = explain(named("ring", 2000)).loops
    assert found is not None
    assert (found.root, found.longest, found.best_of) == (0, 2000, 1)


def test_the_slowest_loop_takes_the_fastest_way() -> None:
    """Straight from 0 to 2 costs 9 s, by way of 1 it costs 2 s."""
    pair = topology(3, [(0, 1), (1, 2), (0, 2)], [(1, 0), (2, 0)])
    network = NetworkSpec.model_validate({"latency": 1, "links": [{"from": 0, "to": 2, "latency": 9}]})
    found = explain(pair, network).network
    assert found is not None
    assert found.longest_loop == 3
    assert found.slowest is not None
    assert (found.slowest.sender, found.slowest.receiver, found.slowest.seconds) == (0, 2, 9)


def test_the_busiest_link_depends_on_bandwidth() -> None:
    network = NetworkSpec.model_validate(
        {"bandwidth": 100, "message_bytes": 50, "links": [{"from": 6, "to": 2, "bandwidth": 10}]}
    )
    tree = named("binary-tree", 7)
    assert (explain(tree).bottleneck.worker, explain(tree).bottleneck.seconds) == (1, None)
    found = explain(tree, network).bottleneck
    assert (found.worker, found.workers, found.messages, found.seconds) == (6, 1, 1, 5.0)


def test_one_worker_alone_is_explained() -> None:
    found = explain(named("binary-tree", 1))
    assert found.holds
    assert found.messages == 0
    assert found.loops is not None
    assert (found.loops.longest, found.loops.gradient_path, found.step_factor) == (0, [0], 1.0)
