"""Runs that fail or are killed, and sweeps that are carried to a cluster: what is left, and how it goes on."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.processes.fresh import spawned
from rfast_bench.processes.isolated import Died, forked, tidy
from rfast_bench.study.backends import Task
from rfast_bench.study.cluster import Cluster, over_cluster
from rfast_bench.study.sweep import expected_work
from tests.support.command_line import call, files_of, write

PLUG_IN = """
import os, signal
from rfast_bench.api import Algorithm, Gradient, StepSize

class {name}(Algorithm):
    def __init__(self, x0, *, step_size: StepSize):
        self.step_size, self.x = step_size, x0

    @property
    def model(self):
        return self.x

    def activities(self, node):
        return [self.run(node)]

    async def run(self, node):
        while True:
            self.x = self.x - self.step_size * await Gradient(self.x)
            {trouble}
"""
TROUBLE = {
    "Raises": "raise ZeroDivisionError('nothing left to divide')",
    "Killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "Exits": "os._exit(7)",
}
SAID = {
    "Raises": "ZeroDivisionError: nothing left to divide",
    "Killed": "killed by signal 9 (SIGKILL",
    "Exits": "exit code 7",
}
SHORT: dict[str, Any] = {"stop": {"time": "3 s"}, "network": {"loss": 0.1}}


def troubled(folder: Path, name: str) -> str:
    """A scenario with two sound runs and two that come to grief."""
    (folder / "plug_in.py").write_text(PLUG_IN.format(name=name, trouble=TROUBLE[name]))
    plug_in = {"name": f"plug_in.py:{name}", "step_size": 0.1}
    return write(folder, algorithms=[plug_in, {"name": "ring-allreduce", "step_size": 0.1}], **SHORT)


def mend(folder: Path, name: str) -> None:
    (folder / "plug_in.py").write_text(PLUG_IN.format(name=name, trouble="pass"))


def flat(text: str) -> str:
    return " ".join(text.split())


# ------------------------------------------------------------------------------------------- what goes wrong
@pytest.mark.parametrize("name", list(TROUBLE))
def test_what_fails_is_reported_and_the_others_finish(tmp_path: Path, name: str) -> None:
    path, out = troubled(tmp_path, name), tmp_path / "out"
    result = call("run", path, "--out", out, "--jobs", 2, "--no-plots")
    assert result.exit_code == 1, result.output
    for seed in (0, 1):
        assert f"{name} seed {seed}: " in flat(result.stderr)
        failed = out / "small" / name / f"seed-{seed}"
        assert [file.name for file in failed.iterdir()] == ["failure.txt"]
        assert SAID[name] in (failed / "failure.txt").read_text()
        assert (out / "small" / "ring-allreduce" / f"seed-{seed}" / "curves.csv").exists()
    assert "2 of 4 runs failed" in result.stderr
    assert SAID[name] in result.stderr
    assert "ring-allreduce" in (out / "small" / "table.md").read_text()
    assert name not in (out / "small" / "table.md").read_text()


def test_the_next_run_takes_up_only_what_is_missing(tmp_path: Path) -> None:
    """Also when one run alone is left: it must not take the launcher along."""
    path, out = troubled(tmp_path, "Killed"), tmp_path / "out"
    once = ("run", path, "--out", out, "--jobs", 2, "--no-plots", "--set", "seeds=1")
    assert "1 of 2 runs failed" in call(*once).stderr
    kept = out / "small" / "ring-allreduce" / "seed-0" / "manifest.json"
    before = kept.read_bytes()
    again = call(*once)
    assert again.exit_code == 1
    assert "1 of 2 runs are already there" in flat(again.stdout)
    mend(tmp_path, "Killed")
    assert call(*once).exit_code == 0
    assert kept.read_bytes() == before
    files = {file.name for file in (out / "small" / "Killed" / "seed-0").iterdir()}
    assert "curves.csv" in files
    assert "failure.txt" not in files


def test_one_job_reports_what_an_algorithm_raises_and_goes_on(tmp_path: Path) -> None:
    result = call("run", troubled(tmp_path, "Raises"), "--out", tmp_path, "--jobs", 1, "--no-plots")
    assert result.exit_code == 1
    assert "2 of 4 runs failed" in result.stderr
    assert "activity.send" in (tmp_path / "small" / "Raises" / "seed-0" / "failure.txt").read_text()


def test_where_all_fail_there_is_no_table(tmp_path: Path) -> None:
    path = troubled(tmp_path, "Raises")
    only = ("--set", "algorithms=[{name: 'plug_in.py:Raises', step_size: 1}]")
    result = call("run", path, "--out", tmp_path, "--jobs", 2, "--no-plots", *only)
    assert result.exit_code == 1
    assert "2 of 2 runs failed" in result.stderr


def test_a_failure_does_not_leave_an_older_runs_records_in_its_place(tmp_path: Path) -> None:
    path, out = troubled(tmp_path, "Raises"), tmp_path / "out"
    mend(tmp_path, "Raises")
    assert call("run", path, "--out", out, "--jobs", 2, "--no-plots").exit_code == 0
    troubled(tmp_path, "Raises")  # the file has changed, so that its runs are done again
    assert call("run", path, "--out", out, "--jobs", 2, "--no-plots").exit_code == 1
    assert "Raises" not in call("table", out / "small").output


# ---------------------------------------------------------------------------------------- one process a run
def test_an_answer_comes_back_from_either_kind_of_process() -> None:
    with tidy() as living:
        assert forked(living, divmod, 7, 3) == (2, 1)
    assert spawned(divmod, 7, 3) == (2, 1)


def test_a_process_that_ends_is_told_from_one_that_answers() -> None:
    import os

    with tidy() as living, pytest.raises(Died, match="exit code 3"):
        forked(living, os._exit, 3)
    with pytest.raises(Died, match="exit code 3"):
        spawned(os._exit, 3)


def test_longest_runs_are_expected_to_be_so(tmp_path: Path) -> None:
    path = write(tmp_path, sweep={"workers": [4, 12], "stop.time": ["2 s", "9 s"]}, seeds=1)
    work = {
        (run.scenario.workers, run.scenario.stop.time): expected_work(run)
        for run in plan(load_points(Path(path)))
    }
    assert work[12, 9.0] > work[4, 9.0] > work[12, 2.0] > work[4, 2.0]


# ------------------------------------------------------------------------------------------------- clusters
@pytest.fixture(scope="module")
def dask_address() -> Iterator[str]:
    """Two worker processes on this machine, gone after the last test."""
    distributed = pytest.importorskip("distributed", reason="needs pip install '.[dask]'")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.timeout(180)
def test_a_dask_cluster_gives_the_same_bytes(tmp_path: Path, dask_address: str) -> None:
    path = write(tmp_path, **SHORT)
    here = call("run", path, "--out", tmp_path / "here", "--jobs", 1, "--no-plots")
    there = call(
        *("run", path, "--out", tmp_path / "there", "--no-plots", "--backend", "dask"),
        *("--address", dask_address),
    )
    assert (here.exit_code, there.exit_code) == (0, 0), there.output
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")


@pytest.mark.timeout(180)
def test_a_run_that_dies_on_a_dask_cluster_is_reported(tmp_path: Path, dask_address: str) -> None:
    path = troubled(tmp_path, "Killed")
    cluster = ("--backend", "dask", "--address", dask_address)
    result = call("run", path, "--out", tmp_path, "--no-plots", *cluster)
    assert result.exit_code == 1, result.output
    assert "2 of 4 runs failed" in result.stderr
    assert SAID["Killed"] in result.stderr
    assert (tmp_path / "small" / "ring-allreduce" / "seed-1" / "curves.csv").exists()


@pytest.mark.timeout(180)
def test_a_ray_cluster_gives_the_same_bytes(tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs pip install '.[ray]'")
    path = write(tmp_path, **SHORT)
    here = call("run", path, "--out", tmp_path / "here", "--jobs", 1, "--no-plots")
    there = call(
        *("run", path, "--out", tmp_path / "there", "--no-plots", "--backend", "ray", "--address", "local")
    )
    assert (here.exit_code, there.exit_code) == (0, 0), there.output
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")


def test_files_that_differ_on_the_cluster_are_noticed(tmp_path: Path, dask_address: str) -> None:
    path = troubled(tmp_path, "Raises")
    run = plan(load_points(Path(path)))[0]
    assert run.hash
    mend(tmp_path, "Raises")
    ((_, result),) = over_cluster([Task(run, None, 0)], Cluster("dask", dask_address))
    assert "has another version" in getattr(result, "reason", "")


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs pip install '.[dask]'")
    monkeypatch.setattr("rfast_bench.study.cluster.PATIENCE", 1)
    run = plan(load_points(Path(write(tmp_path))))[0]
    with pytest.raises(UserError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        next(iter(over_cluster([Task(run, None, 0)], Cluster("dask", "tcp://127.0.0.1:9"))))


def test_a_back_end_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    result = call(
        "run", write(tmp_path), "--out", tmp_path / "out", "--backend", "ray", "--address", "127.0.0.1:6379"
    )
    assert result.exit_code == 2
    assert "pip install '.[ray]'" in result.stderr


@pytest.mark.parametrize("wrong", [("--backend", "dask"), ("--address", "tcp://127.0.0.1:8786")])
def test_a_back_end_and_its_address_come_together(tmp_path: Path, wrong: tuple[str, str]) -> None:
    result = call("run", write(tmp_path), "--out", tmp_path / "out", *wrong)
    assert result.exit_code == 2
    assert "--address" in result.stderr


def test_the_real_world_stays_on_its_own_machines(tmp_path: Path) -> None:
    result = call(
        *("run", write(tmp_path), "--out", tmp_path / "out", "--world", "real"),
        *("--backend", "dask", "--address", "tcp://127.0.0.1:9"),
    )
    assert result.exit_code == 2
    assert "simulated world" in result.stderr


def test_manifests_say_where_a_clusters_run_was_done(tmp_path: Path, dask_address: str) -> None:
    cluster = ("--backend", "dask", "--address", dask_address, "--set", "seeds=1")
    call("run", write(tmp_path, **SHORT), "--out", tmp_path, "--no-plots", *cluster)
    manifest = json.loads((tmp_path / "small" / "r-fast" / "seed-0" / "manifest.json").read_text())
    assert manifest["machine"]["cores"] >= 1
    assert manifest["wall_seconds"] > 0
