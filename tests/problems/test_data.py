"""Data sets, readers, partitions, and every way in which the user's data can be refused."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from rfast_bench.errors import UserError
from rfast_bench.problems import ProblemSpec, build
from rfast_bench.problems.data.datasets import Data, load
from rfast_bench.problems.data.partition import deal
from rfast_bench.scenario.problem.data import DatasetSpec
from rfast_bench.scenario.problem.partitions import PartitionSpec

PROBLEM: TypeAdapter[Any] = TypeAdapter(ProblemSpec)
DATASET: TypeAdapter[Any] = TypeAdapter(DatasetSpec)
PARTITION: TypeAdapter[Any] = TypeAdapter(PartitionSpec)
LABELS = np.random.default_rng(0).integers(0, 4, 101)


def read(dataset: Any, fraction: float = 0.2, dtype: str = "float64") -> Data:
    return load(DATASET.validate_python(dataset), fraction, dtype, "problem", task="classes")


def dealt(
    partition: Any, workers: int, seed: int = 0, labels: NDArray[Any] = LABELS
) -> list[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    empty = np.empty((0, 1))
    data = Data(np.empty((len(labels), 1)), labels, empty, labels[:0], 4, None, np.arange(len(labels)))
    return deal(PARTITION.validate_python(partition), data, workers, rng, "problem.partition")


# ------------------------------------------------------------------------------------------------- partitions
@pytest.mark.parametrize("workers", [1, 2, 7, 13])
@pytest.mark.parametrize("partition", ["iid", "by-label", "dirichlet", "shards"])
def test_every_sample_goes_to_one_worker(partition: str, workers: int) -> None:
    shards = dealt(partition, workers)
    assert len(shards) == workers
    assert min(map(len, shards)) > 0
    np.testing.assert_array_equal(np.sort(np.concatenate(shards)), np.arange(101))


@pytest.mark.parametrize("partition", ["iid", "by-label"])
def test_plain_shards_are_as_equal_as_possible(partition: str) -> None:
    assert sorted(map(len, dealt(partition, 7))) == [14, 14, 14, 14, 15, 15, 15]


@pytest.mark.parametrize("partition", ["iid", "dirichlet", "shards"])
def test_dealing_follows_the_seed(partition: str) -> None:
    first, same, other = (np.concatenate(dealt(partition, 5, seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_by_label_is_sorted_stable_and_contiguous() -> None:
    order = np.concatenate(dealt("by-label", 5))
    assert (np.diff(LABELS[order]) >= 0).all()
    assert all((np.diff(order[LABELS[order] == label]) > 0).all() for label in range(4))


def test_shards_hold_few_labels() -> None:
    labels = np.repeat(np.arange(10), 20)
    for shard in dealt({"kind": "shards", "per_worker": 2}, 10, labels=labels):
        assert len(shard) == 20
        assert len(set(labels[shard])) <= 2


def test_dirichlet_alpha_says_how_mixed_the_shards_are() -> None:
    labels = np.repeat(np.arange(4), 500)

    def spread(alpha: float) -> float:
        shards = dealt({"kind": "dirichlet", "alpha": alpha}, 4, labels=labels)
        return float(np.std([np.bincount(labels[shard], minlength=4) for shard in shards]))

    assert spread(1000.0) < 20 < 100 < spread(0.1)


@pytest.mark.parametrize(
    ("partition", "workers", "message"),
    [
        ("iid", 102, r"problem\.partition: 101 training samples cannot be dealt to 102 workers"),
        ({"kind": "shards", "per_worker": 60}, 2, r"per_worker: .*2 × 60 = 120 pieces"),
        ({"kind": "dirichlet", "alpha": 0.001}, 50, r"partition\.alpha: .*larger alpha"),
    ],
)
def test_empty_shards_are_refused(partition: Any, workers: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dealt(partition, workers)


# ----------------------------------------------------------------------------------------------- bundled sets
def test_digits_are_scaled_to_the_unit_interval() -> None:
    data = read("digits")
    assert data.features.shape == (1437, 64)
    assert data.test_features.shape == (360, 64)
    assert (data.features.min(), data.features.max(), data.classes) == (0, 1, 10)


@pytest.mark.parametrize(("name", "classes"), [("breast_cancer", 2), ("wine", 3)])
def test_other_sets_are_standardised_with_the_training_part(name: str, classes: int) -> None:
    data = read(name)
    assert data.classes == classes
    np.testing.assert_allclose(data.features.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(data.features.std(axis=0), 1, atol=1e-12)
    assert not np.allclose(data.test_features.mean(axis=0), 0, atol=1e-3)


def test_the_split_is_stratified_and_always_the_same() -> None:
    first, second = read("wine"), read("wine", dtype="float32")
    np.testing.assert_array_equal(first.test_labels, second.test_labels)
    np.testing.assert_allclose(first.test_features, second.test_features, rtol=1e-6, atol=1e-6)
    whole = np.bincount(np.concatenate([first.labels, first.test_labels]))
    assert np.abs(np.bincount(first.test_labels) - 0.2 * whole).max() < 1
    assert len(read("wine", 0).test_labels) == 0
    assert read("wine", 0).features.shape == (178, 13)


def test_limit_keeps_the_first_samples() -> None:
    assert len(read({"kind": "digits", "limit": 300}, 0).labels) == 300


def test_synthetic_data_follow_their_own_seed() -> None:
    spec = {"kind": "synthetic", "samples": 60, "features": 3, "classes": 3}
    first, same, other = read(spec), read(spec | {"seed": 0}), read(spec | {"seed": 1})
    np.testing.assert_array_equal(first.features, same.features)
    assert not np.array_equal(first.features, other.features)
    assert first.features.shape == (48, 3)
    assert set(first.labels) == {0, 1, 2}


def test_synthetic_noise_flips_labels() -> None:
    spec = {"kind": "synthetic", "samples": 2000, "features": 3, "seed": 4}
    clean, noisy = (read(spec | {"noise": noise}, 0) for noise in (0.0, 1.0))
    assert 0.1 < (clean.labels != noisy.labels).mean() < 0.45


def test_a_constant_column_is_left_finite(tmp_path: Path) -> None:
    x = np.column_stack([np.full(20, 0.1), np.arange(20.0)])
    np.savez(tmp_path / "d.npz", X=x, y=np.arange(20) % 2)
    data = read({"kind": "npz", "path": tmp_path / "d.npz"})
    np.testing.assert_allclose(data.features[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(data.test_features[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("dataset", "fraction", "message"),
    [
        ({"kind": "digits", "limit": 12}, 0.2, r"problem\.test_fraction: .*smallest class has 1"),
        ("wine", 0.005, r"problem\.test_fraction: 0\.005 of 178"),
        ({"kind": "wine", "limit": 10}, 0.0, r"problem\.dataset: .*1 class;"),
        ({"kind": "synthetic", "samples": 3, "classes": 9}, 0.0, r"problem\.dataset\.samples: 3 samples"),
    ],
)
def test_unusable_sets_are_refused(dataset: Any, fraction: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(dataset, fraction)


# ------------------------------------------------------------------------------------------------ CSV and NPZ
def csv(folder: Path, text: str, target: str = "kind") -> dict[str, Any]:
    (folder / "d.csv").write_text(text)
    return {"kind": "csv", "path": folder / "d.csv", "target": target}


def test_csv_reads_text_labels_in_alphabetical_order(tmp_path: Path) -> None:
    spec = csv(tmp_path, "a,kind,b\n0,pear,1\n2,apple,3\n4,pear,8\n")
    data = read(spec, 0)
    assert data.labels.tolist() == [1, 0, 1]
    np.testing.assert_allclose(data.features[:, 0], np.array([-1, 0, 1]) * 1.5**0.5)
    assert len(read(spec | {"limit": 2}, 0).labels) == 2


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (
            "a,kind\n1,0\n2,1\n",
            "kin",
            r"dataset\.target: .*no column 'kin'; allowed: a, kind; did you mean 'kind'",
        ),
        ("a,kind\nx,0\n2,1\n", "kind", r"column 'a' .*not numeric"),
        ("a,kind\n1,0\n,1\n", "kind", r"dataset\.path: column 'a' .*missing value in line 3"),
        ("a,kind\n1,0\n2,\n", "kind", r"dataset\.target: column 'kind' .*missing value in line 3"),
        ("a,kind\n1,0.5\n2,1\n", "kind", r"labels .*not whole numbers"),
        ("kind\n1\n0\n", "kind", r"no samples or no features"),
        ("", "kind", r"malformed .*header line"),
        ("a,kind\n1,0\n1,2,3,4\n", "kind", r"malformed"),
    ],
)
def test_bad_csv_is_refused(tmp_path: Path, text: str, target: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(csv(tmp_path, text, target), 0)


def test_npz_flattens_and_names_its_arrays(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(10, 2, 3)), np.arange(10) % 2 + 5
    np.savez(tmp_path / "d.npz", images=x, kinds=y)
    data = read({"kind": "npz", "path": tmp_path / "d.npz", "x": "images", "y": "kinds"}, 0)
    assert data.features.shape == (10, 6)
    assert data.labels.tolist() == [0, 1] * 5


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.ones((3, 2)), "y": np.arange(3)}, r"dataset\.x: .*no array 'X'; allowed: x, y"),
        ({"X": np.ones((3, 2)), "z": np.arange(3)}, r"dataset\.y: .*no array 'y'"),
        ({"X": np.ones((3, 2)), "y": np.arange(4)}, r"3 samples but 4 labels"),
        ({"X": np.ones(3), "y": np.arange(3)}, r"dataset\.x: .*one row a sample"),
        ({"X": np.ones((3, 2)), "y": np.ones((3, 1))}, r"dataset\.y: .*one-dimensional"),
        ({"X": np.full((3, 2), np.nan), "y": np.arange(3)}, r"missing or infinite"),
        ({"X": np.ones((3, 2)), "y": np.array([1, {}, 2], object)}, r"malformed .*[Oo]bject arrays"),
    ],
)
def test_bad_npz_is_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(UserError, match=message):
        read({"kind": "npz", "path": tmp_path / "d.npz"}, 0)


def test_files_that_are_no_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    for content in (b"", b"nonsense", b"PK\x03\x04 truncated"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"problem\.dataset\.path: .*malformed"):
            read({"kind": "npz", "path": path}, 0)
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(UserError, match="a single array"):
        read({"kind": "npz", "path": path}, 0)


@pytest.mark.parametrize("extra", [{"kind": "csv", "target": "y"}, {"kind": "npz"}, {"kind": "mnist"}])
def test_a_missing_file_is_named_with_its_key(tmp_path: Path, extra: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=rf"problem\.dataset\.path: there is no file {tmp_path}/no.*expected"):
        read({"path": tmp_path / "no"} | extra)


def test_a_folder_is_not_a_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"problem\.dataset\.path: cannot read"):
        read({"kind": "csv", "path": tmp_path, "target": "y"})


# -------------------------------------------------------------------------------------------------------- IDX
def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def mnist(folder: Path, names: str = "{stem}-idx{axes}-ubyte", zipped: bool = False) -> Path:
    """30 training and 12 test images of 2 by 3 pixels; image j is filled with j, its label is j mod 10."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 30), ("t10k", 12)):
        labels = np.arange(count, dtype=np.uint8)
        images = np.broadcast_to(labels[:, None, None], (count, 2, 3))
        for what, array in (("images", images), ("labels", labels % 10)):
            content = idx(array)
            name = names.format(stem=f"{part}-{what}", axes=array.ndim)
            (folder / (name + ".gz" * zipped)).write_bytes(
                gzip.compress(content, mtime=0) if zipped else content
            )
    return folder


@pytest.mark.parametrize("names", ["{stem}-idx{axes}-ubyte", "{stem}.idx{axes}-ubyte"])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("kind", "below"), [("mnist", ""), ("fashion-mnist", "FashionMNIST/raw")])
def test_idx_files_in_all_their_guises(
    tmp_path: Path, names: str, zipped: bool, kind: str, below: str
) -> None:
    mnist(tmp_path / below, names, zipped)
    data = read({"kind": kind, "path": tmp_path}, dtype="float32")
    assert (data.features.shape, data.test_features.shape, data.classes) == ((30, 6), (12, 6), 10)
    assert data.features.dtype == np.float32
    np.testing.assert_allclose(data.features[:, 4], np.arange(30) / 255, rtol=1e-6)
    assert data.labels.tolist() == [*range(10)] * 3


def test_image_sets_bring_their_own_held_out_set(tmp_path: Path) -> None:
    spec = {"kind": "mnist", "path": mnist(tmp_path), "limit": 11}
    assert (len(read(spec, 0.9).labels), len(read(spec, 0.9).test_labels)) == (11, 11)
    assert (len(read(spec, 0).labels), len(read(spec, 0).test_labels)) == (11, 0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte", b"", r"malformed"),
        ("train-images-idx3-ubyte", idx(np.zeros(30, np.uint8)), r"malformed .*00 00 08 01, not 00 00 08 03"),
        ("train-labels-idx1-ubyte", idx(np.zeros(30, np.uint8))[:-1], r"malformed .*29 bytes"),
        ("train-labels-idx1-ubyte", idx(np.zeros(29, np.uint8)), r"30 images but 29 labels"),
        ("t10k-labels-idx1-ubyte", idx(np.full(12, 10, np.uint8)), r"label outside 0\.\.9"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((12, 3, 3), np.uint8)), r"differ in size"),
    ],
)
def test_bad_idx_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (mnist(tmp_path) / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"problem\.dataset\.path: .*{message}"):
        read({"kind": "mnist", "path": tmp_path})


@pytest.mark.parametrize("content", [b"not zipped", gzip.compress(b"x" * 99, mtime=0)[:-12]])
def test_bad_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    (mnist(tmp_path, zipped=True) / "t10k-labels-idx1-ubyte.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz"):
        read({"kind": "mnist", "path": tmp_path})


# --------------------------------------------------------------------------------------------------- CIFAR-10
def save_as_python2_str(pickler: Any, value: str | bytes) -> None:
    content = value.encode("latin1") if isinstance(value, str) else value
    pickler.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)


def python2_dump(value: Any, path: Path) -> None:
    """Writes every text and bytes as a Python 2 `str`, as the published files do."""
    with path.open("wb") as file:
        pickler: Any = pickle._Pickler(file, 2)
        pickler.dispatch = {**pickler.dispatch, str: save_as_python2_str, bytes: save_as_python2_str}
        pickler.dump(value)


CIFAR = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 3072), np.uint8)


def cifar(folder: Path, form: int | str) -> Path:
    """Six batches of the same four images; file f has labels f, f, f, f."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(CIFAR):
        batch = {b"data": PIXELS, b"labels": [number] * 4}
        if form == "binary":
            rows = np.column_stack([np.full(4, number, np.uint8), PIXELS])
            (folder / f"{name}.bin").write_bytes(rows.tobytes())
        elif form == "python2":
            python2_dump(batch, folder / name)
        else:
            (folder / name).write_bytes(pickle.dumps(batch, int(form)))
    return folder


@pytest.mark.parametrize("below", ["", "cifar-10-batches-py"])
@pytest.mark.parametrize("form", [3, 4, 5, "python2", "binary"])
def test_cifar_in_all_its_guises(tmp_path: Path, form: int | str, below: str) -> None:
    cifar(tmp_path / below, form)
    data = read({"kind": "cifar-10", "path": tmp_path})
    assert data.labels.tolist() == [i for i in range(5) for _ in range(4)]
    np.testing.assert_array_equal(data.features, np.tile(PIXELS, (5, 1)) / 255)
    assert data.test_labels.tolist() == [5] * 4


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_a_pickle_that_calls_anything_else_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "owned"
    (cifar(tmp_path, 4) / "data_batch_3").write_bytes(pickle.dumps({"data": Malicious(marker)}))
    with pytest.raises(UserError, match=r"data_batch_3 is malformed .*mkdir, which is refused"):
        read({"kind": "cifar-10", "path": tmp_path})
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "malformed"),
        (pickle.dumps([1, 2]), "not a dictionary"),
        (pickle.dumps({"data": PIXELS}), "'labels'"),
        (pickle.dumps({"data": PIXELS[:, :5], "labels": [0] * 4}), "'data' is uint8"),
        (pickle.dumps({"data": PIXELS, "labels": ["a"] * 4}), "not a list of whole numbers"),
        (pickle.dumps({"data": PIXELS, "labels": [0] * 3}), "4 images but 3 labels"),
        (pickle.dumps({"data": PIXELS, "labels": [-1] * 4}), "label outside"),
        (pickle.dumps({"data": PIXELS, "labels": [0] * 4})[:-40], "malformed"),
    ],
)
def test_bad_cifar_batches_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (cifar(tmp_path, 4) / "test_batch").write_bytes(content)
    with pytest.raises(UserError, match=rf"problem\.dataset\.path: .*test_batch.*{message}"):
        read({"kind": "cifar-10", "path": tmp_path})


def test_bad_binary_cifar_and_missing_batches_are_refused(tmp_path: Path) -> None:
    (cifar(tmp_path, "binary") / "test_batch.bin").write_bytes(b"123")
    with pytest.raises(UserError, match="3 bytes are not a whole number of rows"):
        read({"kind": "cifar-10", "path": tmp_path})
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(UserError, match=r"no file .*data_batch_4; .*data_batch_4\.bin"):
        read({"kind": "cifar-10", "path": tmp_path})


# ---------------------------------------------------------------------------------------------- specification
def test_defaults_and_bare_words() -> None:
    spec = PROBLEM.validate_python(
        {"kind": "logistic-regression", "dataset": "wine", "partition": "by-label"}
    )
    assert (spec.dataset.kind, spec.partition.kind, spec.batch_size) == ("wine", "by-label", 32)
    assert spec == PROBLEM.validate_json(PROBLEM.dump_json(spec))
    assert hash(spec) == hash(PROBLEM.validate_json(PROBLEM.dump_json(spec)))


def test_relative_paths_start_at_the_scenario_folder() -> None:
    raw = {"kind": "mlp", "dataset": {"kind": "mnist", "path": "sets/mnist"}}
    assert PROBLEM.validate_python(raw, context={"folder": "/data"}).dataset.path == Path("/data/sets/mnist")


@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "svm"},
        {"kind": "mlp", "hidden": []},
        {"kind": "mlp", "activation": "gelu"},
        {"kind": "mlp", "batch_size": 0},
        {"kind": "mlp", "batch_size": "all"},
        {"kind": "mlp", "l2": -1},
        {"kind": "mlp", "test_fraction": 1},
        {"kind": "mlp", "dataset": "mnist"},
        {"kind": "mlp", "dataset": "iris"},
        {"kind": "mlp", "partition": "sorted"},
        {"kind": "mlp", "partition": {"kind": "iid", "alpha": 1}},
        {"kind": "mlp", "batch_size": "full", "sampling": "with-replacement"},
        {"kind": "quadratic", "condition": 0.5},
        {"kind": "quadratic", "batch_size": 3},
    ],
)
def test_bad_specifications_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PROBLEM.validate_python(keys)


def test_errors_start_with_the_key_path_given_to_build() -> None:
    spec = PROBLEM.validate_python({"kind": "logistic-regression", "dataset": "wine"})
    with pytest.raises(UserError, match=r"^runs\[2\]\.problem\.partition: "):
        build(spec, 1000, 0, where="runs[2].problem")
