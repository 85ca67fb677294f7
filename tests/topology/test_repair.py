"""The condition and its mends against brute force: 2 000 random pairs, and all smaller sets of edges."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from random import Random

import numpy as np
import pytest
from scipy.sparse import csc_array

from rfast_bench.topology.graphs import Edges, both_ways
from rfast_bench.topology.mixing import _walked, metropolis
from rfast_bench.topology.random_pairs import pair_failing_on, pair_with_common_roots
from rfast_bench.topology.repair import mend_undirected
from rfast_bench.topology.topology import Topology
from tests.support.graphs import dense_a, dense_w, named, topology
from tests.support.oracle import EdgeSet, perron, roots_a, roots_w

Pair = tuple[int, Edges, Edges]


def by_chance(n: int, random: Random) -> Edges:
    likely = random.choice([0.05, 0.1, 0.2, 0.4])
    return [(j, i) for j in range(n) for i in range(n) if i != j and random.random() < likely]


def random_pairs(count: int, largest: int, seed: int) -> Iterator[Pair]:
    """Pairs with edges by chance, and pairs made to hold, to fail on one side, or to share no root."""
    random = Random(seed)
    for k in range(count):
        n = random.randint(2, largest)
        if k % 2:
            yield n, by_chance(n, random), by_chance(n, random)
        elif k % 4:
            yield n, *pair_with_common_roots(n, random.randint(0, 2), random)
        else:
            yield n, *pair_failing_on(n, random.choice(["W", "A"]), random)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Pair, Topology]]:
    return [((n, w, a), topology(n, w, a)) for n, w, a in random_pairs(2000, 12, seed=7)]


def test_verdict_and_root_sets_are_those_of_the_oracle(pairs: list[tuple[Pair, Topology]]) -> None:
    seen: Counter[tuple[bool, bool, bool]] = Counter()
    for (n, w, a), found in pairs:
        assert found.roots_w == roots_w(n, w)
        assert found.roots_a == roots_a(n, a)
        assert found.common_roots == roots_w(n, w) & roots_a(n, a)
        assert bool(found.flaw) == (not found.common_roots)
        seen[bool(found.roots_w), bool(found.roots_a), bool(found.common_roots)] += 1
    assert len(seen) == 5, "all five ways to hold and to fail"
    assert min(seen.values()) > 80


def test_every_mend_applied_makes_the_check_pass(pairs: list[tuple[Pair, Topology]]) -> None:
    for (n, w, a), found in pairs:
        mend = found.mend
        assert (mend.size == 0) == bool(found.common_roots)
        assert not set(mend.w) & set(w)
        assert not set(mend.a) & set(a)
        mended = topology(n, [*w, *mend.w], [*a, *mend.a])
        assert mend.root in mended.common_roots
        assert mend.root in roots_w(n, [*w, *mend.w]) & roots_a(n, [*a, *mend.a])
        assert mended.flaw == ""


# ------------------------------------------------------------------------------- no smaller set does
def absent(n: int, edges: EdgeSet) -> Edges:
    return [(j, i) for j in range(n) for i in range(n) if i != j and (j, i) not in edges]


@cache
def fewest_for_each_root(n: int, edges: frozenset[tuple[int, int]]) -> dict[int, int]:
    """For each worker the fewest edges that make it a root of G(W): by trying all sets, small ones first."""
    fewest: dict[int, int] = {}
    for size in range(n):
        for added in combinations(absent(n, edges), size):
            for root in roots_by_bits(n, (*edges, *added)):
                fewest.setdefault(root, size)
        if len(fewest) == n:
            return fewest
    raise AssertionError("n - 1 edges make any worker a root")


def roots_by_bits(n: int, edges: EdgeSet) -> list[int]:
    """The workers from which every worker can be reached; quick enough to be asked a million times."""
    after = [1 << i for i in range(n)]
    for j, i in edges:
        after[j] |= 1 << i
    for k in range(n):  # Warshall
        for j in range(n):
            if after[j] >> k & 1:
                after[j] |= after[k]
    return [j for j in range(n) if after[j] == (1 << n) - 1]


def smallest_by_brute_force(n: int, w: EdgeSet, a: EdgeSet) -> int:
    """Edges of one graph do nothing for the other, so that each side is tried on its own, root by root."""
    of_w = fewest_for_each_root(n, frozenset(w))
    of_a = fewest_for_each_root(n, frozenset((i, j) for j, i in a))
    return min(of_w[root] + of_a[root] for root in range(n))


def test_no_smaller_set_of_edges_does() -> None:
    sizes: Counter[int] = Counter()
    for n, w, a in random_pairs(260, 6, seed=8):
        mend = topology(n, w, a).mend
        assert mend.size == smallest_by_brute_force(n, w, a), (n, w, a)
        sizes[mend.size] += 1
    assert sizes[0] > 20
    assert sum(count for size, count in sizes.items() if size >= 3) > 20


def test_no_smaller_set_does_with_both_graphs_tried_together() -> None:
    """Up to 4 workers all sets of edges of both graphs at once; a subset that did would stay good when it grows."""
    failing = 0
    for n, w, a in random_pairs(150, 4, seed=9):
        mend = topology(n, w, a).mend
        if mend.size == 0:
            continue
        failing += 1
        every = [("W", edge) for edge in absent(n, w)] + [("A", edge) for edge in absent(n, a)]
        for added in combinations(every, mend.size - 1):
            from_w = roots_by_bits(n, [*w, *(edge for side, edge in added if side == "W")])
            to_a = roots_by_bits(n, [(i, j) for j, i in [*a, *(edge for side, edge in added if side == "A")]])
            assert not set(from_w) & set(to_a)
    assert failing > 50


def test_one_sided_failures_are_mended_on_that_side() -> None:
    random = Random(10)
    for _ in range(100):
        n = random.randint(2, 8)
        mend = topology(n, *pair_failing_on(n, "A", random)).mend
        assert mend.a
        assert not mend.w


def test_undirected_parts_are_joined_by_one_edge_less_than_there_are() -> None:
    parts = [(0, 3), (1, 2), (4, 5)]
    neighbours = metropolis(7, both_ways(parts))
    mend = mend_undirected(neighbours)
    assert (mend.w, mend.a) == ([(0, 1), (0, 4), (0, 6)], [])
    assert roots_w(7, both_ways([*parts, *mend.w])) == set(range(7))


# ------------------------------------------------------------------------------- psi, pi, gamma_eff
def test_perron_vectors_are_numpy_s(pairs: list[tuple[Pair, Topology]]) -> None:
    compared = undefined = 0
    for (n, _, _), found in pairs:
        W, A = dense_w(found), dense_a(found)
        assert (found.psi is None) == (not found.roots_w)
        assert (found.pi is None) == (not found.roots_a)
        for own, matrix in ((found.psi, W.T), (found.pi, A)):
            if own is not None:
                vector = np.array([own.get(i, 0.0) for i in range(n)])
                assert vector == pytest.approx(perron(matrix), abs=1e-10)
        if found.psi is None or found.pi is None:
            assert math.isnan(found.step_factor)
            undefined += 1
            continue
        expected = n * np.sum(perron(W.T) * np.diag(A) * perron(A))
        assert found.step_factor == pytest.approx(expected, abs=1e-10)
        compared += 1
    assert compared > 500
    assert undefined > 500


@pytest.mark.parametrize("n", [2, 7, 31, 100])
def test_steps_of_trees_and_rings(n: int) -> None:
    assert named("binary-tree", n).step_factor == pytest.approx(n, rel=1e-12)
    assert named("directed-ring", n).step_factor == pytest.approx(0.5, rel=1e-12)


def test_walking_finds_the_vectors_of_large_graphs_too() -> None:
    """From 500 workers on, where the sparse solver would fill in: still numpy's to 1e-10."""
    random = Random(13)
    n = 520
    w, a = ([(j, i) for j in range(n) for i in random.sample(range(n), 12) if i != j] for _ in "WA")
    found = topology(n, w, a)
    assert found.psi is not None
    assert found.pi is not None
    assert _walked(_inflow(found)) is not None
    assert [found.psi.get(i, 0.0) for i in range(n)] == pytest.approx(perron(dense_w(found).T), abs=1e-10)
    assert [found.pi.get(i, 0.0) for i in range(n)] == pytest.approx(perron(dense_a(found)), abs=1e-10)


def _inflow(found: Topology) -> csc_array:
    return csc_array(dense_a(found))
