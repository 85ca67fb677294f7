"""The command line: what it leaves, how it ends, and how it goes on after being stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.support.command_line import call, files_of, write


# ---------------------------------------------------------------------------------------- what run leaves
def test_run_leaves_records_a_table_and_plots(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call("run", write(tmp_path), "--out", out, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "r-fast" in result.output
    home = out / "small"
    assert {p.name for p in (home / "r-fast" / "seed-0").iterdir()} == {
        *("manifest.json", "scenario.yaml", "curves.csv", "workers.csv"),
        *("staleness.csv", "timeline.csv", "topology.csv"),
    }
    assert {"table.md", "table.csv", "gap-vs-time.png", "timeline.png"} <= {p.name for p in home.iterdir()}
    curves = pd.read_csv(home / "r-fast" / "seed-0" / "curves.csv")
    assert curves["time"].tolist() == [float(t) for t in range(11)]
    assert curves["gap"].iloc[-1] < curves["gap"].iloc[0] / 10
    assert curves["residual"].max() < 1e-12


def test_workers_account_for_all_their_time(tmp_path: Path) -> None:
    call("run", write(tmp_path), "--out", tmp_path, "--jobs", 1, "--no-plots")
    workers = pd.read_csv(tmp_path / "small" / "ring-allreduce" / "seed-0" / "workers.csv")
    assert (workers["busy"] + workers["waiting"]).tolist() == pytest.approx([10.0] * 4)
    assert workers["waiting"].idxmin() == 1  # the straggler makes the others wait
    fast = pd.read_csv(tmp_path / "small" / "r-fast" / "seed-0" / "workers.csv")
    assert fast["waiting"].max() < 1e-9
    assert fast["gradients"].iloc[1] < fast["gradients"].iloc[0] / 2


def test_the_recorded_scenario_runs_again_to_the_same_bytes(tmp_path: Path) -> None:
    call("run", write(tmp_path), "--out", tmp_path / "a", "--jobs", 1, "--no-plots")
    recorded = tmp_path / "a" / "small" / "r-fast" / "seed-1" / "scenario.yaml"
    raw = yaml.safe_load(recorded.read_text())
    raw |= {"first_seed": raw.pop("seed")}
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(raw))
    result = call("run", again, "--out", tmp_path / "b", "--jobs", 1, "--no-plots")
    assert result.exit_code == 0, result.output
    curves = "small/r-fast/seed-1/curves.csv"
    assert (tmp_path / "a" / curves).read_bytes() == (tmp_path / "b" / curves).read_bytes()


def test_one_and_two_jobs_give_the_same_bytes(tmp_path: Path) -> None:
    problem = {"kind": "logistic-regression", "dataset": "wine", "batch_size": 8}
    path = write(tmp_path, problem=problem)
    for jobs in (1, 2):
        result = call("run", path, "--out", tmp_path / str(jobs), "--jobs", jobs, "--no-plots")
        assert result.exit_code == 0, result.output
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")


def test_a_sweep_has_a_folder_for_each_point(tmp_path: Path) -> None:
    path = write(tmp_path, sweep={"network.loss": [0, 0.3]}, seeds=1)
    result = call("run", path, "--out", tmp_path, "--jobs", 1, "--no-plots")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "small" / "loss=0" / "r-fast" / "seed-0").is_dir()
    table = pd.read_csv(tmp_path / "small" / "table.csv")
    assert len(table) == 6


@pytest.mark.parametrize("style", ["md", "csv", "latex", "html", "terminal"])
def test_table_and_plot_read_what_run_left(tmp_path: Path, style: str) -> None:
    call("run", write(tmp_path, seeds=1), "--out", tmp_path, "--jobs", 1, "--no-plots")
    result = call("table", tmp_path / "small", "--format", style, "--baseline", "ring-allreduce")
    assert result.exit_code == 0, result.output
    assert "ad-psgd" in result.output


def test_plot_names_the_figures_it_draws(tmp_path: Path) -> None:
    call("run", write(tmp_path, seeds=1), "--out", tmp_path, "--jobs", 1, "--no-plots")
    result = call("plot", tmp_path / "small", "-o", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    assert {Path(line).name for line in result.output.split()} == {
        p.name for p in (tmp_path / "figures").iterdir()
    }


def test_stop_rules_and_targets(tmp_path: Path) -> None:
    for stop, reason in (
        ({"iterations": 7}, "iterations"),
        ({"epochs": 5}, "epochs"),
        ({"time": "3 s"}, "time"),
        ({"time": "100 s", "target": {"gap": 0.2}}, "target"),
    ):
        out = tmp_path / reason
        call("run", write(tmp_path, stop=stop, seeds=1), "--out", out, "--jobs", 1, "--no-plots")
        for label in ("r-fast", "ring-allreduce"):
            folder = out / "small" / label / "seed-0"
            assert json.loads((folder / "manifest.json").read_text())["stopped_by"] == reason
            last = pd.read_csv(folder / "curves.csv").iloc[-1]
            reached = {
                "iterations": last["iterations_mean"] in (7.0, 7.25),
                "epochs": last["epoch"] == 5.0,
                "time": last["time"] == 3.0,
                "target": last["gap"] <= 0.2 and last["time"] < 100,
            }
            assert reached[reason], (label, last)


def test_synchronous_methods_stop_at_a_common_round(tmp_path: Path) -> None:
    algorithms = [{"name": n, "step_size": 0.1} for n in ("ring-allreduce", "d-psgd", "osgp")]
    path = write(tmp_path, algorithms=algorithms, stop={"iterations": 9}, seeds=1)
    call("run", path, "--out", tmp_path, "--jobs", 1, "--no-plots")
    for name in ("ring-allreduce", "d-psgd", "osgp"):
        workers = pd.read_csv(tmp_path / "small" / name / "seed-0" / "workers.csv")
        assert workers["gradients"].tolist() == [9] * 4


def test_a_diverging_run_is_recorded_as_such(tmp_path: Path) -> None:
    path = write(tmp_path, stop={"time": "1000 s"}, seeds=1)
    result = call("run", path, "--out", tmp_path, "--set", "algorithms.r-fast.step_size=50", "--no-plots")
    assert result.exit_code == 0, result.output
    assert "diverged" in result.output
    manifest = json.loads((tmp_path / "small" / "r-fast" / "seed-0" / "manifest.json").read_text())
    assert (manifest["status"], manifest["stopped_by"]) == ("diverged", "diverged")


def test_the_last_row_is_of_the_last_iteration(tmp_path: Path) -> None:
    """Also when a look of the grid fell on the very same instant, before that iteration."""
    only = [{"name": "d-psgd", "step_size": 0.1}]
    path = write(
        tmp_path, algorithms=only, compute="1 s", network={}, stragglers=[], stop={"iterations": 20}, seeds=1
    )
    for every in ("5 s", "0.7 s"):
        call("run", path, "--out", tmp_path / every, "--set", f"evaluate.every={every}", "--no-plots")
    tables = [
        pd.read_csv(tmp_path / e / "small" / "d-psgd" / "seed-0" / "curves.csv") for e in ("5 s", "0.7 s")
    ]
    assert [t["iterations_mean"].iloc[-1] for t in tables] == [20.0, 20.0]
    assert tables[0]["loss"].iloc[-1] == tables[1]["loss"].iloc[-1]


def test_a_target_met_at_the_start_ends_the_run_there(tmp_path: Path) -> None:
    stop = {"time": "10 s", "target": {"gap": 1e6}}
    call("run", write(tmp_path, stop=stop, seeds=1), "--out", tmp_path, "--no-plots")
    curves = pd.read_csv(tmp_path / "small" / "r-fast" / "seed-0" / "curves.csv")
    assert curves["time"].tolist() == [0.0]


def test_a_run_in_which_nothing_can_happen_any_more_is_ended(tmp_path: Path) -> None:
    only = [{"name": "d-psgd", "step_size": 0.1}, {"name": "ring-allreduce", "step_size": 0.1}]
    path = write(tmp_path, algorithms=only, network={"loss": 1}, stop={"iterations": 20}, seeds=1)
    call("run", path, "--out", tmp_path, "--no-plots")
    for name in ("d-psgd", "ring-allreduce"):
        manifest = json.loads((tmp_path / "small" / name / "seed-0" / "manifest.json").read_text())
        assert (manifest["status"], manifest["stopped_by"]) == ("stalled", "stalled")
    assert "stalled" in call("table", tmp_path / "small").output


def test_a_second_gradient_while_one_is_outstanding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text(
        "from rfast_bench.api import Algorithm, Gradient, StepSize\n"
        "class Greedy(Algorithm):\n"
        "    def __init__(self, x0, *, step_size: StepSize):\n"
        "        self.model = x0\n"
        "    model = None\n"
        "    def activities(self, node):\n"
        "        return [self.run(), self.run()]\n"
        "    async def run(self):\n"
        "        await Gradient(self.model)\n"
    )
    only = [{"name": "greedy.py:Greedy", "step_size": 1}]
    result = call("run", write(tmp_path, algorithms=only), "--out", tmp_path, "--jobs", 1, "--no-plots")
    assert result.exit_code == 1
    assert (
        "worker 0 asked for a gradient while another is outstanding, which was asked for at" in result.stderr
    )
    assert "greedy.py:9. Rule `one-gradient`" in result.stderr


# --------------------------------------------------------------------------------------------- how it ends
@pytest.mark.parametrize(
    "wrong",
    [
        ("--set", "network.latncy=3"),
        ("--set", "network.loss=1.5"),
        ("--set", "workers=0"),
        ("--set", "problem={kind: logistic-regression, dataset: {kind: csv, path: none.csv, target: y}}"),
        ("--set", "algorithms.0.name=rfast"),
        ("--set", "nowhere=1"),
        ("--set", "problem={kind: mlp, dataset: wine}"),  # its gap is not known
        ("--out", "/dev/null/out"),
    ],
)
def test_bad_input_is_one_message_exit_code_2_and_nothing_written(
    tmp_path: Path, wrong: tuple[str, str]
) -> None:
    out = tmp_path / "out"
    result = call("run", write(tmp_path), "--out", out, *wrong)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    assert not out.exists()


def unsound(folder: Path) -> str:
    (folder / "w.txt").write_text("0 1\n0 2\n0 3\n")
    (folder / "a.txt").write_text("0 1\n2 1\n3 1\n")
    topology = {"w": "w.txt", "a": "a.txt"}
    return write(folder, algorithms=[{"name": "r-fast", "step_size": 0.1, "topology": topology}], seeds=1)


def test_a_pair_without_a_common_root_is_refused(tmp_path: Path) -> None:
    path, out = unsound(tmp_path), tmp_path / "out"
    refused = call("run", path, "--out", out)
    assert refused.exit_code == 2
    assert "no common root" in refused.stderr
    assert not out.exists()
    checked = call("topology", "check", path)
    assert checked.exit_code == 1
    assert "cannot be reached from" in checked.output


def test_with_allow_unsound_it_runs_and_every_table_says_so(tmp_path: Path) -> None:
    result = call("run", unsound(tmp_path), "--out", tmp_path, "--set", "allow_unsound=true", "--no-plots")
    assert result.exit_code == 0, result.output
    assert "no common root" in result.output
    for style in ("md", "csv", "latex", "html"):
        assert "no common root" in call("table", tmp_path / "small", "--format", style).output


def test_what_cannot_run_is_skipped_and_shown(tmp_path: Path) -> None:
    result = call("run", write(tmp_path, workers=5), "--out", tmp_path, "--jobs", 1, "--no-plots")
    assert result.exit_code == 0, result.output
    assert "odd cycle" in " ".join(result.output.split())
    assert not (tmp_path / "small" / "ad-psgd" / "seed-0" / "curves.csv").exists()


def test_check_names_what_will_be_skipped_also_where_steps_are_tuned(tmp_path: Path) -> None:
    algorithms = [
        {"name": "r-fast"},
        {"name": "ad-psgd", "topology": "ring"},
        {"name": "ring-allreduce", "step_size": 0.1},
    ]
    tune = {"parameters": {"step_size": [0.1, 0.05]}, "objective": {"final": "gap"}, "seeds": 1}
    result = call("check", write(tmp_path, workers=5, algorithms=algorithms, tune=tune, seeds=2))
    assert result.exit_code == 0, result.output
    assert "6 (3 algorithms x 2 seeds); 2 of them will be skipped" in result.output
    assert "skipped     ad-psgd: " in result.output
    assert "odd cycle" in result.output
    path, out = tmp_path / "scenario.yaml", tmp_path / "out"
    assert call("run", path, "--out", out, "--no-plots", "--jobs", 1).exit_code == 0
    again = call("check", path, "--out", out).output
    assert (
        "2 runs before them, and more where a best value lies at the edge of its range; 2 of them are there"
        in again
    )
    assert "2 of them are there already" in again.partition("tuning")[0], "those whose step is given"


def test_nothing_can_run_is_exit_code_2(tmp_path: Path) -> None:
    only = [{"name": "ad-psgd", "step_size": 0.1, "topology": "ring"}]
    out = tmp_path / "out"
    result = call("run", write(tmp_path, workers=5, algorithms=only), "--out", out)
    assert result.exit_code == 2
    assert "odd cycle" in result.stderr
    assert not out.exists()


def test_shipped_scenarios_are_found_by_name(tmp_path: Path) -> None:
    result = call(
        "run", "quickstart", "--out", tmp_path, "--set", "stop.time=1 s", "--set", "seeds=1", "--no-plots"
    )
    assert result.exit_code == 0, result.output


def test_list_names_what_there_is() -> None:
    output = call("list").output
    for word in ("r-fast", "binary-tree", "quickstart"):
        assert word in output


# ------------------------------------------------------------------------------------ stopping and going on
def test_a_second_run_does_only_what_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path)
    call("run", path, "--out", tmp_path, "--jobs", 1, "--no-plots")
    kept, gone = (tmp_path / "small" / "r-fast" / f"seed-{k}" / "manifest.json" for k in (0, 1))
    before = kept.read_bytes()
    gone.unlink()
    result = call("run", path, "--out", tmp_path, "--jobs", 1, "--no-plots")
    assert "5 of 6 runs are already there" in result.output
    assert kept.read_bytes() == before
    assert gone.exists()
    call("run", path, "--out", tmp_path, "--jobs", 1, "--no-plots", "--fresh")
    assert kept.read_bytes() != before  # its wall time at least


def test_a_changed_scenario_is_run_again(tmp_path: Path) -> None:
    call("run", write(tmp_path), "--out", tmp_path, "--jobs", 1, "--no-plots")
    result = call("run", write(tmp_path), "--out", tmp_path, "--set", "network.loss=0.3", "--no-plots")
    assert "already there" not in result.output


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_keeps_finished_runs_and_the_next_run_goes_on(tmp_path: Path, jobs: int) -> None:
    path = write(tmp_path, stop={"time": "200 s"}, evaluate={"every": "1 s"}, seeds=4)
    command = [
        sys.executable,
        "-m",
        "rfast_bench.cli",
        "run",
        path,
        "--out",
        str(tmp_path),
        "--jobs",
        str(jobs),
    ]
    child = subprocess.Popen(
        [*command, "--no-plots"], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    home = tmp_path / "small"
    deadline = time.monotonic() + 60
    while len(list(home.glob("[!.]*/[!.]*/manifest.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 130, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    kept = len(list(home.glob("[!.]*/[!.]*/manifest.json")))
    assert 2 <= kept < 12
    result = call("run", path, "--out", tmp_path, "--jobs", 2, "--no-plots")
    assert f"{kept} of 12 runs are already there" in result.output
    assert len(list(home.glob("[!.]*/[!.]*/manifest.json"))) == 12
    assert not list(home.glob("*/.*"))


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    path = Path(write(tmp_path))
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); from rfast_bench.cli.commands import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-P", "-c", code, "run", str(path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: the working folder does not exist any more")


def test_completion_knows_commands_without_importing_them() -> None:
    asked = {"COMP_WORDS": "rfast-bench t", "COMP_CWORD": "1", "_RFAST_BENCH_COMPLETE": "bash_complete"}
    code = "import sys; from rfast_bench.cli.commands import main\n"
    code += "try: main(prog_name='rfast-bench')\nexcept SystemExit: pass\nassert 'numpy' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["plain,table", "plain,topology", "plain,trace"]


@pytest.mark.parametrize(
    ("network", "free"),
    [
        ({"loss": 0.1}, True),
        ({"links": [{"from": 0, "to": 1, "loss": 0.1}]}, True),
        ({"loss": 0.1, "bandwidth": "1 MB/s"}, True),
        ({}, False),
        ({"loss": 0.1, "latency": "1 ms"}, False),
        ({"loss": 0.1, "retransmit_timeout": "200 ms"}, False),
    ],
)
def test_a_line_says_when_resending_is_free(network: dict[str, Any], free: bool, tmp_path: Path) -> None:
    scenario = write(tmp_path, network=network, algorithms=[{"name": "osgp", "step_size": 0.1}], seeds=1)
    done = call("run", scenario, "--out", tmp_path / "out", "--no-plots", "--set", "stop.time=1 s")
    assert done.exit_code == 0, done.output
    assert ("sent again at once" in " ".join(done.output.split())) == free
