"""`rfast-bench check`: what it prints, as text and as JSON, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mistakes import source_of
from tests.support.command_line import call

GOSSIP = source_of("gossip")
PROBLEM = '''
from collections.abc import Iterator

import numpy as np

from rfast_bench.problems.base import Problem


class Parabola(Problem):
    """Wrong: the gradient lacks its factor of 2."""

    def __init__(self, workers, seed):
        self.workers, self.dim, self.samples = workers, 2, workers
        self.start = np.zeros(2)

    def sampler(self, worker, rng) -> Iterator:
        while True:
            yield None

    def size(self, worker, batch):
        return 1

    def gradients(self, workers, points, batches):
        return np.array([x - i for i, x in zip(workers, points, strict=True)])

    def objective(self, x):
        shifts = np.arange(self.workers)[:, None]
        return float(((x - shifts) ** 2).sum(1).mean()), np.mean(x - shifts, axis=0)
'''


def write(folder: Path, text: str) -> Path:
    path = folder / "method.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_right_method_passes_in_both_worlds(tmp_path: Path) -> None:
    path = write(tmp_path, GOSSIP)
    result = call("check", f"{path}:Method")
    assert result.exit_code == 0, result.output
    assert result.stdout == "algorithm Method: keeps every rule that was tried\n"


def test_a_wrong_one_is_told_with_file_line_rule_and_mend(tmp_path: Path) -> None:
    path = write(
        tmp_path, GOSSIP.replace('node.post(j, "model", self.x)', 'node.post(j, "model", {"x": self.x})')
    )
    result = call("check", f"{path}:Method", "--no-real")
    assert result.exit_code == 1
    line = GOSSIP.splitlines().index('                node.post(j, "model", self.x)') + 1
    assert f"{path}:{line}: the payload is a dict.\n  Rule `payloads`: " in result.stdout
    assert "(docs/writing-your-own.md#payloads)" in result.stdout


def test_what_a_method_prints_is_no_finding(tmp_path: Path) -> None:
    """In a real process, for output of another process is none of the runner's."""
    path = write(
        tmp_path, GOSSIP.replace("            g = await", '            print("hello")\n            g = await')
    )
    command = [sys.executable, "-m", "rfast_bench.cli", "check", f"{path}:Method", "--json", "--no-real"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(done.stdout) == []
    assert "hello" in done.stderr


def test_findings_for_programs(tmp_path: Path) -> None:
    path = write(tmp_path, GOSSIP.replace("g = await", "g ="))
    result = call("check", f"{path}:Method", "--json", "--no-real")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert found["rule"] == "await"
    assert found["file"] == str(path)
    assert found["line"] == GOSSIP.splitlines().index("            g = await Gradient(self.x)") + 1
    assert not found["caution"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gossip"], "unknown algorithm 'gossip'"),
        (["nowhere.py:Class"], "there is no file"),
        (["r-fast", "-p", "step_size"], "--parameters: found 'step_size'; expected KEY=VALUE"),
        (["r-fast", "-p", "step_size=-1"], "step_size: expected a number above 0"),
        (["r-fast", "-p", "gamma=1"], "gamma"),
    ],
)
def test_bad_input_is_told(arguments: list[str], said: str) -> None:
    result = call("check", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_parameters_are_those_of_a_scenario() -> None:
    assert call("check", "async-sgd", "-p", "weighting=elapsed", "-p", "pivot=1", "--no-real").exit_code == 0


def test_a_problem_is_checked_too(tmp_path: Path) -> None:
    path = write(tmp_path, PROBLEM)
    result = call("check", f"{path}:Parabola")
    assert result.exit_code == 1, result.output
    assert "Rule `derivative`" in result.stdout
    assert f"{path}:" in result.stdout
