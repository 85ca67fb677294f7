"""Files of a stranger that a scenario or a command names: refused by one message, at once, with nothing executed.

Each is a kind that `python -m benchmarks.fuzz` found, or that is easily made.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rfast_bench.errors import LONGEST, LONGEST_LINE, UserError
from rfast_bench.files import read_bytes
from rfast_bench.plan.runs import load_points
from rfast_bench.problems.data.datasets import Data, load
from rfast_bench.problems.data.owned import by_file
from rfast_bench.scenario import systems
from rfast_bench.scenario.problem import data as specs
from rfast_bench.scenario.reading import read_yaml
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.study.checking.called import checked
from rfast_bench.topology.checks import verdicts
from tests.scenario.test_bounds import SMALL

LONG = "x" * 200_000
WIDE = ",".join(map(str, range(150_000))) + "\n"


def refused(read: Callable[[], object]) -> str:
    began = time.process_time()
    with pytest.raises(UserError) as told:
        read()
    assert time.process_time() - began < 2.0
    return str(told.value)


def planned(folder: Path, **changes: Any) -> str:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return refused(lambda: load_points(path))


def a_file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", ["0, " + LONG + "\n1, 0\n", '"' + LONG + '"\n'])
def test_a_field_without_end(text: str, tmp_path: Path) -> None:
    a_file(tmp_path / "t.csv", text)
    assert "field larger than field limit" in planned(tmp_path, network={"latency_matrix": "t.csv"})
    a_file(tmp_path / "t.csv", "worker,down,up\n1," + LONG + ",2\n")
    assert "field larger than field limit" in planned(tmp_path, faults={"path": "t.csv"})
    path = a_file(tmp_path / "e.txt", "0,1\n1," + LONG + "\n")
    said = refused(lambda: verdicts.of_spec(TopologySpec(edges=path), None))
    assert said.endswith("e.txt, line 2: field larger than field limit (131072)")


def test_a_number_of_very_many_digits_with_a_unit(tmp_path: Path) -> None:
    a_file(tmp_path / "t.csv", "worker,down,up\n" + "9" * 45_000 + ",1 s,2\n")
    assert "worker" in planned(tmp_path, faults={"path": "t.csv"})
    assert "is not a quantity in seconds" in planned(tmp_path, compute="9" * 45_000 + " s")


@pytest.mark.parametrize("text", ["12:30:45", "1:30", "1:30.5"])
def test_a_time_of_the_day_is_no_number(text: str, tmp_path: Path) -> None:
    """YAML 1.1 takes 12:30:45 for 45045."""
    path = a_file(tmp_path / "s.yaml", f"{yaml.safe_dump(SMALL)}seeds: {text}\n")
    assert f"seeds: expected a whole number (found '{text}')" in refused(lambda: load_points(path))


def test_a_table_of_very_many_columns(tmp_path: Path) -> None:
    path = a_file(tmp_path / "t.csv", WIDE * 2)
    compute = {"kind": "empirical", "path": "t.csv", "column": "a"}
    assert "more than 100000 columns" in planned(tmp_path, compute=compute)
    spec = specs.CsvSpec(kind="csv", path=path, target="0")
    assert "more than 100000 columns" in refused(lambda: load(spec, 0, "float64", "problem"))


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"]
)
def test_what_has_no_end_or_never_begins(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "t.csv")
    path = tmp_path / "t.csv"
    assert "it is no file" in planned(tmp_path, compute={"kind": "empirical", "path": "t.csv", "column": "a"})
    assert "it is no file" in planned(tmp_path, network={"latency_matrix": "t.csv"})
    assert "it is no file" in planned(tmp_path, faults={"path": "t.csv"})
    assert "it is no file" in refused(lambda: read_yaml(path))
    for spec in (
        specs.CsvSpec(kind="csv", path=path, target="y"),
        specs.NpzSpec(kind="npz", path=path),
        specs.TextSpec(kind="text", path=path),
    ):
        assert "it is no file" in refused(partial(load, spec, 0, "float64", "problem", shaped=True))
    graph = TopologySpec(edges=path)
    assert "it is no file" in refused(lambda: verdicts.of_spec(graph, None))


@pytest.mark.parametrize("tagged", ["!!bool x", "!!timestamp 1", "!!map [1]", "!!omap [a: 1]", "!!set {a}"])
def test_what_is_tagged_as_what_it_is_not(tagged: str, tmp_path: Path) -> None:
    path = a_file(tmp_path / "s.yaml", f"name: {tagged}\n")
    assert "leave the tag out" in refused(lambda: read_yaml(path))


def test_a_profile_whose_sources_are_a_list(tmp_path: Path) -> None:
    path = a_file(
        tmp_path / "p.yaml", "description: d\ncompute: 1 s\nnetwork: {latency: 1 s}\nsources: [a]\n"
    )
    assert "sources: expected a mapping" in refused(lambda: systems.load(path))


def test_a_parameter_that_is_no_number(tmp_path: Path) -> None:
    assert "--parameters" in refused(lambda: checked("r-fast", ["step_size=" + "9" * 5000], tmp_path))


# ---------------------------------------------------------------------------------------------------- graphs
def test_more_workers_than_there_can_be(tmp_path: Path) -> None:
    path = a_file(tmp_path / "e.txt", "0 999999999\n")
    assert "worker 999999999 does not exist" in refused(
        lambda: verdicts.of_spec(TopologySpec(edges=path), None)
    )
    assert "at most 100000" in refused(lambda: verdicts.of_spec(TopologySpec(kind="line"), 10**18))


def test_a_diagonal_of_nothing_is_explained(tmp_path: Path) -> None:
    path = a_file(tmp_path / "w.csv", "0,1\n1,0\n")
    (check,) = verdicts.of_spec(TopologySpec(w_matrix=path), None)
    assert check.explanation is not None


def npy(shape: object, data: bytes = b"") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return out.getvalue() + data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy((10**6, 10**6)), "it says that it is float64 of shape"),
        (npy((-2, 2), bytes(32)), "its shape is"),
        (npy((2, 2), bytes(8)), "it ends before its 4 numbers do"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr': '<f8'\n", "cannot read"),
        (b"PK\x03\x04", "archive"),
        (b"", "cannot read"),
    ],
    ids=range(6),
)
def test_a_matrix_that_is_not_what_it_says(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "w.npy").write_bytes(content)
    assert words in refused(lambda: verdicts.of_spec(TopologySpec(w_matrix=tmp_path / "w.npy"), None))


# --------------------------------------------------------------------------------------------------- samples
def test_an_archive_of_nothing_but_zeros(tmp_path: Path) -> None:
    """Half a megabyte that is half a gigabyte."""
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("X.npy", "w") as file:
            file.write(npy((2**19, 2**7)))
            for _ in range(2**9):
                file.write(bytes(2**20))
        archive.writestr("y.npy", npy((2,), bytes(16)))
    spec = specs.NpzSpec(kind="npz", path=tmp_path / "d.npz")
    assert "packed into" in refused(lambda: load(spec, 0, "float64", "problem"))


def test_images_whose_head_says_more_than_is_read(tmp_path: Path) -> None:
    for part in ("train", "t10k"):
        head = bytes([0, 0, 8, 3]) + (2**31).to_bytes(4, "big") * 3
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head))
    spec = specs.ImagesSpec(kind="mnist", path=tmp_path)
    assert "at most 1000000000 are read" in refused(lambda: load(spec, 0, "float64", "problem", shaped=True))


SHARED = b"\x80\x02}q\x00(X\x06\x00\x00\x00labels]q\x01K\x01a"
for _k in range(1, 30):
    SHARED += b"](" + b"h%c" % _k * 9 + b"eq%c" % (_k + 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x02]r\xff\xff\xff\x0f.", "it numbers its parts up to 268435455"),
        (SHARED + b"s.", "it comes back to its parts"),
        (b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.", "out of nothing"),
        (pickle.dumps({b"data": [[0] * 3072], b"labels": [0]}), "'data' is no array"),
        (pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10**400, None]}), "no"),
    ],
    ids=range(5),
)
def test_a_pickle_that_would_take_much(content: bytes, words: str, tmp_path: Path) -> None:
    for stem in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        (tmp_path / stem).write_bytes(content)
    spec = specs.ImagesSpec(kind="cifar-10", path=tmp_path)
    assert words in refused(lambda: load(spec, 0, "float64", "problem", shaped=True))


def test_rows_nested_without_end(tmp_path: Path) -> None:
    path = a_file(tmp_path / "rows.json", "[" * 100_000)
    assert "malformed" in refused(lambda: by_file(path, _rows(), 2, False, "problem.partition"))


def _rows() -> Data:
    every = np.arange(4)
    return Data(np.zeros((4, 1)), every % 2, np.zeros((0, 1)), every[:0], 2, None, every, None)


# -------------------------------------------------------------------------------------------------- messages
def test_a_message_stays_one_that_can_be_read(tmp_path: Path) -> None:
    path = a_file(tmp_path / "e.txt", LONG)
    said = refused(lambda: verdicts.of_spec(TopologySpec(edges=path), None))
    assert len(said) < LONGEST_LINE + 10
    assert said.startswith("topology.edges")
    assert len(str(UserError("\n".join(json.dumps(k) for k in range(10_000))))) < 2000
    many = str(UserError("\n".join(f"{k}{'x' * 5000}" for k in range(50))))
    assert len(many) < LONGEST + 1000
    assert many.endswith(f"and {50 - many.count('xxx ... xxx')} lines more")


def test_a_bound_on_what_is_read(tmp_path: Path) -> None:
    path = a_file(tmp_path / "t.txt", "12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_bytes(path, 4)
