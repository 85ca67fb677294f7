"""Which runs are compared, in which order and under which names."""

from __future__ import annotations

import pytest

from rfast_bench.errors import UserError
from rfast_bench.records.choosing import chosen, label_list, left_out, renamed
from rfast_bench.records.reading import Run, find_runs
from tests.support.synthetic_records import curves_table, save


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    out = tmp_path_factory.mktemp("runs")
    for order, label in enumerate("abc"):
        for seed in (0, 1):
            save(out, label, seed, curves_table([0, 1], [1, 0.5]), order=order, baseline="b")
    return find_runs([out])


def labels(found: list[Run]) -> list[str]:
    return list(dict.fromkeys(run.label for run in found))


def test_labels_are_kept_in_the_order_given(runs: list[Run]) -> None:
    found = chosen(runs, ["c", "a"])
    assert [(run.label, run.seed) for run in found] == [("c", 0), ("c", 1), ("a", 0), ("a", 1)]
    assert labels(chosen(runs)) == ["a", "b", "c"]


def test_another_name_is_the_baselines_too(runs: list[Run]) -> None:
    found = chosen(runs, (), {"b": "Ring (sync)"})
    assert labels(found) == ["a", "Ring (sync)", "c"]
    assert {run.baseline for run in found} == {"Ring (sync)"}
    assert {run.algorithm for run in found} == {"a", "b", "c"}, "who it is stays"


def test_two_may_swap_their_names(runs: list[Run]) -> None:
    assert labels(chosen(runs, (), {"a": "b", "b": "a"})) == ["b", "a", "c"]


def test_a_baseline_that_was_not_chosen_still_counts(runs: list[Run]) -> None:
    assert left_out(runs, ["c"]) == ["b"]
    assert left_out(runs, ["c"], "a") == ["a"]
    assert left_out(runs, ["b", "c"]) == left_out(runs, []) == left_out(runs, ["c"], "nobody") == []


@pytest.mark.parametrize(
    ("select", "names", "said"),
    [
        (["x"], {}, "--select: found 'x'; the labels are a, b, c"),
        (["a", "a"], {}, "--select: 'a' is there twice"),
        ([], {"x": "y"}, "--rename: found 'x'; the labels are a, b, c"),
        ([], {"a": "b"}, "--rename: a and b would both be called 'b'"),
    ],
)
def test_what_cannot_be_is_told(runs: list[Run], select: list[str], names: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        chosen(runs, select, names)


def test_a_name_that_is_free_once_the_other_is_left_out(runs: list[Run]) -> None:
    assert labels(chosen(runs, ["a", "c"], {"a": "b"})) == ["b", "c"]


def test_lists_and_pairs_as_they_are_written() -> None:
    assert label_list(" r-fast, osgp ,") == ["r-fast", "osgp"]
    assert renamed(["a=R-FAST (tree)", "b = x=y"]) == {"a": "R-FAST (tree)", "b": "x=y"}
    for wrong in ("a", "=b", "a="):
        with pytest.raises(UserError, match="expected OLD=NEW"):
            renamed([wrong])
    with pytest.raises(UserError, match="'a' is there twice"):
        renamed(["a=b", "a=c"])
