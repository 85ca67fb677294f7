"""The best graph of a declared list is found as the best step is; each candidate has the step that is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points
from rfast_bench.records.reading import find_runs
from tests.support.command_line import call, write

TUNE: dict[str, Any] = {
    "objective": {"time_to": {"gap": 0.1}},
    "parameters": {"step_size": {"values": [0.2, 0.5], "effective": True}},
    "seeds": 1,
}
PROBLEM = {"kind": "logistic-regression", "dataset": "wine", "partition": "by-label"}


def entry(name: str, *graphs: Any, **others: Any) -> dict[str, Any]:
    return {"name": name, "topology": {"tune": list(graphs)}, **others}


def tuned(folder: Path, *algorithms: Any, **changes: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    """The reported runs by label, and the table of all candidates."""
    settings = {
        "problem": PROBLEM,
        "stop": {"time": "20 s"},
        "tune": TUNE,
        "workers": 5,
        "seeds": 1,
        **changes,
    }
    path = write(folder, algorithms=list(algorithms), **settings)
    result = call("run", path, "--out", folder / "out", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(folder / "out" / "small" / "tuning" / "tuning.csv")
    return {run.label: run for run in find_runs([folder / "out"])}, table


def test_every_graph_is_tried_with_every_step_and_the_best_pair_is_reported(tmp_path: Path) -> None:
    runs, table = tuned(tmp_path, entry("d-psgd", "ring", "complete"))
    run = runs["d-psgd"]
    assert len(table) == 4
    assert set(table["topology"]) == {"ring", "complete"}
    chosen = table[table["chosen"]].iloc[0]
    seconds = table["result"].str.extract(r"^(?:beyond )?([0-9.]+) s")[0].astype(float)
    assert chosen["result"] == f"{seconds.min():g} s"
    assert run.topology_info is not None
    assert run.topology_info.name.startswith(chosen["topology"])
    assert run.effective_step == pytest.approx(chosen["effective_step"])
    assert run.tuned["topology"]["value"] == chosen["topology"]
    assert "topology" not in run.parameters


def test_the_step_is_that_of_the_graph_that_won(tmp_path: Path) -> None:
    """R-FAST's step size for one effective step differs from graph to graph."""
    runs, table = tuned(tmp_path, entry("r-fast", "binary-tree", "exponential"))
    run = runs["r-fast"]
    plain = load_points(
        Path(
            write(
                tmp_path,
                problem=PROBLEM,
                workers=5,
                algorithms=[
                    {
                        "name": "r-fast",
                        "topology": run.tuned["topology"]["value"],
                        "step_size": {"effective": run.tuned["step_size"]["value"]},
                    }
                ],
            )
        )
    )[0]
    assert run.step_size == pytest.approx(plain.scenario.algorithms[0].parameters["step_size"])
    assert table["chosen"].sum() == 1


def test_a_graph_it_cannot_run_on_is_left_out_and_a_mapping_is_a_graph_too(tmp_path: Path) -> None:
    runs, table = tuned(
        tmp_path,
        entry("r-fast", "ring", {"kind": "binary-tree", "root": 2}, step_size=0.05),
        entry("d-psgd", "ring", "binary-tree"),
    )
    assert set(table[table["label"] == "d-psgd"]["topology"]) == {"ring"}
    assert set(table[table["label"] == "r-fast"]["topology"]) <= {"ring", "binary-tree root=2"}
    assert runs["r-fast"].tuned["topology"]["value"] in ("ring", {"kind": "binary-tree", "root": 2})


def test_one_list_for_all_that_have_a_graph_and_name_none(tmp_path: Path) -> None:
    tune = {**TUNE, "parameters": {"step_size": [0.2], "topology": ["ring", "complete"]}}
    runs, table = tuned(
        tmp_path,
        {"name": "d-psgd"},
        {"name": "d-psgd", "label": "own", "topology": "ring"},
        {"name": "ring-allreduce"},
        tune=tune,
    )
    tried = {str(label): set(rows["topology"].dropna()) for label, rows in table.groupby("label")}
    assert tried["d-psgd"] == {"ring", "complete"}
    assert tried["own"] == set()
    assert tried["ring-allreduce"] == set()
    assert "topology" not in runs["own"].tuned


@pytest.mark.parametrize(
    ("algorithm", "changes", "said"),
    [
        (
            entry("d-psgd", "ring", step_size=1),
            {},
            "algorithms.0.topology: is to be tuned, but the scenario has no",
        ),
        (
            entry("d-psgd", "ring", "rings"),
            {"tune": TUNE},
            "algorithms.0.topology.tune.1.kind: found 'rings'; did you",
        ),
        (
            entry("d-psgd", {"kind": "ring", "roots": 1}),
            {"tune": TUNE},
            "algorithms.0.topology.tune.0: unknown key 'roots'",
        ),
        (
            {**entry("d-psgd"), "topology": {"tune": {"from": 1, "factor": 2, "count": 2}}},
            {"tune": TUNE},
            "a list of graphs",
        ),
        (entry("d-psgd", "ring", "ring"), {"tune": TUNE}, "a value comes twice"),
        (entry("d-psgd", "ring", {"kind": "ring"}), {"tune": TUNE}, "topology.tune.1: a value comes twice"),
        (entry("d-psgd", "line", {"kind": "line", "root": 0}), {"tune": TUNE}, "tune.1: a value comes twice"),
        (
            {**entry("d-psgd"), "topology": {"tune": "ring"}},
            {"tune": TUNE},
            "algorithms.0.topology.tune: expected a list of values, or a range",
        ),
        (entry("ring-allreduce", "ring"), {"tune": TUNE}, "it runs on no graph; leave topology out"),
    ],
)
def test_what_cannot_be_tuned_is_told(
    algorithm: dict[str, Any], changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    result = call("run", write(tmp_path, algorithms=[algorithm], **changes), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("graphs", "said"),
    [
        (["ring", "rings"], "1.kind: found 'rings'; did you mean 'ring'?"),
        (["ring", {"kid": "ring"}], "1: unknown key 'kid'; did you mean 'kind'?"),
        (["line", {"kind": "line", "root": 9}], "1.root: worker 9 does not exist"),
        (["ring", 3], "1: expected the name of a kind, or a mapping such as {kind: line, root: 1} (found 3)"),
        (
            ["ring", {"kind": "ring"}],
            "1: a value comes twice (found {'kind': 'ring'}; it is the graph of position 0)",
        ),
    ],
)
def test_a_wrong_graph_of_all_is_told_once_with_its_position(
    graphs: list[Any], said: str, tmp_path: Path
) -> None:
    tune = {**TUNE, "parameters": {"step_size": [0.2], "topology": graphs}}
    result = call(
        "run", write(tmp_path, algorithms=["d-psgd", "r-fast"], tune=tune), "--out", tmp_path / "out"
    )
    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert f"tune.parameters.topology.{said}" in told
    assert told.count("topology") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("tune.parameters.topology=ring", "tune.parameters.topology: expected a list of values, or a range"),
        ("tune.parameters.topology=3", "tune.parameters.topology: expected a list of values, or a range"),
        ("algorithms.0.topology=3", "algorithms.0.topology: expected the name of a kind, or a mapping"),
        ("algorithms.0.topology=[ring]", "algorithms.0.topology: expected the name of a kind, or a mapping"),
    ],
)
def test_what_is_no_graph_is_told_in_plain_words(override: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_points(Path(write(tmp_path, algorithms=[{"name": "d-psgd"}], tune=TUNE)), (override,))
    assert said in str(caught.value)
    assert "Spec" not in str(caught.value)
    assert "Grid" not in str(caught.value)


def test_what_a_point_gives_is_not_overwritten_by_what_was_found_where_it_is_tuned(tmp_path: Path) -> None:
    """The anchor has no sweep, so that a value is found there that a swept entry gives itself."""
    tune = {**TUNE, "parameters": {"step_size": [0.1, 0.2], "topology": ["ring", "complete"]}}
    settings = {"problem": PROBLEM, "stop": {"time": "5 s"}, "tune": tune, "workers": 5, "seeds": 1}
    sweep = {"algorithms.0.topology": ["star", "line"]}
    path = write(tmp_path, algorithms=[{"name": "d-psgd"}], sweep=sweep, **settings)
    result = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    for run in find_runs([tmp_path / "out"]):
        assert run.topology_info is not None
        assert run.topology_info.name.startswith(run.point["algorithms.0.topology"])
        assert set(run.tuned) == {"step_size"}
    steps_tried = {"algorithms.0.step_size": [0.01, 0.02]}
    tune = {**TUNE, "parameters": {"step_size": [0.1], "optimizer.momentum": [0.0, 0.5]}}
    path = write(
        tmp_path, algorithms=[{"name": "ring-allreduce"}], sweep=steps_tried, **{**settings, "tune": tune}
    )
    result = call("run", path, "--out", tmp_path / "steps", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    steps = [(run.step_size, run.point["algorithms.0.step_size"]) for run in find_runs([tmp_path / "steps"])]
    assert steps == [(0.01, 0.01), (0.02, 0.02)]


@pytest.mark.parametrize("graphs", [["hypercube", "exponential"], ["exponential", "hypercube"]])
def test_an_effective_step_waits_for_the_graph(graphs: list[str], tmp_path: Path) -> None:
    """Also where the first of the list is impossible; where all are, the method is skipped."""
    tune = {**TUNE, "parameters": {"topology": graphs}}
    runs, _ = tuned(tmp_path, {"name": "r-fast", "step_size": {"effective": 0.3}}, tune=tune)
    assert runs["r-fast"].effective_step == pytest.approx(0.3)
    assert runs["r-fast"].tuned["topology"]["value"] == "exponential"
    both = {
        **TUNE,
        "parameters": {"topology": ["hypercube"], "step_size": {"values": [0.5], "effective": True}},
    }
    (tmp_path / "none").mkdir()
    runs, _ = tuned(tmp_path / "none", {"name": "r-fast"}, {"name": "ring-allreduce"}, tune=both)
    assert runs["r-fast"].status == "skipped"
    assert runs["r-fast"].step_size is None


@pytest.mark.parametrize(("values", "best"), [([4, 3], 3), ([4, 2, 1, 3], None)])
def test_values_with_which_a_method_cannot_run_are_not_tried(
    values: list[int], best: int | None, tmp_path: Path
) -> None:
    """m of m-sync is at most n = 3; in whichever order they stand."""
    algorithms = [{"name": "m-sync", "step_size": 0.1, "m": {"tune": values}}]
    changes = {"workers": 3, "stragglers": [], "algorithms": algorithms}
    changes |= {"tune": {"objective": {"final": "loss"}, "seeds": 1}, "seeds": 1}
    path, out = write(tmp_path, **changes), tmp_path / "out"
    done = call("run", path, "--out", out, "--no-plots", "--jobs", 1)
    assert done.exit_code == 0, done.output
    (run,) = find_runs([out])
    assert run.parameters["m"] <= 3
    assert best in (None, run.parameters["m"])
