"""Graphs, weights and the common-root condition, against definitions worked out by brute force."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from pathlib import Path
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.api import Needs
from rfast_bench.errors import CannotRun, Unsound, UserError
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.scenario.values.base import Spec
from rfast_bench.topology import graphs
from rfast_bench.topology.build import build
from rfast_bench.topology.connectivity import two_colouring
from rfast_bench.topology.mixing import Weights, stationary
from rfast_bench.topology.random_pairs import random_tree
from rfast_bench.topology.topology import Topology
from tests.support.graphs import dense_a, dense_w, named
from tests.support.oracle import EdgeSet, perron, reachable

SIZES = (1, 2, 3, 7, 8, 64)
Case = tuple[int, EdgeSet, EdgeSet]
CASES = st.integers(1, 8).flatmap(
    lambda n: st.tuples(st.just(n), *[st.sets(st.tuples(*[st.integers(0, n - 1)] * 2)) for _ in "WA"])
)


def write_edges(path: Path, edges: EdgeSet) -> Path:
    path.write_text("".join(f"{j} {i}\n" for j, i in edges))
    return path


def write_matrix(path: Path, matrix: object) -> Path:
    np.savetxt(path, np.asarray(matrix, dtype=float), delimiter=",", fmt="%.17g")
    return path


def file_pair(folder: Path, n: int, w: EdgeSet, a: EdgeSet) -> Topology:
    spec = TopologySpec(w=write_edges(folder / "w.txt", w), a=write_edges(folder / "a.txt", a))
    return build(spec, n, "pair", allow_unsound=True)


# ------------------------------------------------------------------------------------------ the condition
def test_roots_are_those_of_the_definition(tmp_path: Path) -> None:
    random = Random(1)
    seen: Counter[bool] = Counter()
    for _ in range(300):
        n = random.randint(1, 8)
        likely = random.choice([0.1, 0.2, 0.4])
        every = [(j, i) for j in range(n) for i in range(n) if i != j]
        w, a = ([edge for edge in every if random.random() < likely] for _ in "WA")
        topology = file_pair(tmp_path, n, w, a)
        from_w, to_a = reachable(n, w), reachable(n, a)
        assert topology.roots_w == {r for r in range(n) if from_w[r, :].all()}
        assert topology.roots_a == {r for r in range(n) if to_a[:, r].all()}
        assert topology.common_roots == topology.roots_w & topology.roots_a
        assert topology.sound == bool(topology.common_roots)
        assert bool(topology.flaw) != topology.sound
        seen[topology.sound] += 1
    assert min(seen[True], seen[False]) > 50


def test_edges_point_from_sender_to_receiver(tmp_path: Path) -> None:
    topology = file_pair(tmp_path, 3, w=[(0, 1), (1, 2)], a=[(2, 1), (1, 0)])
    assert (topology.in_W(1), topology.out_W(1)) == ((0,), (2,))
    assert (topology.in_A(1), topology.out_A(1)) == ((2,), (0,))
    assert topology.roots_w == topology.roots_a == {0}
    assert topology.W[1] == {0: 0.5, 1: 0.5}
    assert topology.A[1] == {0: 0.5, 1: 0.5}
    assert topology.A[0] == {0: 1.0}
    assert set(topology.graph_w().edges) == {(0, 1), (1, 2)}
    assert set(topology.graph_a().edges) == {(2, 1), (1, 0)}


@settings(deadline=None)
@given(CASES)
def test_neighbour_lists_agree_with_the_weights(
    case: Case,
) -> None:
    n, w, a = case
    w, a = ({(j, i) for j, i in edges if i != j} for edges in (w, a))
    topology = Topology(
        "t", n, True, graphs_weights(n, graphs.reverse(w)), graphs_weights(n, a), side=(0,) * n
    )
    for i in range(n):
        assert topology.in_W(i) == tuple(sorted(j for j, to in w if to == i))
        assert topology.out_W(i) == tuple(sorted(to for j, to in w if j == i))
        assert topology.in_A(i) == tuple(sorted(j for j, to in a if to == i))
        assert topology.out_A(i) == tuple(sorted(to for j, to in a if j == i))
    assert set(topology.graph_w().edges) == w
    assert set(topology.graph_a().edges) == a
    assert len(topology.graph_a()) == n


def graphs_weights(n: int, steps: EdgeSet) -> Weights:
    rows = [{i, *(to for j, to in steps if j == i)} for i in range(n)]
    return tuple({j: 1 / len(row) for j in row} for row in rows)


def test_a_pair_without_a_common_root_is_refused_with_both_root_sets(tmp_path: Path) -> None:
    w = write_edges(tmp_path / "w.txt", [(0, 1), (1, 2)])
    a = write_edges(tmp_path / "a.txt", [(0, 1), (2, 1)])
    with pytest.raises(Unsound) as refusal:
        build(TopologySpec(w=w, a=a), 3, "pair", where="algorithms.0.topology")
    message = str(refusal.value)
    assert message.startswith("algorithms.0.topology: w.txt, a.txt: no common root")
    assert "roots of G(W): 0; roots of G(A): 1" in message
    assert "in G(W) worker 1 cannot reach: 0" in message
    assert "in G(A) worker 0 cannot be reached from: 1, 2" in message


def test_every_candidate_is_named_the_best_first(tmp_path: Path) -> None:
    topology = file_pair(tmp_path, 5, w=[(0, 4), (1, 2), (2, 3)], a=[(i, 0) for i in range(1, 5)])
    lines = topology.flaw.splitlines()
    assert lines[0] == "no common root: roots of G(W): none; roots of G(A): 0"
    assert lines[1:] == [
        "  in G(W) worker 1 cannot reach: 0, 4",
        "  in G(W) worker 0 cannot reach: 1, 2, 3",
        "  smallest mend: add 0 -> 1 to G(W); then worker 0 is a common root",
    ]


def test_long_complaints_are_cut_short(tmp_path: Path) -> None:
    topology = file_pair(tmp_path, 40, w=[], a=[])
    assert len(topology.flaw.splitlines()) < 20
    assert "and 34 more" in topology.flaw


def test_a_disconnected_undirected_graph_is_refused(tmp_path: Path) -> None:
    spec = TopologySpec(edges=write_edges(tmp_path / "e.txt", [(0, 1), (3, 2)]))
    with pytest.raises(Unsound, match=r"not connected; its 2 parts: 0, 1 \| 2, 3"):
        build(spec, 4, "bipartite")
    allowed = build(spec, 4, "undirected", allow_unsound=True)
    assert (allowed.sound, allowed.side) == (False, (0, 1, 0, 1))
    assert math.isnan(allowed.step_factor)


# ------------------------------------------------------------------------------------------ the step factor
def test_step_factor_is_that_of_the_perron_vectors(tmp_path: Path) -> None:
    random = Random(2)
    compared = 0
    for _ in range(150):
        n = random.randint(1, 8)
        every = [(j, i) for j in range(n) for i in range(n) if i != j]
        w, a = ([edge for edge in every if random.random() < 0.35] for _ in "WA")
        topology = file_pair(tmp_path, n, w, a)
        if not (topology.roots_w and topology.roots_a):
            assert math.isnan(topology.step_factor)
            assert math.isnan(topology.whole_step_factor)
            continue
        W, A = dense_w(topology), dense_a(topology)
        expected = n * np.sum(perron(W.T) * np.diag(A) * perron(A))
        assert topology.step_factor == pytest.approx(expected, abs=1e-12)
        whole = n * perron(W.T) @ perron(A)
        assert topology.whole_step_factor == pytest.approx(whole, abs=1e-12)
        compared += 1
    assert compared > 50


@pytest.mark.parametrize(
    ("kind", "n", "factor"),
    [
        *[(kind, n, n) for kind in ("binary-tree", "line", "star", "random-trees") for n in (1, 2, 7)],
        ("directed-ring", 7, 1 / 2),
        ("exponential", 7, 1 / 4),
        ("complete", 7, 1 / 7),
        ("ring", 7, 1 / 3),
        ("hypercube", 4096, 1 / 13),
        ("binary-tree", 4096, 4096),
    ],
)
def test_step_factors_of_named_pairs(kind: str, n: int, factor: float) -> None:
    assert named(kind, n).step_factor == pytest.approx(factor, rel=1e-12)


def test_the_sparse_solver_finds_a_large_stationary_distribution() -> None:
    random = Random(3)
    n = 4000
    steps = [(i, (i + 1) % n) for i in range(n)] + [(random.randrange(n), 0) for _ in range(50)]
    chain = graphs_weights(n, steps[:n] + [(i, j) for i, j in steps[n:] if i])
    x = stationary(chain, frozenset(range(n)))
    flow = [0.0] * n
    for i, row in enumerate(chain):
        for j, share in row.items():
            flow[j] += share * x[i]
    assert flow == pytest.approx([x[i] for i in range(n)], abs=1e-15)
    assert sum(x.values()) == pytest.approx(1)
    assert max(x.values()) > 1.01 * min(x.values())


# ---------------------------------------------------------------------------------------------- named kinds
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("kind", graphs.KINDS)
def test_every_kind_is_a_sound_stochastic_pair(kind: str, n: int) -> None:
    if kind == "hypercube" and n & (n - 1):
        with pytest.raises(CannotRun, match="power of two"):
            named(kind, n)
        return
    topology = named(kind, n)
    W, A = dense_w(topology), dense_a(topology)
    assert topology.sound
    assert 0 in topology.common_roots
    assert np.allclose(W.sum(axis=1), 1)
    assert np.allclose(A.sum(axis=0), 1)
    assert (np.diag(W) > 0).all()
    assert (np.diag(A) > 0).all()
    assert all(list(row) == sorted(row) for row in (*topology.W, *topology.A))
    for i in range(n):
        assert topology.W[i] == dict.fromkeys(topology.W[i], 1 / (1 + len(topology.in_W(i))))
        assert topology.A[i] == dict.fromkeys(topology.A[i], 1 / (1 + len(topology.out_A(i))))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("kind", graphs.UNDIRECTED_KINDS)
def test_every_undirected_kind_has_metropolis_weights(kind: str, n: int) -> None:
    if kind == "hypercube" and n & (n - 1):
        with pytest.raises(CannotRun, match="power of two"):
            named(kind, n, "undirected")
        return
    topology = named(kind, n, "undirected")
    W = dense_w(topology)
    assert topology.sound
    assert (W == W.T).all()
    assert (dense_a(topology) == W).all()
    assert np.allclose(W.sum(axis=0), 1)
    assert (np.diag(W) > 0).all()
    degree = [len(topology.in_W(i)) for i in range(n)]
    for j, i in topology.graph_w().edges:
        assert topology.W[i][j] == 1 / (1 + max(degree[i], degree[j]))


@pytest.mark.parametrize("n", SIZES)
def test_trees_have_the_given_root_and_n_minus_1_edges(n: int) -> None:
    root = n // 2
    for kind in sorted(graphs.ROOTED - {"random-graphs"}):
        topology = named(kind, n, root=root, seed=5 * (kind == "random-trees"))
        assert topology.roots_w == topology.roots_a == {root}
        assert topology.graph_w().number_of_edges() == topology.graph_a().number_of_edges() == n - 1


def test_edges_of_the_directed_kinds() -> None:
    assert set(named("binary-tree", 6).graph_w().edges) == {(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)}
    assert set(named("line", 3, root=1).graph_w().edges) == {(1, 2), (2, 0)}
    assert set(named("star", 3).graph_a().edges) == {(1, 0), (2, 0)}
    assert named("directed-ring", 3).out_A(2) == (0,)
    assert named("directed-ring", 2).out_W(1) == (0,)
    assert named("exponential", 7).out_W(5) == (0, 2, 6)
    assert named("exponential", 8).out_W(0) == (1, 2, 4)
    assert named("exponential", 9).out_W(0) == (1, 2, 4, 8)


def test_edges_of_the_undirected_kinds() -> None:
    assert named("ring", 2, "undirected").in_W(0) == (1,)
    assert named("ring", 2, "undirected").graph_w().number_of_edges() == 2
    assert named("ring", 5, "undirected").in_W(0) == (1, 4)
    assert named("grid", 6, "undirected").in_W(1) == (0, 2, 4)
    assert [named("grid", 7, "undirected").in_W(i) for i in (0, 6)] == [(1,), (5,)]
    assert named("torus", 12, "undirected").in_W(0) == (1, 3, 4, 8)
    assert [named("torus", n, "undirected").in_W(0) for n in (1, 2, 4, 7)] == [(), (1,), (1, 2), (1, 6)]
    assert named("hypercube", 8, "undirected").in_W(5) == (1, 4, 7)
    assert named("complete", 4, "undirected").in_W(2) == (0, 1, 3)
    assert named("line", 3, "undirected").in_W(1) == (0, 2)
    assert named("line", 3, "undirected", root=1).in_W(2) == (0, 1)
    assert named("bipartite-exponential", 10, "bipartite").in_W(0) == (1, 3, 5, 9)


@pytest.mark.parametrize("n", [4, 12, 36, 64])
def test_grid_is_networkx_s_grid(n: int) -> None:
    rows = max(r for r in range(1, n) if n % r == 0 and r * r <= n)
    expected = nx.grid_2d_graph(rows, n // rows)
    assert nx.is_isomorphic(named("grid", n, "undirected").graph_w().to_undirected(), expected)


@pytest.mark.parametrize("n", [9, 12, 36, 64])
def test_torus_is_networkx_s_periodic_grid(n: int) -> None:
    rows = max(r for r in range(1, n) if n % r == 0 and r * r <= n)
    expected = nx.grid_2d_graph(rows, n // rows, periodic=True)
    assert nx.is_isomorphic(named("torus", n, "undirected").graph_w().to_undirected(), expected)


@pytest.mark.parametrize("n", range(1, 41))
def test_bipartite_exponential_is_bipartite_and_connected(n: int) -> None:
    topology = named("bipartite-exponential", n, "bipartite")
    graph = topology.graph_w().to_undirected()
    assert nx.is_connected(graph)
    assert nx.is_bipartite(graph)
    assert topology.side == tuple(i % 2 for i in range(n))


def test_random_trees_are_seeded_and_independent() -> None:
    one, again, other = (named("random-trees", 30, seed=s, root=4) for s in (0, 0, 1))
    assert one == again
    assert one.W != other.W
    assert set(one.graph_w().edges) != set(one.graph_a().reverse().edges)


def test_random_trees_are_uniform() -> None:
    """Cayley: 16 labelled trees on 4 workers, each with one orientation away from the root."""
    random = Random(4)
    drawn = Counter(frozenset(random_tree(4, 2, random)) for _ in range(4800))
    assert len(drawn) == 16
    assert all(200 < count < 400 for count in drawn.values())


@pytest.mark.parametrize("kind", ["ring", "binary-tree", "random-trees", "grid", "line"])
def test_large_topologies_build(kind: str) -> None:
    topology = named(kind, 4096)
    assert topology.graph_w().number_of_edges() <= 4 * 4096
    assert topology.sound


def test_nothing_is_edgeless() -> None:
    topology = build(TopologySpec(kind="binary-tree"), 3, "nothing")
    assert (topology.n, topology.sound, topology.side) == (3, True, (0, 0, 0))
    assert topology.W == topology.A == ({0: 1.0}, {1: 1.0}, {2: 1.0})
    assert topology.in_W(1) == topology.out_A(1) == ()


def test_a_topology_travels_between_processes() -> None:
    topology = named("binary-tree", 7)
    copy = pickle.loads(pickle.dumps(topology))
    assert copy == topology
    assert copy.in_A(0) == (1, 2)


# ------------------------------------------------------------------------------------- what does not apply
@pytest.mark.parametrize(
    "kind", ["binary-tree", "directed-ring", "exponential", "random-trees", "random-graphs"]
)
def test_undirected_algorithms_cannot_run_on_directed_kinds(kind: str) -> None:
    with pytest.raises(CannotRun, match=f"{kind} is a pair of directed graphs"):
        named(kind, 4, "undirected")


def test_undirected_algorithms_cannot_run_on_a_file_pair(tmp_path: Path) -> None:
    edges = write_edges(tmp_path / "e.txt", [(0, 1), (1, 0)])
    with pytest.raises(CannotRun, match="directed pair"):
        build(TopologySpec(w=edges, a=edges), 2, "undirected")


def test_an_odd_cycle_is_named() -> None:
    with pytest.raises(CannotRun, match=r"^ring of 7 is not bipartite: odd cycle [-0-9 ]* \(7 workers\)$"):
        named("ring", 7, "bipartite")
    with pytest.raises(CannotRun, match=r"- \.\.\. - \d+ \(101 workers\)$"):
        named("ring", 101, "bipartite")
    assert named("ring", 7, "undirected").side == (0,) * 7
    assert named("ring", 8, "bipartite").side == (0, 1) * 4


@settings(deadline=None)
@given(CASES)
def test_two_colouring_or_a_true_odd_cycle(
    case: Case,
) -> None:
    n, edges, _ = case
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((j, i) for j, i in edges if i != j)
    sides, cycle = two_colouring([list(graph[i]) for i in range(n)])
    assert nx.is_bipartite(graph) == (not cycle)
    if cycle:
        assert len(cycle) % 2 == 1
        assert len(set(cycle)) == len(cycle)
        assert all(graph.has_edge(i, j) for i, j in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert not any(sides)
    else:
        assert all(sides[i] != sides[j] for i, j in graph.edges)
        assert sides[0] == 0


# ------------------------------------------------------------------------------------------------- the spec
def test_a_bare_string_is_a_kind() -> None:
    class Scenario(Spec):
        topology: TopologySpec

    assert Scenario.model_validate({"topology": "ring"}).topology == TopologySpec(kind="ring")


def test_paths_start_at_the_scenario_folder(tmp_path: Path) -> None:
    write_edges(tmp_path / "e.txt", [(0, 1)])
    spec = TopologySpec.model_validate({"edges": "e.txt"}, context={"folder": tmp_path})
    assert spec.kind == "file"
    topology = build(spec, 2, "bipartite")
    assert (topology.name, topology.side) == ("e.txt", (0, 1))
    assert build(spec, 2, "pair").roots_a == {0, 1}


def test_comments_blank_lines_and_tabs_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "e.txt"
    path.write_text("# a ring\n\n0\t1  # trailing\n  1   2\n2 0\n")
    assert build(TopologySpec(w=path, a=path), 3, "pair").out_W(2) == (0,)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "binary-tre"}, r"t.kind: found 'binary-tre'; did you mean 'binary-tree'\? Allowed: "),
        ({"kind": "ring", "edges": "e"}, r"t.edges: kind 'ring' has its own edges"),
        ({"edges": "e", "w": "e"}, r"t.edges: give either edges .* or w and a"),
        ({}, r"t: give a kind, or files"),
        ({"kind": "line", "common_roots": 2}, r"t.common_roots: only random-graphs takes it"),
        (
            {"kind": "ring", "root": 1},
            r"t.root: only binary-tree, line, random-graphs, random-trees, star take a root",
        ),
        ({"kind": "line", "root": 4}, r"t.root: worker 4 does not exist; there are workers 0 to 3"),
        ({"kind": "line", "root": -1}, r"t.root: worker -1 does not exist"),
        ({"w": "missing.txt"}, r"t.w: cannot read missing.txt: No such file"),
    ],
)
def test_contradictory_keys_are_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(TopologySpec.model_validate(keys), 4, "pair", where="t")


def test_no_workers_are_refused() -> None:
    with pytest.raises(UserError, match="found 0 workers"):
        named("ring", 0)


# ------------------------------------------------------------------------------------------ bad edge lists
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1\n1 4\n", r"line 2: worker 4 does not exist; there are workers 0 to 3"),
        ("0 1\n\n# c\n2 x\n", r"line 4: found '2 x'"),
        ("0 1\n1 2\n0 1\n", r"line 3: the edge '0 1' is already on line 1"),
        ("0 1 near\n", r"line 1: found '0 1 near'; write 'from to'"),
        ("0\n", r"line 1: found '0'"),
        ("-1 2\n", r"line 1: found '-1 2'"),
        ("0 ²\n", r"line 1: found '0 ²'"),
        (f"0 {'9' * 5000}\n", r"line 1: found"),
    ],
)
def test_bad_edge_lists_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "w.txt"
    path.write_text(text, encoding="utf-8")
    for spec in (TopologySpec(w=path, a=path), TopologySpec(edges=path)):
        with pytest.raises(UserError, match=message) as refusal:
            build(spec, 4, "pair")
        assert f"{path}, line" in str(refusal.value)


def test_an_undirected_edge_is_named_once(tmp_path: Path) -> None:
    path = write_edges(tmp_path / "e.txt", [(0, 1), (1, 0)])
    assert build(TopologySpec(w=path, a=path), 2, "pair").sound
    both = build(TopologySpec(edges=path), 2, "undirected")
    assert both.in_W(0) == (1,)
    assert both.notes == ("e.txt: an edge comes both ways; an undirected one counts once",)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_unreadable_edge_lists(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "e.txt"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"topology.edges: cannot read .*e.txt"):
        build(TopologySpec(edges=path), 2, "undirected")


def test_a_pair_needs_both_graphs(tmp_path: Path) -> None:
    path = write_edges(tmp_path / "e.txt", [(0, 1)])
    with pytest.raises(UserError, match=r"G\(A\) is missing: give a or a_matrix"):
        build(TopologySpec(w=path), 2, "pair")
    with pytest.raises(UserError, match=r"G\(W\) is missing: give w or w_matrix"):
        build(TopologySpec(a=path), 2, "pair")


# ------------------------------------------------------------------------------------------ given matrices
W3 = [[1, 0, 0], [0.25, 0.75, 0], [0, 0.5, 0.5]]
A3 = [[1, 0.3, 0], [0, 0.7, 0.4], [0, 0, 0.6]]
S3 = [[0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.2, 0.1, 0.7]]


@pytest.mark.parametrize("suffix", ["csv", "npy", "npz"])
def test_given_matrices_are_taken_as_they_are(tmp_path: Path, suffix: str) -> None:
    paths = {}
    for key, matrix in (("w_matrix", W3), ("a_matrix", A3)):
        paths[key] = tmp_path / f"{key}.{suffix}"
        if suffix == "csv":
            write_matrix(paths[key], matrix)
        elif suffix == "npy":
            np.save(paths[key], np.array(matrix))
        else:
            np.savez(paths[key], np.array(matrix))
    topology = build(TopologySpec.model_validate(paths), 3, "pair")
    assert (dense_w(topology) == np.array(W3)).all()
    assert (dense_a(topology) == np.array(A3)).all()
    assert topology.roots_w == topology.roots_a == {0}
    assert topology.step_factor == pytest.approx(3)


def test_matrices_must_fit_the_edge_lists(tmp_path: Path) -> None:
    w, w_matrix = write_edges(tmp_path / "w.txt", [(0, 1), (1, 2)]), write_matrix(tmp_path / "w.csv", W3)
    a, a_matrix = write_edges(tmp_path / "a.txt", [(2, 1), (1, 0)]), write_matrix(tmp_path / "a.csv", A3)
    topology = build(TopologySpec(w=w, a=a, w_matrix=w_matrix, a_matrix=a_matrix), 3, "pair")
    assert topology.W[1] == {0: 0.25, 1: 0.75}
    assert topology.A[2] == {1: 0.4, 2: 0.6}
    with pytest.raises(UserError, match=r"a.csv: entry \[1, 0\] is 0, but there is an edge 0 -> 1"):
        build(TopologySpec(w=w, a=w, a_matrix=a_matrix), 3, "pair")
    write_edges(w, [(0, 1), (1, 2), (2, 0)])
    with pytest.raises(UserError, match=r"w.csv: entry \[0, 2\] is 0, but there is an edge 2 -> 0"):
        build(TopologySpec(w=w, a=a, w_matrix=w_matrix), 3, "pair")


def test_a_matrix_gives_a_named_kind_its_weights(tmp_path: Path) -> None:
    path = write_matrix(tmp_path / "w.csv", W3)
    assert build(TopologySpec(kind="line", w_matrix=path), 3, "pair").W[1] == {0: 0.25, 1: 0.75}
    with pytest.raises(UserError, match="there is an edge 0 -> 2"):
        build(TopologySpec(kind="star", w_matrix=path), 3, "pair")


@pytest.mark.parametrize("needs", ["undirected", "pair"])
def test_a_w_matrix_alone_is_undirected(tmp_path: Path, needs: Needs) -> None:
    spec = TopologySpec(w_matrix=write_matrix(tmp_path / "w.csv", S3))
    topology = build(spec, 3, needs)
    assert (dense_w(topology) == np.array(S3)).all()
    assert (dense_a(topology) == np.array(S3)).all()
    write_matrix(tmp_path / "w.csv", W3)
    with pytest.raises(UserError, match=r"entry \[0, 1\] is 0 and entry \[1, 0\] is 0.25; .* symmetric"):
        build(spec, 3, needs)


def test_undirected_weights_must_fit_the_edges(tmp_path: Path) -> None:
    spec = TopologySpec(kind="line", w_matrix=write_matrix(tmp_path / "w.csv", S3))
    with pytest.raises(UserError, match=r"entry \[2, 0\] is 0.2, but there is no edge 0 -> 2"):
        build(spec, 3, "undirected")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.5,0.5\n0.6,0.5\n", r"row 1 sums to 1.1; every row of W sums to 1"),
        ("0.5,0.50000001\n0.5,0.5\n", r"row 0 sums to 1.00000001"),
        ("0,1\n0.5,0.5\n", r"entry \[0, 0\] is 0; every worker keeps a positive share"),
        ("1.5,-0.5\n0.5,0.5\n", r"entry \[0, 1\] is -0.5; weights are not negative"),
        ("1e308,1e308\n0.5,0.5\n", r"entry \[0, 0\] is 1e\+308; weights are at most 1e\+06"),
        ("0.5,0.5\n0.5,nan\n", r"entry \[1, 1\] is nan; weights are finite"),
        ("inf,0.5\n0.5,0.5\n", r"entry \[0, 0\] is inf; weights are finite"),
        ("0.5,0.5\n", r"found shape \(1, 2\); a weight matrix is square"),
        ("", r"found shape \(0,\); a weight matrix is square"),
        ("1\n", r"found 1 rows and columns; there are 2 workers"),
        ("0.5,0.5\n1\n", r"line 2: found 1 numbers; the first row has 2"),
        ("0.5,x\n0.5,0.5\n", r"line 1: found '0.5,x'; write numbers"),
    ],
)
def test_bad_matrices_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "w.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as refusal:
        build(TopologySpec(w_matrix=path, a_matrix=path), 2, "pair")
    assert str(refusal.value).startswith(f"topology.w_matrix: {path}")


def test_columns_of_a_sum_to_1(tmp_path: Path) -> None:
    w, a = write_matrix(tmp_path / "w.csv", W3), write_matrix(tmp_path / "a.csv", W3)
    with pytest.raises(UserError, match=r"topology.a_matrix: .*column 0 sums to 1.25; every column of A"):
        build(TopologySpec(w_matrix=w, a_matrix=a), 3, "pair")


def test_binary_files_that_hold_no_matrix(tmp_path: Path) -> None:
    for name, content in (("g.npy", b"garbage"), ("empty.npy", b""), ("g.npz", b"PK\x03\x04")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"topology.w_matrix: cannot read .*{name}"):
            build(TopologySpec(w_matrix=tmp_path / name), 2, "undirected")
    np.savez(tmp_path / "two.npz", np.eye(2), np.eye(2))
    with pytest.raises(UserError, match="found 2 arrays"):
        build(TopologySpec(w_matrix=tmp_path / "two.npz"), 2, "undirected")
    np.save(tmp_path / "complex.npy", np.eye(2) * 1j)
    with pytest.raises(UserError, match="complex128; weights are real"):
        build(TopologySpec(w_matrix=tmp_path / "complex.npy"), 2, "undirected")
