"""Partitions that are given, by owners, sizes or a file, and those that are drawn by size or by class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from rfast_bench import problems
from rfast_bench.errors import UserError
from rfast_bench.problems.data.datasets import Data
from rfast_bench.problems.data.partition import deal
from rfast_bench.scenario.problem.kinds import LogisticSpec
from rfast_bench.scenario.problem.partitions import PartitionSpec
from tests.support.command_line import call, write

PARTITION: TypeAdapter[Any] = TypeAdapter(PartitionSpec)
LABELS = np.arange(100) % 10


def data(labels: NDArray[Any] = LABELS, classes: int = 10, owners: NDArray[Any] | None = None) -> Data:
    empty = np.empty((0, 1))
    rows = np.arange(len(labels))
    return Data(np.empty((len(labels), 1)), labels, empty, labels[:0], classes, owners, rows)


def dealt(partition: Any, workers: int, seed: int = 0, of: Data | None = None) -> list[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    return deal(PARTITION.validate_python(partition), of or data(), workers, rng, "problem.partition")


def whole(shards: list[NDArray[np.intp]]) -> bool:
    return sorted(np.concatenate(shards).tolist()) == list(range(100))


# ------------------------------------------------------------------------------------------------------- drawn
@pytest.mark.parametrize(("workers", "per_worker"), [(5, 2), (7, 3), (10, 1), (4, 10), (3, 4)])
def test_every_worker_holds_so_many_classes(workers: int, per_worker: int) -> None:
    shards = dealt({"kind": "classes", "per_worker": per_worker}, workers)
    assert whole(shards)
    held = [set(LABELS[shard]) for shard in shards]
    assert {len(own) for own in held} == {per_worker}
    holders = [sum(label in own for own in held) for label in range(10)]
    assert max(holders) - min(holders) <= 1


@pytest.mark.parametrize(
    ("per_worker", "workers", "message"),
    [
        (11, 2, r"per_worker: 11 classes a worker; the training samples have 10"),
        (2, 4, r"4 workers with 2 classes each cannot hold all 10"),
        (5, 60, r"class \d has 10 training samples for the 30 workers"),
    ],
)
def test_classes_that_cannot_be_dealt_are_refused(per_worker: int, workers: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dealt({"kind": "classes", "per_worker": per_worker}, workers)


def test_quantity_spreads_sizes_by_alpha() -> None:
    many = data(np.arange(5000) % 10)

    def spread(alpha: float) -> float:
        shards = dealt({"kind": "quantity", "alpha": alpha}, 5, of=many)
        assert sorted(np.concatenate(shards).tolist()) == list(range(5000))
        assert min(map(len, shards)) > 0
        return float(np.std([len(shard) for shard in shards]))

    assert spread(1000.0) < 60 < 400 < spread(0.3)


@pytest.mark.parametrize(
    "partition", ["classes", "quantity", {"kind": "sizes", "sizes": [50, 20, 10, 10, 10]}]
)
def test_dealing_follows_the_seed(partition: Any) -> None:
    first, same, other = (np.concatenate(dealt(partition, 5, seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


# ------------------------------------------------------------------------------------------------------- sizes
@pytest.mark.parametrize("sizes", [[70, 20, 10], [0.7, 0.2, 0.1]])
def test_sizes_are_counts_or_shares(sizes: list[float]) -> None:
    shards = dealt({"kind": "sizes", "sizes": sizes}, 3)
    assert whole(shards)
    assert [len(shard) for shard in shards] == [70, 20, 10]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([70, 20, 11], r"partition\.sizes: they add up to 101, and there are 100 training samples"),
        ([70, 30], r"partition\.sizes: 2 sizes for 3 workers"),
        ([0.995, 0.001, 0.004], r"share of 0\.001 of 100 training samples leaves worker 1 none"),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(sizes: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        dealt({"kind": "sizes", "sizes": sizes}, 3)


@pytest.mark.parametrize("sizes", [[0.5, 0.4], [], [1, 0], [1, -3], [0.5, 1], "half"])
def test_sizes_that_are_none_are_refused_when_read(sizes: Any) -> None:
    with pytest.raises(ValidationError):
        PARTITION.validate_python({"kind": "sizes", "sizes": sizes})


# ------------------------------------------------------------------------------------------------------- owners
@pytest.mark.parametrize("names", [[0, 1, 2], [1, 2, 7], ["ann", "bob", "cy"]])
def test_the_nth_owner_is_worker_n(names: list[Any]) -> None:
    owners = np.array(names)[np.arange(100)[::-1] % 3]
    for worker, shard in enumerate(dealt("by-column", 3, of=data(owners=owners))):
        assert set(owners[shard]) == {names[worker]}


@pytest.mark.parametrize(
    ("owners", "message"),
    [
        (None, r"data do not say whose a sample is; allowed: column"),
        (np.arange(100) % 8, r"have 8 owners \(0, 1, 2, 3, 4, \.\.\.\) for 3 workers; .*workers: 8; or rows"),
        (np.arange(100) % 2, r"have 2 owners \(0, 1\) for 3 workers; .*workers: 2$"),
    ],
)
def test_there_is_one_owner_a_worker(owners: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dealt("by-column", 3, of=data(owners=owners))


def table(folder: Path, owner: str = "client") -> Path:
    rng, path = np.random.default_rng(0), folder / "clients.csv"
    lines = [f"{k % 3},{a:.3f},{b:.3f},{k % 2}" for k, (a, b) in enumerate(rng.normal(size=(60, 2)))]
    path.write_text("\n".join([f"{owner},a,b,label", *lines]))
    return path


def test_the_column_of_owners_is_no_feature(tmp_path: Path) -> None:
    given = {"kind": "csv", "path": table(tmp_path), "target": "label"}
    for partition, columns in (("iid", 3), ({"kind": "by-column", "column": "client"}, 2)):
        problem = {"kind": "logistic-regression", "dataset": given, "partition": partition}
        of, shards = problems.dealt(LogisticSpec.model_validate(problem), 3, 0)
        assert of.features.shape == (48, columns)
        assert sum(map(len, shards)) == 48
    assert of.owners is not None
    assert [set(of.owners[shard]) for shard in shards] == [{0}, {1}, {2}]


def test_an_array_of_an_archive_says_who_owns_a_sample(tmp_path: Path) -> None:
    who = np.array(["b", "a"] * 20)
    np.savez(
        tmp_path / "d.npz", X=np.random.default_rng(0).normal(size=(40, 2)), y=np.arange(40) // 20, who=who
    )
    given = {"kind": "npz", "path": tmp_path / "d.npz"}
    problem = {
        "kind": "logistic-regression",
        "dataset": given,
        "partition": {"kind": "by-column", "column": "who"},
    }
    of, shards = problems.dealt(LogisticSpec.model_validate(problem), 2, 0)
    assert of.owners is not None
    assert [set(of.owners[shard]) for shard in shards] == [{"a"}, {"b"}]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("cleint", r"^problem\.partition\.column: .*no column 'cleint'; allowed: client, a, b; did you mean"),
        ("label", r"no column 'label'"),
        (None, r"^problem\.partition: the data do not say"),
        ("a", r"owners .* for 3 workers"),
    ],
)
def test_a_column_that_is_not_there_is_told(tmp_path: Path, column: str | None, message: str) -> None:
    given = {"kind": "csv", "path": table(tmp_path), "target": "label"}
    problem = {
        "kind": "logistic-regression",
        "dataset": given,
        "partition": {"kind": "by-column", "column": column},
    }
    with pytest.raises(UserError, match=message):
        problems.dealt(LogisticSpec.model_validate(problem), 3, 0)


# --------------------------------------------------------------------------------------------------------- file
LISTS = [list(range(0, 100, 2)), list(range(1, 99, 2)), [99]]


@pytest.mark.parametrize("form", ["list", "mapping", "text"])
def test_lists_of_rows_are_read_in_each_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / ("rows.txt" if form == "text" else "rows.json")
    texts = {
        "list": json.dumps(LISTS),
        "mapping": json.dumps({str(k): rows for k, rows in enumerate(LISTS)}),
        "text": "# rows\n" + "\n".join(", ".join(map(str, rows)) + "  # so many" for rows in LISTS) + "\n\n",
    }
    path.write_text(texts[form])
    assert [shard.tolist() for shard in dealt({"kind": "file", "path": path}, 3)] == LISTS


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (
            [*LISTS[:2], []],
            r"1 training samples are on no list of .*: rows 99; add them, or say unused: true",
        ),
        (LISTS[:2], r"has 2 lists for 3 workers"),
        ([*LISTS[:2], [99, 99]], r"row 99 on list 2 of .* is twice on it"),
        ([*LISTS[:2], [99, 4]], r"row 4 on list 2 of .* is on list 0 too"),
        ([*LISTS[:2], [100]], r"has the row 100; expected row numbers 0\.\.99"),
        ([*LISTS[:2], [-1]], r"has the row -1"),
        ([*LISTS[:2], ["a"]], r"has the row 'a'"),
        ([*LISTS[:2], 99], r"malformed .*no list of lists"),
        ({"0": [1], "2": [3], "3": []}, r"malformed .*nor a mapping of 0, 1"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, lists: Any, message: str) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(lists))
    with pytest.raises(UserError, match=r"^problem\.partition\.path: .*" + message):
        dealt({"kind": "file", "path": tmp_path / "rows.json"}, 3)


@pytest.mark.parametrize("content", ["", "[[1, 2", "1 2\nx y"])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: str) -> None:
    for name in ("rows.json", "rows.txt"):
        (tmp_path / name).write_text(content)
        with pytest.raises(UserError, match=r"problem\.partition\.path"):
            dealt({"kind": "file", "path": tmp_path / name}, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "# rows\n1 2\n3 6;7 8\n",
            r"rows\.txt is malformed \(line 3 has '6;7', which is no row number\); .*commas",
        ),
        ("1 2\n3 1_0\n", r"line 2 has '1_0'"),
        ("1 2\n-3 4.5\n", r"line 2 has '4\.5'"),
        ("1\n2\n-3\n", r"list 2 of .* has the row -3; expected row numbers 0"),
    ],
)
def test_a_word_that_is_no_row_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rows.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        dealt({"kind": "file", "path": tmp_path / "rows.txt"}, 3)


@pytest.mark.parametrize("name", ["rows.txt", "rows.json"])
def test_a_mark_of_byte_order_is_no_row(tmp_path: Path, name: str) -> None:
    text = "0\n1\n2" if name.endswith("txt") else "[[0], [1], [2]]"
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    shards = dealt({"kind": "file", "path": tmp_path / name, "unused": True}, 3)
    assert [shard.tolist() for shard in shards] == [[0], [1], [2]]


def test_rows_on_no_list_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("0\n1\n2")
    shards = dealt({"kind": "file", "path": tmp_path / "rows.txt", "unused": True}, 3)
    assert [shard.tolist() for shard in shards] == [[0], [1], [2]]


def test_rows_are_those_of_the_data_as_read(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([list(range(89)), list(range(89, 178))]))
    given = {"kind": "file", "path": tmp_path / "rows.json"}
    spec = LogisticSpec.model_validate({"kind": "logistic-regression", "dataset": "wine", "partition": given})
    of, shards = problems.dealt(spec, 2, 0)
    assert of.rows is not None
    assert [len(shard) for shard in shards] == [int((of.rows < 89).sum()), int((of.rows >= 89).sum())]
    assert (of.rows[shards[0]] < 89).all()


# --------------------------------------------------------------------------------------------------- regression
@pytest.mark.parametrize("partition", ["by-label", "dirichlet", "shards", "classes"])
def test_partitions_by_class_are_refused_for_regression(partition: str) -> None:
    with pytest.raises(UserError, match=rf"'{partition}' deals by class, .*numbers; allowed: iid, quantity"):
        dealt(partition, 4, of=data(np.linspace(0, 1, 100), 0))


@pytest.mark.parametrize("partition", ["iid", "quantity"])
def test_other_partitions_serve_regression(partition: str) -> None:
    assert whole(dealt(partition, 4, of=data(np.linspace(0, 1, 100), 0)))


# ---------------------------------------------------------------------------------------------------- end to end
def test_partitions_that_change_the_objective_have_optima_of_their_own(tmp_path: Path) -> None:
    """One leaves samples out, one a feature; under a common optimum their gaps would be wrong, even negative."""
    (tmp_path / "rows.txt").write_text("0 1 2 3 4 5 6\n7 8 9 10 11\n12 13 14 15")
    given = [
        "iid",
        "quantity",
        {"kind": "by-column", "column": "client"},
        {"kind": "file", "path": str(tmp_path / "rows.txt"), "unused": True},
    ]
    dataset = {"kind": "csv", "path": str(table(tmp_path)), "target": "label"}
    out = tmp_path / "out"
    scenario = write(
        tmp_path,
        workers=3,
        problem={"kind": "logistic-regression", "dataset": dataset, "l2": 0.1, "test_fraction": 0},
        algorithms=[{"name": "ring-allreduce", "step_size": 0.3}],
        stragglers=[],
        sweep={"problem.partition": given},
        evaluate={"every": "10 s"},
        seeds=1,
    )
    result = call("run", scenario, "--out", out, "--jobs", 1, "--no-plots")
    assert result.exit_code == 0, result.output
    optima = {}
    for path in out.rglob("manifest.json"):
        manifest = json.loads(path.read_text())
        partition = manifest["point"]["problem.partition"]
        optima[partition if isinstance(partition, str) else partition["kind"]] = manifest["reference"]
        gaps = np.genfromtxt(path.parent / "curves.csv", delimiter=",", names=True)["gap"]
        assert gaps.min() > -1e-12
    assert optima["iid"] == optima["quantity"]
    assert len(set(optima.values())) == 3
