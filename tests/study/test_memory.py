"""The memory estimate: near what is measured, and said before anything starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.study import memory
from rfast_bench.study.memory import Estimate, Need, Sizes, estimate, jobs_that_fit
from tests.support.command_line import call, write

MEASURE = """
import sys
from pathlib import Path
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.records.peak_memory import peak
from rfast_bench.study.memory import estimate, sizes_of
from rfast_bench.study.run import perform, problem_of

(run,) = plan(load_points(Path(sys.argv[1])))
perform(run, None)
highest = peak()
print(estimate(run, sizes_of(problem_of(run))).total / highest)
"""


def large(folder: Path, algorithm: str, **changes: object) -> str:
    """256 workers on a model of 10 x 785 coordinates, 32 samples each."""
    dataset = {"kind": "synthetic", "samples": 256 * 32, "features": 784, "classes": 10, "noise": 1.0}
    problem = {
        "kind": "logistic-regression",
        "dataset": dataset,
        "batch_size": 32,
        "test_fraction": 0,
    }
    return write(
        folder,
        **{
            "workers": 256,
            "problem": problem,
            "stragglers": [],
            "algorithms": [{"name": algorithm, "step_size": 0.05}],
            "stop": {"iterations": 8},
            "evaluate": {"every": "4 iterations"},
            "seeds": 1,
            **changes,
        },
    )


@pytest.mark.parametrize(("algorithm", "factor"), [("r-fast", 1.3), ("d-psgd", 1.5), ("ring-allreduce", 1.5)])
def test_the_estimate_is_near_the_measured_peak(tmp_path: Path, algorithm: str, factor: float) -> None:
    """Peak resident memory of a fresh interpreter that does the run and nothing else."""
    command = [sys.executable, "-c", MEASURE, large(tmp_path, algorithm)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert 1 / factor < float(done.stdout) < factor


def run_of(folder: Path, **changes: object) -> Run:
    return plan(load_points(Path(write(folder, **changes))))[0]


def test_vectors_grow_with_the_edges_of_the_tracking_graph(tmp_path: Path) -> None:
    sizes = Sizes(vector=1000, data=0, gradient=1000, item=8)
    by_topology = {
        topology: estimate(
            run_of(
                tmp_path,
                workers=16,
                algorithms=[{"name": "r-fast", "step_size": 0.1, "topology": topology}],
                network={},
            ),
            sizes,
        ).vectors
        for topology in ("directed-ring", "exponential")
    }
    assert by_topology == {"directed-ring": 5 + 2 * 1, "exponential": 5 + 2 * 4}


def test_slow_links_hold_more_messages(tmp_path: Path) -> None:
    sizes = Sizes(vector=1000, data=0, gradient=1000, item=8)
    slow = run_of(tmp_path, network={"latency": "1 s"})  # ten compute times
    fast = run_of(tmp_path, network={})
    assert estimate(slow, sizes).state > 2 * estimate(fast, sizes).state


# -------------------------------------------------------------------------------------------- what is done
def needs(folder: Path, *totals: int) -> list[Need]:
    run = run_of(folder)
    return [Need(run, Estimate(total, 0, 0, 0, 1.0, 0, 0)) for total in totals]


def test_fewer_jobs_when_not_all_fit(tmp_path: Path) -> None:
    console = Console(record=True, width=200)
    wanted = needs(tmp_path, 4 * memory.GIB, 3 * memory.GIB, memory.GIB)
    assert jobs_that_fit(wanted, 3, console, there=9 * memory.GIB) == 3
    assert console.export_text() == ""
    assert jobs_that_fit(wanted, 3, console, there=7 * memory.GIB) == 2
    said = console.export_text()
    assert "2 runs at a time instead of 3" in said
    assert "4.0 GiB" in said
    assert "7.0 GiB" in said


def test_one_that_does_not_fit_is_refused_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"r-fast needs about 4\.0 GiB of memory, 3\.0 GiB are available"):
        jobs_that_fit(needs(tmp_path, 4 * memory.GIB), 1, Console(), there=3 * memory.GIB)


def test_what_does_not_fit_does_not_read_as_if_it_did(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs about 3\.0001 GiB of memory, 3\.0000 GiB are available"):
        jobs_that_fit(needs(tmp_path, 3 * memory.GIB + 100 * 1024), 1, Console(), there=3 * memory.GIB)


def test_run_refuses_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 200 * memory.MIB)
    out = tmp_path / "out"
    result = call("run", large(tmp_path, "r-fast"), "--out", out, "--jobs", 2, "--no-plots")
    assert result.exit_code == 2, result.output
    assert "the state of 256 workers" in result.stderr
    assert "problem.dtype: float32" in result.stderr
    assert not out.exists()


def test_a_container_may_have_less_than_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"max": "1000000000\n", "current": "700000000\n", "stat": "anon 5\ninactive_file 100000000\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = tuple(str(tmp_path / name) for name in files)
    monkeypatch.setattr(memory, "CGROUPS", (paths, ("/none", "/none", "/none")))
    assert memory.available() == 400_000_000
    (tmp_path / "max").write_text("max\n")
    assert memory.available() > 400_000_000
