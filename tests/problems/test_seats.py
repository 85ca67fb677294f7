"""A method may say who computes: the data are dealt to these, and a server leaves no shard out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rfast_bench import problems
from rfast_bench.problems import reference
from rfast_bench.problems.seats import Seats, bare
from rfast_bench.problems.tensors import OnDevice
from rfast_bench.study.memory import problem_key, sizes_of
from rfast_bench.study.run import perform, problem_of
from tests.problems.test_judged import WINE, planned
from tests.support.command_line import call, write

SERVER = '''
from rfast_bench.api import Algorithm, Gradient, Receive, StepSize


class Server(Algorithm):
    """x ← x - γ (mean of everybody's gradient but the server's own, which has none)."""
    synchronous = True

    def __init__(self, x0, *, step_size: StepSize, server: int = 1):
        self.step_size, self.server, self.x = step_size, server, x0

    @classmethod
    def computes(cls, n, parameters):
        return [i for i in range(n) if i != parameters["server"]]

    @classmethod
    def judged(cls, n, parameters):
        return [parameters["server"]]

    @property
    def model(self):
        return self.x

    def activities(self, node):
        return [self.serve(node) if node.id == self.server else self.work(node)]

    async def serve(self, node):
        others = [j for j in range(node.n) if j != node.id]
        while True:
            heard = await Receive("g", others)
            self.x = self.x - self.step_size / len(others) * sum(heard.values())
            for j in others:
                node.send(j, "x", self.x)

    async def work(self, node):
        while True:
            g = await Gradient(self.x)
            node.send(self.server, "g", g)
            self.x = (await Receive("x", [self.server]))[self.server]
'''
FULL = {**WINE, "batch_size": "full", "l2": 0.1}


@pytest.fixture
def server(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    return {"name": f"{tmp_path / 'server.py'}:Server", "step_size": 0.5}


@pytest.mark.parametrize("world", ["simulated", "real"])
def test_the_server_converges_to_the_optimum_of_all_data(
    world: str, server: dict[str, Any], tmp_path: Path
) -> None:
    """Labels sorted over three of four workers: a shard that nobody trains on would be seen in the gap."""
    run = planned(
        tmp_path,
        **{"algorithms": [server], "problem": FULL, "world": world, "network": {}, "compute": "2 ms"},
        **{"stop": {"time": "2.5 s"}, "evaluate": {"every": "0.5 s"}, "stragglers": []},
    )
    record = perform(run, reference(problem_of(run)))
    assert record.frames["curves"]["gap"].iloc[-1] < 1e-6
    samples = record.frames["workers"].set_index("worker")["samples"]
    assert samples[1] == 0
    assert (samples.drop(1) > 0).all()
    assert record.manifest["computing"] == [0, 2, 3]


def test_the_objective_is_that_of_all_workers_data(server: dict[str, Any], tmp_path: Path) -> None:
    run = planned(tmp_path, algorithms=[server], problem=FULL)
    problem, dealt = problem_of(run), problems.build(run.scenario.problem, 3, run.seed)
    every = problem_of(planned(tmp_path, problem=FULL))
    x = np.linspace(-1, 1, problem.dim)
    assert isinstance(problem, Seats)
    assert (problem.workers, problem.samples, problem.passes) == (4, every.samples, True)
    assert problem.objective(x)[0] == pytest.approx(every.objective(x)[0])
    own = problem.gradients([0, 2, 3], np.array([x] * 3), [None] * 3)
    np.testing.assert_array_equal(own, dealt.gradients([0, 1, 2], np.array([x] * 3), [None] * 3))
    np.testing.assert_allclose(own.mean(axis=0), every.objective(x)[1], atol=1e-12)
    assert [problem.size(i, None) for i in (0, 2, 3)] == [dealt.size(k, None) for k in range(3)]
    assert problem.accuracy(x) == every.accuracy(x) or np.isnan(every.accuracy(x))
    one, other = reference(problem), reference(every)
    assert one is not None
    assert other is not None
    assert one.loss == pytest.approx(other.loss)
    assert sizes_of(problem) == sizes_of(bare(problem))


def test_a_quadratic_has_a_minimiser_of_its_own(server: dict[str, Any], tmp_path: Path) -> None:
    """Its f is of as many workers as compute, and a scenario that has both kinds of method tells them apart."""
    rows = [server, {**server, "label": "last", "server": 3}, {"name": "d-psgd", "step_size": 0.2}]
    settings: dict[str, Any] = {"problem": {"kind": "quadratic", "dim": 3}, "network": {}, "stragglers": []}
    path = write(tmp_path, algorithms=rows, seeds=1, **settings)
    done = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert done.exit_code == 0, done.output
    found = {}
    for manifest in tmp_path.rglob("manifest.json"):
        said = json.loads(manifest.read_text())
        found[said["label"]] = said
    assert found["Server"]["reference"] == found["last"]["reference"] != found["d-psgd"]["reference"]
    assert "computing" not in found["d-psgd"]
    run = planned(tmp_path, algorithms=[server], **settings)
    assert problem_key(run) != problem_key(planned(tmp_path, **settings))


def test_on_a_device_it_is_the_same(server: dict[str, Any], tmp_path: Path) -> None:
    run = planned(tmp_path, algorithms=[server], problem=FULL)
    problem: Any = problem_of(run)
    placed = Seats(OnDevice(problem.dealt, "cpu"), problem.computing, problem.workers)
    x = np.linspace(-1, 1, problem.dim)
    rows = placed.stack([torch.from_numpy(x)] * 2)
    found = placed.gradients([2, 3], rows, [None, None])
    np.testing.assert_allclose(found, problem.gradients([2, 3], np.array([x] * 2), [None] * 2), atol=1e-12)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = problem.no_such_thing


def test_a_method_that_says_nothing_has_a_plain_problem(tmp_path: Path) -> None:
    assert not isinstance(problem_of(planned(tmp_path)), Seats)
    assert "computing" not in perform(planned(tmp_path), None).manifest


def test_nobody_computes_is_refused(tmp_path: Path, server: dict[str, Any]) -> None:
    path = write(tmp_path, problem=WINE, algorithms=[server], workers=1, stragglers=[])
    (tmp_path / "server.py").write_text(SERVER.replace("server: int = 1", "server: int = 0"))
    done = call("run", path, "--out", tmp_path / "out", "--no-plots")
    assert done.exit_code == 2
    assert "Server.computes names the workers []; expected one or more of 0 to 0" in " ".join(
        done.output.split()
    )
