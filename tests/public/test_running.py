"""`rfast_bench.run` and `rfast_bench.load`: from scripts without a guard, from stdin, from threads, from notebooks."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import rfast_bench
from rfast_bench.errors import UserError

pytestmark = [pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {
    "name": "small",
    "workers": 3,
    "problem": {"kind": "quadratic", "dim": 3, "noise": 0.1},
    "compute": "100 ms",
    "algorithms": [{"name": "r-fast", "step_size": 0.05}, {"name": "ring-allreduce", "step_size": 0.2}],
    "stop": {"time": "3 s"},
    "evaluate": {"every": "1 s", "targets": {"gap": [0.5]}},
    "seeds": 2,
}
TEN_LINES = f"""
    import rfast_bench

    print("once")
    scenario = {SMALL!r}
    study = rfast_bench.run(scenario, out="out", jobs=2)
    curves = study.curves()
    print(sorted(curves["label"].unique()), sorted(curves["seed"].unique().tolist()), len(study.runs))
    print(study.table()["status"].tolist())
"""


def python(folder: Path, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words],
        input=text,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize("way", ["a script", "stdin"])
def test_nothing_asks_for_a_guard(way: str, tmp_path: Path) -> None:
    code = textwrap.dedent(TEN_LINES)
    (tmp_path / "study.py").write_text(code)
    done = python(tmp_path, "study.py") if way == "a script" else python(tmp_path, "-", text=code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "once",
        "['r-fast', 'ring-allreduce'] [0, 1] 4",
        "['ok', 'ok']",
    ]
    assert (tmp_path / "out" / "small" / "table.csv").is_file()
    assert "Traceback" not in done.stderr


def test_a_class_of_the_script_runs_in_both_worlds_and_is_kept(tmp_path: Path) -> None:
    method = (ROOT / "docs" / "examples" / "gossip_sgd.py").read_text(encoding="utf-8")
    scenario = {**SMALL, "world": "both", "seeds": 1, "stop": {"time": "1 s"}}
    code = f"""
import rfast_bench
scenario = {scenario!r}
scenario["algorithms"] = [{{"name": GossipSgd, "step_size": 0.1}}, "r-fast"]
scenario["algorithms"][1] = {{"name": "r-fast", "step_size": 0.05}}
study = rfast_bench.run(scenario, out="out", jobs=2)
print(study.table()[["world", "label", "status"]].values.tolist())
"""
    (tmp_path / "study.py").write_text(method + code)
    done = python(tmp_path, "study.py")
    assert done.returncode == 0, done.stderr
    found = [[world, label, "ok"] for world in ("simulated", "real") for label in ("GossipSgd", "r-fast")]
    rows = done.stdout.splitlines()[-1]
    for world, label, _ in found:
        assert f"['{world}', '{label}', " in rows
    (kept,) = (tmp_path / "out" / "given").glob("*.py")
    assert "class GossipSgd" in kept.read_text()
    assert "rfast_bench.run" not in kept.read_text()
    assert kept.name in (tmp_path / "out/small/simulated/GossipSgd/seed-0/scenario.yaml").read_text()


def test_from_a_thread_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(rfast_bench.run, SMALL, out=tmp_path, jobs=2, progress=False).result()
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("manifest.json")}
    assert len(written) == 4
    again = rfast_bench.run(SMALL, out=tmp_path, jobs=np.int64(1), progress=False)  # type: ignore[arg-type]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("manifest.json")} == written
    pd.testing.assert_frame_equal(first.curves(), again.curves())
    pd.testing.assert_frame_equal(first.table(), rfast_bench.load(tmp_path).table())
    more = rfast_bench.run(SMALL, changes={"seeds": 3}, out=tmp_path, jobs=1, progress=False)
    assert len(more.runs) == 6
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_the_same_records_as_the_command_line(tmp_path: Path) -> None:
    from tests.support.command_line import call

    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    assert call("run", path, "--out", tmp_path / "a", "--jobs", 1, "--no-plots").exit_code == 0
    scenarios: list[Any] = [path, str(path), SMALL, rfast_bench.Scenario.model_validate(SMALL)]
    for k, scenario in enumerate(scenarios):
        study = rfast_bench.run(scenario, out=tmp_path / f"b{k}", jobs=1, progress=False)
        for run in study.runs:
            there = tmp_path / "a" / run.folder.relative_to(tmp_path / f"b{k}")
            assert (run.folder / "curves.csv").read_bytes() == (there / "curves.csv").read_bytes()


def test_sweeps_have_columns_and_selections(tmp_path: Path) -> None:
    swept = {"sweep": {"network.loss": [0, 0.2]}, "seeds": 1}
    study = rfast_bench.run(SMALL, changes=swept, out=tmp_path, jobs=1, progress=False)
    assert study.labels == ["r-fast", "ring-allreduce"]
    assert study.curves().columns.tolist()[:6] == [
        "scenario",
        "world",
        "network.loss",
        "label",
        "algorithm",
        "seed",
    ]
    assert len(study.workers()) == 4 * 3
    half = study.select("r-fast", where=lambda run: run.point["network.loss"] == 0)
    assert len(half.runs) == 1
    compared = study.compare()
    assert set(compared["pace"]) <= {"faster", "level", "slower", ""}
    assert compared["network.loss"].tolist() == [0, 0, 0.2, 0.2]
    assert "<table" in study._repr_html_()
    assert repr(study) == "<Study: 4 runs of small; r-fast, ring-allreduce>"
    with pytest.raises(UserError, match="no label 'rfast'"):
        study.select("rfast")
    with pytest.raises(UserError, match="no run is left"):
        study.select(seeds=[9])


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ({**SMALL, "workers": "three"}, "scenario: workers: "),
        ({**SMALL, "wrkers": 3}, "scenario: unknown key 'wrkers'"),
        ("nowhere.yaml", "nowhere.yaml"),
        (3, "scenario: expected a file, the name of a shipped scenario, a mapping or a Scenario, found int"),
        (
            {**SMALL, "algorithms": [{"name": "r-fst", "step_size": 1}]},
            "algorithms.0.name: unknown algorithm",
        ),
    ],
)
def test_errors_have_the_words_of_the_command_line(scenario: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        rfast_bench.run(scenario, out=tmp_path / "out", jobs=1, progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"changes": {"description": "a\ud800"}}, r"scenario: 'a\\ud800' is no text: surrogates not allowed"),
        ({"jobs": 0}, "jobs: expected a whole number from 1 on, found 0"),
        ({"jobs": "2"}, "jobs: expected a whole number from 1 on, found '2'"),
        ({"jobs": 1.5}, "jobs: expected a whole number"),
        ({"changes": ["network.loss=0.1"]}, "changes: expected values by key path"),
        ({"out": None}, "out: expected a folder, found NoneType"),
    ],
)
def test_words_of_a_wrong_type_are_told(words: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        rfast_bench.run(SMALL, **{"out": tmp_path, "progress": False, **words})


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    changes = {
        "evaluate.targets.gap": np.array([0.5, 0.2]),
        "workers": np.int64(3),
        "seeds": np.int64(1),
        "sweep": {"network.loss": np.array([0.0, 0.1])},
    }
    study = rfast_bench.run(SMALL, changes=changes, out=tmp_path, jobs=2, progress=False)
    assert [run.targets["gap"] for run in study.runs] == [(0.5, 0.2)] * 4
    with pytest.raises(UserError, match="is Python's own"):
        rfast_bench.run({**SMALL, "algorithms": [{"name": int, "step_size": 1}]}, out=tmp_path)
    with pytest.raises(UserError, match="select: expected labels one by one"):
        study.select(["r-fast"])  # type: ignore[arg-type]
    assert {run.seed for run in study.select(seeds=0).runs} == {0}


def test_runs_that_fail_are_told_and_the_others_are_there(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(
        (ROOT / "docs/examples/gossip_sgd.py").read_text(encoding="utf-8").replace("k += 1", "k += 1 // 0")
    )
    changes = {"algorithms": [*SMALL["algorithms"], {"name": f"{own}:GossipSgd", "step_size": 0.1}]}
    with pytest.raises(rfast_bench.RunsFailed, match="2 of 6 runs failed"):
        rfast_bench.run(SMALL, changes=changes, out=tmp_path / "out", jobs=2, progress=False)
    assert len(rfast_bench.load(tmp_path / "out").runs) == 4


def test_importing_it_takes_no_time() -> None:
    code = "import sys, rfast_bench; print([m for m in ('numpy', 'pandas', 'torch', 'simpy') if m in sys.modules])"
    done = python(ROOT, "-c", code)
    assert done.stdout.strip() == "[]", done.stderr
    assert {"run", "load", "Study", "Scenario", "UserError", "RunsFailed"} <= set(dir(rfast_bench))
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        rfast_bench.runn  # noqa: B018


def test_studies_in_two_threads_leave_each_other_alone(tmp_path: Path) -> None:
    """The one that ends first ends only its own processes."""
    code = f"""
import threading, rfast_bench
scenario = {SMALL!r}
def go(k):
    study = rfast_bench.run({{**scenario, "name": f"s{{k}}", "seeds": 1 + 3 * k}}, out="out", jobs=2, progress=False)
    print(k, len(study.runs))
threads = [threading.Thread(target=go, args=(k,)) for k in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    done = python(tmp_path, "-", text=code)
    assert sorted(done.stdout.splitlines()) == ["0 2", "1 8"], done.stderr


@pytest.mark.parametrize(
    ("scenario", "changes", "words"),
    [
        (
            "quickstrat",
            {},
            "no scenario 'quickstrat': no file of that name is here, and none is shipped; did you mean",
        ),
        (
            SMALL,
            {"netwrk.loss": 1},
            "scenario, changed by changes=: unknown key 'netwrk'; did you mean 'network'?",
        ),
        (
            SMALL,
            {"network.loss": 9},
            "scenario, changed by changes=: network.loss: expected a number of at most 1",
        ),
        ({**SMALL, "seeds": "x"}, {"network.loss": 0.1}, "scenario: seeds: expected a whole number"),
        (
            SMALL,
            {"stragglers.0.slowdown": 4},
            "there is no item 0, for 'stragglers' is not given; set the whole list",
        ),
        (
            {**SMALL, "stragglers": []},
            {"stragglers.0.slowdown": 4},
            "'0' is not there, for the list is empty",
        ),
        (
            SMALL,
            {"algorithms.2.step_size": 4},
            "'2' is not there. Allowed: r-fast, ring-allreduce, or a position from",
        ),
    ],
)
def test_what_a_change_breaks_is_told_with_where_it_came_from(
    scenario: Any, changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as told:
        rfast_bench.run(scenario, out=tmp_path / "out", changes=changes, progress=False)
    assert words in str(told.value)
    assert not (tmp_path / "out").exists()
