"""Edge lists as other programs leave them: what is read, what is said of it, what is refused."""

from __future__ import annotations

import time
from pathlib import Path

import networkx as nx
import pytest

from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.edge_lists import Read, read_all

RING = [(0, 1), (1, 2), (2, 0)]


def read(folder: Path, text: str | bytes, workers: int | None = None, directed: bool = False) -> Read:
    path = folder / "e.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_all({"edges": path}, "topology", workers, directed)


@pytest.mark.parametrize("workers", [None, 3])
@pytest.mark.parametrize(
    "text",
    [
        "0 1\n1 2\n2 0\n",
        "0,1\n1,2\n2,0\n",
        "0, 1\n1, 2\n2, 0\n",
        "0;1\n1;2\n2;0\n",
        "0\t1\n1\t2\n2\t0\n",
        "0 1 {}\n1 2 {}\n2 0 {}\n",
        "0,1,{}\n1,2,{}\n2,0,{}\n",
        "3\n0 1\n1 2\n2 0\n",
        "3 3\n0 1\n1 2\n2 0\n",
        "source,target\n0,1\n1,2\n2,0\n",
        "From;To\n0;1\n1;2\n2;0\n",
        "target\tsource\n1\t0\n2\t1\n0\t2\n",
        ",source,target\n0,0,1\n1,1,2\n2,2,0\n",
        "one end,other end\n0,1\n1,2\n2,0\n",
        ",one end,other end\n7,0,1\n8,1,2\n9,2,0\n",
        "sep=;\n0;1\n1;2\n2;0\n",
        '"0","1"\n"1","2"\n"2","0"\n',
        "0.0,1.0\n1.0,2.0\n2.0,0.0\n",
        "node0 node1\nnode1 node2\nnode2 node0\n",
        "# from to\n0 1 # near\n\n% KONECT\n1 2\n2 0\n",
        "0 1\r\n1 2\r\n2 0\r\n",
        b"\xef\xbb\xbf0 1\n1 2\n2 0\n",
        "  0   1  \n\t1\t2\n2 0",
    ],
)
def test_the_ring_of_three_is_read_in_every_form(
    tmp_path: Path, text: str | bytes, workers: int | None
) -> None:
    found = read(tmp_path, text, workers)
    assert (found.edges["edges"], found.workers, found.notes) == (RING, 3, ())


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("1 2\n2 3\n3 1\n", "numbered from 1; read as workers 0 to 2"),
        ("source,target\n1,2\n2,3\n3,1\n", "numbered from 1; read as workers 0 to 2"),
        ("3\n1 2\n2 3\n3 1\n", "numbered from 1; read as workers 0 to 2"),
        ("worker-1 worker-2\nworker-2 worker-3\nworker-3 worker-1\n", "numbered from 1; read as"),
        ("0 1\n1 2\n2 0\n1 1\n", "an edge of a worker to itself is left out"),
        ("0 1\n1 2\n2 0\n1 1\n2 2\n", "2 edges of workers to themselves are left out"),
        ("3\n0 1\n1 2\n2 0\n1 0\n2 1\n0 2\n", "3 edges come both ways; an undirected one counts once"),
        (
            "0 1 0.5\n1 2 0.5\n2 0 0.5\n",
            "what is not used (its third column); weights of your own come as a m",
        ),
        ("0;1;0,5\n1;2;0,5\n2;0;0,5\n", "what is not used (its third column)"),
        ("0 1 {'weight': 0.5}\n1 2 {'weight': 0.5}\n2 0 {'weight': 0.5}\n", "what is not used (weight)"),
        ("0 1 1 1082040961\n1 2 1 2\n2 0 1 3\n", "what is not used (its further columns)"),
        ("Source,Target,Type\n0,1,Undirected\n1,2,Undirected\n2,0,Undirected\n", "(column 'Type')"),
        ("a b\nb c\nc a\n", "workers are named; in the order of the alphabet 0 is a, 1 is b, 2 is c"),
        ("u v\nv w\nw u\n", "workers are named; in the order of the alphabet 0 is u, 1 is v, 2 is w"),
        (
            "source,target\nKiel 1,Kiel 2\nKiel 2,Kiel 10\nKiel 10,Kiel 1\n",
            "0 is Kiel 1, 1 is Kiel 2, 2 is Kiel 10",
        ),
        ("10.0.0.7 10.0.0.8\n10.0.0.8 10.0.0.9\n10.0.0.9 10.0.0.7\n", "0 is 10.0.0.7, 1 is 10.0.0.8"),
    ],
)
def test_what_is_not_taken_as_it_stands_is_noted_once(tmp_path: Path, text: str, note: str) -> None:
    for workers in (None, 3):
        found = read(tmp_path, text, workers)
        assert (found.edges["edges"], found.workers) == (RING, 3)
        assert len(found.notes) == 1
        assert found.notes[0].startswith("e.txt: ")
        assert note in found.notes[0]


def test_what_networkx_writes_is_read(tmp_path: Path) -> None:
    graph = nx.cycle_graph(5)
    path = tmp_path / "e.txt"
    for write in (nx.write_edgelist, nx.write_adjlist):
        write(graph, path)
        if write is nx.write_edgelist:
            found = read_all({"edges": path}, "topology", directed=False)
            assert {frozenset(edge) for edge in found.edges["edges"]} == set(map(frozenset, graph.edges))
    nx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.25), "weight")
    nx.write_weighted_edgelist(graph, path)
    assert len(read_all({"edges": path}, "topology", directed=False).edges["edges"]) == 5


def test_the_files_of_a_pair_are_numbered_together(tmp_path: Path) -> None:
    """Of A alone nobody knows where its numbers begin, and c would be worker 1."""
    w, a = tmp_path / "w.txt", tmp_path / "a.txt"
    w.write_text("1 2\n2 3\n")
    a.write_text("3 2\n2 1\n")
    assert build(TopologySpec(w=w, a=a), 3, "pair").common_roots == {0}
    a.write_text("3 2\n")
    assert read_all({"w": w, "a": a}, "topology", 3).edges == {"w": [(0, 1), (1, 2)], "a": [(2, 1)]}
    a.write_text("2 0\n")
    assert read_all({"w": w, "a": a}, "topology").edges["w"] == [(1, 2), (2, 3)]
    w.write_text("a b\nb c\n")
    a.write_text("c a\n")
    with pytest.raises(UserError, match=r"a\.txt: found 2 names and not 'b'; there are 3 workers"):
        read_all({"w": w, "a": a}, "topology")
    a.write_text("2 0\n")
    with pytest.raises(
        UserError, match=r"a\.txt, line 1: found '2 0'; write 'from to'.*or all by their names"
    ):
        read_all({"w": w, "a": a}, "topology")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1\n1 near\n", "line 2: found '1 near'; write 'from to'"),
        ("0 1 {\n", "line 1: found '0 1 {'"),
        ("0 1 {'weight': open('x')}\n", "line 1: found"),
        ("0 1 [2]\n", "line 1: found"),
        ("hello\n", "line 1: found 'hello'"),
        ("source,target\n0\n", "line 2: found '0'"),
        ("4\n0 1\n1 2\n", "says that there are 4 nodes; there are 3 workers"),
        ("a b\n", "found 2 names; there are 3 workers. Where workers are named, each file names all"),
        ("0 3\n", "worker 3 does not exist; there are workers 0 to 2"),
        ("0 1\n0 1\n", "line 2: the edge '0 1' is already on line 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=r"topology\.edges: .*e\.txt") as refusal:
        read(tmp_path, text, 3)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (",", "line 1: found ','"),
        ("0 1", "line 2: the edge '0 1' is already on line 1"),
        ("a,b,c", "is already on line"),
    ],
)
def test_a_million_lines_are_not_read_where_the_first_are_wrong(
    tmp_path: Path, line: str, message: str
) -> None:
    began = time.process_time()
    with pytest.raises(UserError, match=message):
        read(tmp_path, f"{line}\n" * 10**6)
    assert time.process_time() - began < 1.5


def test_self_loops_may_repeat(tmp_path: Path) -> None:
    assert read(tmp_path, "0 1\n1 1\n1 1\n").edges["edges"] == [(0, 1)]


def test_a_count_keeps_workers_that_no_edge_names(tmp_path: Path) -> None:
    assert read(tmp_path, "5\n0 1\n").workers == 5
    assert read(tmp_path, "5\n1 5\n").edges["edges"] == [(0, 4)]
