"""Tables with an index column or holes, numbers as targets, and the readers of image, writer and text files."""

from __future__ import annotations

import gzip
import json
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.io import savemat

from rfast_bench.errors import UserError
from rfast_bench.problems.data.datasets import Data, load
from rfast_bench.scenario.problem import data_folders
from rfast_bench.scenario.problem.data import DatasetSpec

DATASET: TypeAdapter[Any] = TypeAdapter(DatasetSpec)


def read(dataset: Any, fraction: float = 0.0, task: Any = None, shaped: bool = True) -> Data:
    return load(DATASET.validate_python(dataset), fraction, "float64", "problem", task=task, shaped=shaped)


def csv(folder: Path, text: str, target: str = "label") -> dict[str, Any]:
    (folder / "d.csv").write_text(text)
    return {"kind": "csv", "path": folder / "d.csv", "target": target}


# ------------------------------------------------------------------------------------------------------- tables
def rows(first: str, numbers: Any) -> str:
    return "\n".join([f"{first},a,label", *(f"{k},{k * 7 % 5}.5,{k % 2}" for k in numbers)])


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("", range(8)),
        ("", range(1, 9)),
        ("", [3, 0, 2, 7]),
        ("Unnamed: 0", range(8)),
        ("index", range(8)),
        ("Id", range(1, 9)),
        ("sample_id", range(8)),
        ("age", range(100, 120)),
        ("t", range(-3, 5)),
    ],
)
def test_a_column_that_numbers_rows_is_refused(tmp_path: Path, name: str, numbers: Any) -> None:
    with pytest.raises(UserError, match=r"problem\.dataset\.path: .*is the number of the row .*index=False"):
        read(csv(tmp_path, rows(name, numbers)))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("index", [5, 3, 3, 4]), ("age", [1, 2, 3, 5]), ("age", [1, 2]), ("t", [4, 3, 2]), ("", [1, 1, 2, 2])],
)
def test_a_column_that_only_looks_like_it_is_a_feature(tmp_path: Path, name: str, numbers: Any) -> None:
    assert read(csv(tmp_path, rows(name, numbers))).features.shape[1] == 2


def test_columns_may_be_kept_and_left_out(tmp_path: Path) -> None:
    text = "day,client,a,label\n1,ann,3,0\n2,bob,1,1\n3,bob,4,0\n4,ann,1,1\n"
    whole = csv(tmp_path, text) | {"keep": ["day"], "drop": "client"}
    assert read(whole).features.shape == (4, 2)
    assert read(whole | {"keep": [], "drop": ["client", "day"]}).features.shape == (4, 1)
    spec = DATASET.validate_python(whole)
    owned = load(spec, 0.0, "float64", "problem", owner="client", shaped=True)
    assert owned.owners is not None
    assert owned.owners.tolist() == ["ann", "bob", "bob", "ann"]
    assert owned.features.shape == (4, 2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"keep": "day"},
            r"column 'client' .* not numeric: 'ann' in line 2; .* by dataset\.drop: \['client'\]",
        ),
        (
            {"drop": "client"},
            r"column 'day' .*\(1, 2, \.\.\.\).*dataset\.drop: \['day'\].*dataset\.keep: \['day'\]",
        ),
        (
            {"drop": ["clients"]},
            r"problem\.dataset\.drop: .*'clients'; allowed: day, client, a; did you mean 'client'",
        ),
        ({"drop": ["label"]}, r"problem\.dataset\.drop: .*no column beside the target 'label'"),
        (
            {"drop": ["client", "day"], "keep": ["day"]},
            r"problem\.dataset\.keep: .*no feature 'day'; allowed: a",
        ),
        ({"drop": ["client", "day", "a"]}, "holds no samples or no features"),
    ],
)
def test_what_is_kept_or_left_out_must_be_there(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    text = "day,client,a,label\n1,ann,3,0\n2,bob,1,1\n3,bob,4,0\n4,ann,1,1\n"
    with pytest.raises(UserError, match=message):
        read(csv(tmp_path, text) | keys)


def test_keys_of_a_table_at_their_defaults_are_not_recorded(tmp_path: Path) -> None:
    plain = csv(tmp_path, "a,label\n1,0\n")
    assert DATASET.dump_python(DATASET.validate_python(plain)) == plain | {"limit": None}
    assert DATASET.dump_python(DATASET.validate_python(plain | {"drop": "b"}))["drop"] == ("b",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,label\n1,2,0\n\n1,,1\n", r"column 'b' of .* has a missing value in line 4;"),
        ('a,b,label\n"1\n",2,0\n1,nan,1', r"column 'b' .* missing value in line 4"),
        ("a,b,label\n1,2,0\n1,inf,1\n", r"column 'b' .* infinite number in line 3"),
        ("a,b,label\n1,2,0\n1,2,\n,,\n", r"column 'a' .* missing value in line 4"),
        ("a,b,label\n1,2,0\n1,2,\n1,2,\n", r"dataset\.target: column 'label' .* line 3 and 1 more"),
        ("a,b,label\n1,2,0\n1,red,1\n", r"column 'b' .* is not numeric: 'red' in line 3"),
        (f"a,b,label\n1,2,0\n1,1{'0' * 400},1\n", r"column 'b' .* infinite number in line 3"),
        (f"a,b,label\n1,1{'0' * 400},0\n1,red,1\n", r"column 'b' .* infinite number in line 2"),
        ("a,b,label\n1,2,0\n1,1_000,1\n", r"column 'b' .* is not numeric: '1_000' in line 3"),
        ("a,label,b,label,b\n1,2,0,1,1\n", r"d\.csv has more than one column named 'label', 'b'; expected"),
        ("a;b;label\n1;2;0\n1;2;1\n", r"d\.csv is separated by ';'; expected commas"),
        ("a,label\n1,2,0\n1,2,1\n", r"malformed .*more fields than its header"),
    ],
)
def test_what_is_wrong_is_told_by_column_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(csv(tmp_path, text))


def test_large_whole_numbers_are_numbers(tmp_path: Path) -> None:
    table = csv(tmp_path, f"a,label\n1{'0' * 25},0\n-3,1\n")
    np.testing.assert_allclose(read(table).features[:, 0], [1, -1])


def test_numbers_are_targets_where_the_problem_asks_for_them(tmp_path: Path) -> None:
    whole = csv(tmp_path, "a,price\n1,10\n2,20\n4,30\n7,30\n", "price")
    assert read(whole, task="numbers").labels.tolist() == [10, 20, 30, 30]
    assert (read(whole, task="numbers").classes, read(whole, task="classes").classes) == (0, 3)
    held_out = read(whole, 0.25, task="numbers")
    assert (len(held_out.labels), len(held_out.test_labels)) == (3, 1)
    assert held_out.labels.dtype == "float64"
    broken = csv(tmp_path, "a,price\n1,1.5\n2,2.5\n", "price")
    assert read(broken).classes == 0
    with pytest.raises(UserError, match=r"labels are not whole numbers .*kind: linear-regression"):
        read(broken, task="classes")
    with pytest.raises(UserError, match="targets are text, such as 'dear'; regression needs numbers"):
        read(csv(tmp_path, "a,price\n1,dear\n2,cheap\n", "price"), task="numbers")


def test_diabetes_is_a_set_for_regression() -> None:
    data = read("diabetes", 0.2)
    assert (data.classes, data.features.shape) == (0, (353, 10))
    assert data.labels.dtype == "float64"


def test_names_of_classes_are_kept(tmp_path: Path) -> None:
    assert read(csv(tmp_path, "a,label\n1,pear\n2,apple\n")).names == ("apple", "pear")
    assert read(csv(tmp_path, "a,label\n1,2\n2,1\n"), task="classes").names == ("1", "2")
    assert read(csv(tmp_path, "a,label\n1,0\n2,1\n"), task="classes").names is None


# ------------------------------------------------------------------------------------------------- Fashion-MNIST
def fashion(folder: Path) -> None:
    folder.mkdir(parents=True)
    for part, count in (("train", 20), ("t10k", 10)):
        for what, array in (("images-idx3", np.zeros((count, 4, 3))), ("labels-idx1", np.arange(count) % 10)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            content = gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)
            (folder / f"{part}-{what}-ubyte.gz").write_bytes(content)


@pytest.mark.parametrize(
    "below",
    [
        "debian",
        "home/data/FashionMNIST/raw",
        "face/hub/datasets--zalando-datasets--fashion_mnist/snapshots/0123",
    ],
)
def test_fashion_is_found_where_it_usually_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    monkeypatch.setattr(data_folders, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "face"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"not where it usually is: .*`apt-get install dataset-fashion-mnist`"
    ):
        read("fashion-mnist")
    fashion(tmp_path / below)
    data = read("fashion-mnist", 0.1)
    assert (data.features.shape, data.test_features.shape, data.classes) == ((20, 1, 4, 3), (10, 1, 4, 3), 10)
    assert read("fashion-mnist", 0.1, shaped=False).features.shape == (20, 12)
    assert data_folders.with_folder({"kind": "fashion-mnist", "path": "mine"})["path"] == "mine"


# -------------------------------------------------------------------------------------------- CIFAR-100 and SVHN
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 3072), np.uint8)
FINE, COARSE = [0, 99, 5, 5, 1, 2], [19, 0, 3, 3, 1, 2]


@pytest.mark.parametrize("form", ["cifar-100-python", "cifar-100-binary", ""])
def test_cifar_100_has_fine_and_coarse_labels(tmp_path: Path, form: str) -> None:
    (tmp_path / form).mkdir(exist_ok=True)
    for part in ("train", "test"):
        if form == "cifar-100-binary":
            rows = np.column_stack([np.array(COARSE, np.uint8), np.array(FINE, np.uint8), PIXELS])
            (tmp_path / form / f"{part}.bin").write_bytes(rows.tobytes())
        else:
            batch = {b"data": PIXELS, b"fine_labels": FINE, b"coarse_labels": COARSE}
            (tmp_path / form / part).write_bytes(pickle.dumps(batch))
    data = read({"kind": "cifar-100", "path": tmp_path}, 0.1)
    assert (data.labels.tolist(), data.classes, data.features.shape) == (FINE, 100, (6, 3, 32, 32))
    np.testing.assert_array_equal(data.features.reshape(6, -1), PIXELS / 255)
    coarse = read({"kind": "cifar-100", "path": tmp_path, "labels": "coarse"})
    assert (coarse.labels.tolist(), coarse.classes) == (COARSE, 20)


def svhn(folder: Path, **changed: Any) -> None:
    for part in ("train", "test"):
        y = np.array([10, 1, 2, 3, 9, 10], np.uint8)[:, None]
        content = {"X": PIXELS.reshape(6, 3, 32, 32).transpose(2, 3, 1, 0), "y": y, **changed}
        savemat(folder / f"{part}_32x32.mat", content)


def nested(levels: int) -> Any:
    """Cells in cells, of which 300 000 end a process by a fault of the segment."""
    cell = np.empty((1, 1), object)
    cell[0, 0] = nested(levels - 1) if levels else 1.0
    return cell


def test_svhn_counts_from_0(tmp_path: Path) -> None:
    svhn(tmp_path)
    data = read({"kind": "svhn", "path": tmp_path}, 0.1)
    assert data.labels.tolist() == [0, 1, 2, 3, 9, 0]
    np.testing.assert_array_equal(data.features, PIXELS.reshape(6, 3, 32, 32) / 255)
    assert len(data.test_labels) == 6


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X": PIXELS}, r"malformed \(X is uint8 of shape \(6, 3072\)\)"),
        ({"y": np.ones((6, 1))}, r"malformed \(y is float64"),
        ({"y": np.full((6, 1), 11)}, r"label outside 0\.\.9"),
        ({"y": np.ones((5, 1), int)}, r"6 images but 5 labels"),
        ({"X": nested(3)}, r"malformed \(X is of class cell and y of class uint8"),
    ],
)
def test_bad_svhn_files_are_refused(tmp_path: Path, changed: Any, message: str) -> None:
    svhn(tmp_path, **changed)
    with pytest.raises(UserError, match=message):
        read({"kind": "svhn", "path": tmp_path})
    for content in (b"", b"nothing of the kind" * 20):
        (tmp_path / "train_32x32.mat").write_bytes(content)
        with pytest.raises(UserError, match=r"train_32x32\.mat is malformed"):
            read({"kind": "svhn", "path": tmp_path})


@pytest.mark.parametrize("compressed", [False, True])
def test_a_mat_file_that_says_it_is_larger_than_it_is(compressed: bool, tmp_path: Path) -> None:
    """No memory is asked for in vain."""
    svhn(tmp_path)
    path = tmp_path / "train_32x32.mat"
    content = path.read_bytes()
    size = struct.pack("<II", 2, 6 * 3 * 32 * 32)
    assert content.count(size) == 1
    lying = content[128:].replace(size, struct.pack("<II", 2, 2**32 - 1))
    if compressed:
        first = 8 + struct.unpack("<I", lying[4:8])[0]
        parts = (zlib.compress(part) for part in (lying[:first], lying[first:]))
        lying = b"".join(struct.pack("<II", 15, len(part)) + part for part in parts)
    path.write_bytes(content[:128] + lying)
    with pytest.raises(UserError, match="has 4294967295 bytes, more than the file could hold"):
        read({"kind": "svhn", "path": tmp_path})


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (184, 0xFFFF, "is of type 65535, which there is not"),
        (184, 14, "no numbers where they should be"),
        (144, 0x0800 | 9, "is of complex numbers"),
        (152, 0x20000, "is of type"),
    ],
    ids=["no type", "no numbers", "imaginary parts that are not there", "a short element of no type"],
)
def test_a_mat_file_that_would_end_its_reader_by_a_fault(
    place: int, value: int, message: str, tmp_path: Path
) -> None:
    """SciPy 1.16 looks types up without asking whether they are in its table."""
    svhn(tmp_path)
    path = tmp_path / "train_32x32.mat"
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, place, value)
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read({"kind": "svhn", "path": tmp_path})


# -------------------------------------------------------------------------------------------------------- FEMNIST
def femnist(folder: Path, counts: dict[str, int]) -> Path:
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for number, (name, count) in enumerate(counts.items()):
            one = {"x": [[k / 61] * 784 for k in range(count)], "y": list(range(count))}
            content = {"users": [name], "num_samples": [count], "user_data": {name: one}}
            (folder / part / f"all_data_{number}.json").write_text(json.dumps(content))
    return folder


def test_femnist_knows_its_writers(tmp_path: Path) -> None:
    folder = femnist(tmp_path, {"f01": 3, "f02": 2, "f03": 4})
    data = read({"kind": "femnist", "path": folder}, 0.1)
    assert data.owners is not None
    assert data.owners.tolist() == ["f01"] * 3 + ["f02"] * 2 + ["f03"] * 4
    assert (data.features.shape, len(data.test_labels), data.classes) == ((9, 1, 28, 28), 9, 62)
    np.testing.assert_allclose(data.features[2], 2 / 61)
    first = read({"kind": "femnist", "path": folder, "users": 2}, 0.1)
    assert (len(first.labels), len(first.test_labels)) == (5, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"malformed"),
        ("[]", r"malformed"),
        ('{"users": ["a"], "user_data": {}}', r"malformed \('a'\)"),
        ('{"users": ["a"], "user_data": {"a": {"x": [[1, 2]], "y": [1]}}}', r"images of shape \(1, 2\)"),
    ],
)
def test_bad_femnist_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(UserError, match=r"there is no file .*train/\*\.json; expected a folder with LEAF's"):
        read({"kind": "femnist", "path": tmp_path})
    (femnist(tmp_path, {"f01": 3}) / "train" / "all_data_0.json").write_text(content)
    with pytest.raises(
        UserError, match=r"all_data_0\.json is malformed .*" if message == "malformed" else message
    ):
        read({"kind": "femnist", "path": tmp_path})


# ----------------------------------------------------------------------------------------------------------- text
def text(folder: Path, content: str, **keys: Any) -> dict[str, Any]:
    (folder / "t.txt").write_text(content, encoding="utf-8")
    return {"kind": "text", "path": folder / "t.txt", **keys}


def test_windows_of_text_predict_the_next_character(tmp_path: Path) -> None:
    data = read(text(tmp_path, "abcabcabca\n" * 2, length=3))
    letters = "\nabc"
    assert (data.classes, data.names) == (4, ("\\n", "a", "b", "c"))
    assert data.features.dtype.kind == "i"
    assert ["".join(letters[k] for k in row) for row in data.features[:2]] == ["abc", "abc"]
    assert [letters[k] for k in data.labels[:4]] == ["a", "a", "a", "b"]
    assert len(read(text(tmp_path, "abcabcabca\n" * 2, length=3, stride=1)).labels) == 19


def test_the_end_of_the_text_is_held_out_and_never_seen(tmp_path: Path) -> None:
    content = "".join(chr(0x4E00 + k) for k in range(100))  # every character once
    data = read(text(tmp_path, content, length=4, stride=1), 0.2)
    seen = {*data.features.ravel().tolist(), *data.labels.tolist()}
    held_out = {*data.test_features.ravel().tolist(), *data.test_labels.tolist()}
    assert (len(seen), len(held_out), seen & held_out) == (80, 20, set())


@pytest.mark.parametrize(
    ("content", "fraction", "message"),
    [
        ("", 0.0, r"has 0 characters"),
        ("abc", 0.0, r"has 3 characters, 3 different ones, .*take 5: allowed: a longer text"),
        ("aaaaaaaaaaaaaaa", 0.0, r"1 different ones"),
        ("abcdefghijklmnop", 0.1, r"held-out end of .*, 2 characters, holds no window of 4"),
    ],
)
def test_texts_without_a_window_are_refused(
    tmp_path: Path, content: str, fraction: float, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read(text(tmp_path, content, length=4), fraction)


def test_characters_are_no_features_of_a_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"numbers of characters are no features"):
        read(text(tmp_path, "abcdefgh", length=2), shaped=False)
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"t\.txt is malformed"):
        read({"kind": "text", "path": tmp_path / "t.txt"})
