"""`rfast-bench new`: what it writes runs as it is, and nothing is overwritten."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfast_bench.cli.new import class_name
from rfast_bench.conformance.hand.world import World
from rfast_bench.plan import registry
from rfast_bench.problems import reference
from rfast_bench.problems.conformance import check
from rfast_bench.records.reading import find_runs
from rfast_bench.scenario.user_files import code
from tests.support.command_line import call, write
from tests.support.handmade import graph, noise


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed_commands(output: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in output.splitlines() if line.startswith("rfast-bench ")]


@pytest.mark.parametrize(("what", "kind"), [("algorithm", "MyOwn"), ("problem", "MyOwn")])
def test_what_is_written_runs_by_the_command_that_is_printed(what: str, kind: str, here: Path) -> None:
    """On the shipped quickstart, cut short: a row beside two rivals."""
    written = call("new", what, "my_own.py")
    assert written.exit_code == 0, written.output
    assert written.output.startswith(f"wrote my_own.py: {kind}, ")
    tried, run = printed_commands(written.output)
    assert tried == ["check", f"my_own.py:{kind}"]
    short = ("--set", "stop.time=4 s", "--set", "seeds=1", "--no-plots", "--jobs", 1)
    done = call(*run, *short)
    assert done.exit_code == 0, done.output
    runs = find_runs([here / "my-results"])
    assert {r.label for r in runs} == {"r-fast", "ring-allreduce"} | (
        {kind} if what == "algorithm" else set()
    )
    for one in runs:
        gaps = one.curves()["gap"]
        assert gaps.iloc[-1] < 0.9 * gaps.iloc[0], one.label


def test_the_method_runs_in_both_worlds(here: Path) -> None:
    assert call("new", "algorithm", "my_method.py").exit_code == 0
    for world in ("simulated", "real"):
        over: dict[str, Any] = {"world": world, "seeds": 1, "stop": {"time": "2 s"}, "network": {}}
        over |= {"stragglers": [], "compute": "10 ms", "evaluate": {"every": "0.2 s"}}
        path = write(here, algorithms=[{"name": "my_method.py:MyMethod", "step_size": 0.3}], **over)
        done = call("run", path, "--out", here / world, "--no-plots", "--jobs", 1)
        assert done.exit_code == 0, done.output
        (run,) = find_runs([here / world])
        busy = (
            world == "real" and run.status == "void"
        )  # its times do not count on a busy machine; the models do
        assert busy or run.status == "finished"
        assert run.curves()["gap"].iloc[-1] < 0.5 * run.curves()["gap"].iloc[0]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_method_is_gossip(n: int) -> None:
    """W times the newest models less the step: against matrices."""
    call("new", "algorithm", "gossip.py")
    make: Any = registry.find("gossip.py:Gossip")
    ring = graph("ring", n, "undirected")
    world = World(lambda x0: make(x0, step_size=0.1), ring, np.ones(2), noise(4))
    W = np.array([[ring.W[i].get(j, 0.0) for j in range(n)] for i in range(n)])
    x = posted = np.ones((n, 2))  # what is posted is there before the gradient asked for after it is done
    for k in range(12):
        np.testing.assert_allclose([w.model for w in world.workers], x, atol=1e-13)
        arrived = posted if k else x
        mixed = np.diag(W)[:, None] * x + (W - np.diag(np.diag(W))) @ arrived
        world.round()
        posted = x = mixed - 0.1 * np.array([noise(4)(i, None, k) for i in range(n)])


def test_the_problem_keeps_the_rules_and_knows_its_optimum() -> None:
    call("new", "problem", "plane.py")
    make: Any = code.from_file("plane.py:Plane", None, "problem")
    assert check(make(4, 0), lambda: make(4, 0)) == []
    problem = make(3, 1, points=50, dim=2, l2=0.1)
    assert np.abs(problem.objective(problem.reference())[1]).max() < 1e-12
    found = reference(problem)
    assert found is not None
    assert found.loss == pytest.approx(problem.objective(problem.reference())[0])


# ------------------------------------------------------------------------------------------------- refusals
def test_nothing_is_overwritten(here: Path) -> None:
    (here / "mine.py").write_text("precious")
    for what in ("algorithm", "problem"):
        done = call("new", what, "mine.py")
        assert done.exit_code == 2
        assert "mine.py is there already; nothing was written" in done.output
    assert (here / "mine.py").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mine.txt", "expected a file such as my_method.py"),
        ("2nd.py", "expected a file such as my_method.py"),
        ("my method.py", "expected a file such as my_method.py"),
        ("no/mine.py", "cannot write no/mine.py: No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_refused(name: str, says: str, here: Path) -> None:
    done = call("new", "algorithm", name)
    assert done.exit_code == 2
    assert says in " ".join(done.output.split())
    assert not list(here.rglob("mine.*"))


def test_a_class_is_named_after_its_file() -> None:
    assert class_name("my_own-method2", set(), "Method") == "MyOwnMethod2"
    assert class_name("gradient", {"Gradient"}, "Method") == "GradientMethod"
    assert class_name("none", set(), "Method") == "NoneMethod"


def test_the_templates_say_nothing_but_the_class_in_place_of_a_name() -> None:
    call("new", "algorithm", "my_method.py")
    assert not re.findall(r"\$\w+", Path("my_method.py").read_text(encoding="utf-8"))
