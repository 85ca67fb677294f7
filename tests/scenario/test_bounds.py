"""Hostile and mistaken sizes: refused at once, with what is asked for and what is allowed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points
from rfast_bench.scenario.reading import read_yaml
from rfast_bench.scenario.sections.tuning import Grid
from rfast_bench.scenario.yaml_text import DEEPEST, LONGEST, load

SMALL: dict[str, Any] = {
    "name": "small",
    "workers": 4,
    "problem": {"kind": "quadratic"},
    "compute": "1 ms",
    "algorithms": [{"name": "r-fast", "step_size": 0.1}, {"name": "ring-allreduce", "step_size": 0.1}],
    "stop": {"time": "1 s"},
    "evaluate": {"every": "1 s"},
}
STEPS = {"from": 0.1, "factor": 2, "count": 3}
TUNE: dict[str, Any] = {"objective": {"final": "loss"}, "parameters": {"step_size": STEPS}}
MANY = {f"problem.{key}": list(range(1, 200)) for key in ("dim", "condition", "heterogeneity")}
TUNED: dict[str, Any] = {"algorithms": [{"name": "r-fast"}]}


@pytest.fixture(scope="module", autouse=True)
def _what_is_read_needs_is_imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("first") / "scenario.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    load_points(path)


def refusal(folder: Path, **changes: Any) -> str:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    began = time.process_time()
    with pytest.raises(UserError) as told:
        load_points(path)
    assert time.process_time() - began < 1.0
    return str(told.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 10**9}, "seeds: expected a number of at most 1000000 (found 1000000000)"),
        ({"seeds": 10**30}, "seeds: "),
        ({"first_seed": 10**30}, "first_seed: "),
        ({"workers": 10**9}, "workers: expected a number of at most 100000 (found 1000000000)"),
        ({"seeds": 900_000}, "this asks for 1.8e+06 runs (2 algorithms x 900000 seeds); at most 1000000"),
        ({"sweep": MANY}, "this asks for 1.6e+07 runs (199 values of problem.condition x "),
        ({**TUNED, "tune": {**TUNE, "seeds": 10**9}}, "tune.seeds: expected a number of at most 1000000"),
        (
            {**TUNED, "tune": {**TUNE, "parameters": {"step_size": {**STEPS, "count": 10**9}}}},
            "tune.parameters.step_size.count: expected a number of at most 1000",
        ),
        (
            {**TUNED, "tune": {**TUNE, "parameters": {"step_size": {**STEPS, "factor": 1e6, "count": 50}}}},
            "a range lies between 1e-100 and 1e+100",
        ),
        ({**TUNED, "tune": {**TUNE, "widen": 10**9}}, "tune.widen: expected a number of at most 20"),
        ({"problem": {"kind": "quadratic", "dim": 10**9}}, "dim: expected a number of at most 10000"),
        (
            {"problem": {"kind": "logistic-regression", "dataset": {"kind": "synthetic", "samples": 10**9}}},
            "1000000000 samples of 20 features; at most 1000000000 numbers are made",
        ),
        ({"system": "x" * 300}, "system: unknown system 'xxx"),
        ({"system": "x" * 5000 + ".yaml"}, "system: there is no file"),
        (
            {"algorithms": [{"name": "amelie", "step_size": 0.1, "S": 10**400}]},
            "S: a whole number of 401 digits",
        ),
        ({"algorithms": [{"name": f"{'x' * 300}.py:Method"}]}, "there is no file"),
    ],
    ids=range(16),
)
def test_more_than_can_be_meant_is_refused_within_a_second(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    assert words in refusal(tmp_path, **changes).replace("less than or equal to", "at most")


def test_tuning_of_several_long_ranges_is_refused(tmp_path: Path) -> None:
    """A product of ranges that are allowed one by one, found before any run is made."""
    from rfast_bench.study.tuning.tune import settle

    ranges = {name: {"from": 0.1, "factor": 1.0001, "count": 1000} for name in ("step_size", "outer_step")}
    path = tmp_path / "scenario.yaml"
    tune = {**TUNE, "parameters": ranges}
    path.write_text(yaml.safe_dump({**SMALL, "algorithms": [{"name": "local-sgd"}], "tune": tune}))
    with pytest.raises(UserError, match=r"tuning local-sgd: this asks for 2e\+06 runs"):
        settle(load_points(path), path, (), tmp_path, lambda runs: None, print)


@given(st.floats(1e-100, 1e100), st.floats(1.0001, 1e6), st.integers(1, 50), st.integers(0, 20))
def test_a_range_that_is_accepted_is_numbers_however_it_is_widened(
    start: float, factor: float, count: int, more: int
) -> None:
    try:
        grid = Grid.model_validate({"from": start, "factor": factor, "count": count})
    except ValueError:
        return
    assert all(0 < value < float("inf") for value in grid.tried(more, more))


# ------------------------------------------------------------------------------------------------ YAML
BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{','.join([f'*{chr(97 + k)}'] * 9)}]\n" for k in range(20)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "with its aliases written out it has more than 1000000 entries, line"),
        ("a: &x [*x]", "an alias refers to what it stands in, line 1"),
        ("a: " + "[" * 1_000_000, "it is nested too deeply"),
        ("seeds: " + "9" * 5000, "integer string conversion"),
        ("when: 2026-13-45", "month must be in"),
        ("a: " + "x" * LONGEST, "longer than"),
        ("a: !!python/object/apply:os.system [true]", "leave the tag out"),
        ("\x00", "not YAML"),
        ('name: "\\ud800"', "surrogates not allowed"),
    ],
    ids=range(9),
)
def test_what_no_person_writes_is_no_scenario(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(UserError, match=words):
        read_yaml(path)
    assert time.process_time() - began < 2.0


DEEP: dict[str, Callable[[int], str]] = {
    "flow": lambda levels: "[" * levels + "]" * levels,
    "pairs": lambda levels: "{a: " * levels + "}" * levels,
    "dashes": lambda levels: "- " * levels + "a",
    "columns": lambda levels: "\n".join(" " * k + "a:" for k in range(levels)),
    "lists in columns": lambda levels: "\n".join(
        " " * k + "a:\n" + " " * k + "-" for k in range(levels // 2)
    ),
    "aliases": lambda levels: (
        "a0: &a0 []\n" + "\n".join(f"a{k}: &a{k} [*a{k - 1}]" for k in range(1, levels - 1))
    ),
}


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("style", DEEP)
def test_nesting_has_a_bound_that_no_loader_recurs_to(style: str, quick: bool) -> None:
    """The quick one would end the process by a fault of the segment."""
    text = DEEP[style]
    assert load(text(DEEPEST), quick)
    for levels in (DEEPEST + 2, 1_000, *([] if "columns" in style else [10_000, 30_000])):
        with pytest.raises(ValueError, match="nested too deeply"):
            load(text(levels), quick)


def test_anchors_that_a_person_writes_are_read() -> None:
    assert load("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a") == {
        "a": {"x": 1},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1},
    }
    assert load("") is None
