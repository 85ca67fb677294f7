"""A user's own module trains in both worlds; what its file holds decides whether a run is done."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from benchmarks import samples_memory
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems.evaluation import Row, Watcher
from rfast_bench.study.run import perform, problem_of
from tests.docs.test_docs import DOCS

EXAMPLE = DOCS / "examples" / "my_net.yaml"
CHANGES = "stop.time=1.5 s", "evaluate.every=0.5 s", "workers=2"


def runs(path: Path, *changes: str) -> list[Run]:
    return plan(load_points(path, changes))


def test_the_users_file_is_short() -> None:
    module = (DOCS / "examples" / "my_net.py").read_text().strip().splitlines()
    assert len(module) <= 25


@pytest.mark.timeout(120)
@pytest.mark.parametrize("world", ["simulated", "real"])
def test_the_example_trains_in_both_worlds(world: str) -> None:
    chosen = [run for run in runs(EXAMPLE, *CHANGES) if run.scenario.world == world]
    assert [run.algorithm.name for run in chosen] == ["r-fast", "ring-allreduce"]
    for run in chosen[1:] if world == "real" else chosen:
        curves = perform(run, None).frames["curves"]
        assert curves["loss"].iloc[-1] < 0.8 * curves["loss"].iloc[0]
        assert curves["accuracy"].iloc[-1] > 0.3


def test_a_run_is_another_one_when_the_module_is(tmp_path: Path) -> None:
    for name in ("my_net.py", "my_net.yaml"):
        (tmp_path / name).write_text((EXAMPLE.parent / name).read_text())
    first, moved = runs(EXAMPLE)[0], runs(tmp_path / "my_net.yaml")[0]
    assert moved.hash == first.hash
    assert moved.resolved["problem"]["model"] == f"{tmp_path / 'my_net.py'}:net"
    with (tmp_path / "my_net.py").open("a") as file:
        file.write("# another\n")
    assert runs(tmp_path / "my_net.yaml")[0].hash != first.hash


def test_all_processes_start_from_one_model() -> None:
    one, other = (problem_of(runs(EXAMPLE)[0]) for _ in range(2))
    assert one.start.tobytes() == other.start.tobytes()
    assert not one.start.flags.writeable


# ---------------------------------------------------------------------------------------- data of one's own
OWN = """
import os

import torch
from helpers import SHIFT
from torch import nn


class Blobs(torch.utils.data.Dataset):
    # two classes, on either side of a line

    def __init__(self, count):
        self.x = torch.randn(count, 4, generator=torch.Generator().manual_seed(3)) + SHIFT

    def __len__(self):
        return len(self.x)

    def __getitem__(self, k):
        return self.x[k], int(self.x[k].sum() > 4 * SHIFT)


def load(count):
    return Blobs(count), Blobs(count // 3)


def net(p=0.0):
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(p), nn.Linear(16, 2))


class Stubborn(nn.Module):
    # trains until there is a file beside this one

    def __init__(self):
        super().__init__()
        self.inner = net()

    def forward(self, x):
        if os.path.exists(__file__ + ".end"):
            raise RuntimeError("no more of this")
        return self.inner(x)
"""
BASE: dict[str, Any] = {
    "name": "own",
    "world": "real",
    "workers": 3,
    "problem": {
        **{"kind": "torch", "model": "own/net.py:net", "batch_size": 16, "dtype": "float64"},
        "dataset": {"kind": "python", "source": "own/net.py:load", "args": {"count": 240}},
    },
    "compute": "10 ms",
    "algorithms": [{"name": "ring-allreduce", "step_size": 0.3}],
    "stop": {"iterations": 30},
    "evaluate": {"every": "10 iterations"},
}


def own(folder: Path, **changes: Any) -> Run:
    (folder / "own").mkdir()
    (folder / "own" / "net.py").write_text(OWN)
    (folder / "own" / "helpers.py").write_text("SHIFT = 0.5\n")
    (folder / "own.yaml").write_text(yaml.safe_dump({**BASE, **changes}))
    (run,) = runs(folder / "own.yaml")
    return run


@pytest.mark.timeout(120)
def test_module_and_data_of_ones_own_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every worker: paths are relative to the scenario, and a file may import its neighbours."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    record = perform(own(tmp_path), None)
    curves = record.frames["curves"]
    assert curves["accuracy"].iloc[-1] > 0.9
    assert list(record.frames["workers"]["gradients"]) == [30, 30, 30]
    assert record.manifest["gradients_together"] is False


@pytest.mark.timeout(180)
def test_dropout_gives_the_same_iterates_in_both_worlds(tmp_path: Path) -> None:
    """What a module draws depends on seed, worker and number of the gradient alone."""
    real = own(tmp_path, problem={**BASE["problem"], "model_args": {"p": 0.5}})
    (simulated,) = runs(tmp_path / "own.yaml", "world=simulated")
    (dry,) = runs(tmp_path / "own.yaml", "world=simulated", "problem.model_args.p=0")
    seen = [perform(run, None).frames["curves"]["loss"].to_numpy() for run in (real, simulated, dry)]
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-12)
    assert not np.allclose(seen[1][1:], seen[2][1:], rtol=1e-3)


# ------------------------------------------------------------------------------------------ kept for evaluation
@pytest.mark.timeout(240)
def test_looks_add_no_more_than_their_budget_to_a_worker() -> None:
    """160 MB of models each, beside a budget of 16 MB; without it they would all be there at the end."""
    budget, model = 16e6, 4e6
    found = samples_memory.measure(weights=int(model / 4), looks=40, budget=budget, workers=2)
    assert found["many"]["looks"] == 40
    assert max(found["added"]) < budget + 2 * model + SPREAD
    assert found["launcher_added"] < 2 * 2 * model + SPREAD
    assert found["left"] == []


SPREAD = 40e6
"""Bytes by which two runs of one scenario may differ, for what their threads happened to do at the same time."""


@pytest.mark.timeout(120)
def test_a_run_that_fails_leaves_no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = tmp_path / "temporary"
    places.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places))
    seen: set[str] = set()

    class Watch(Watcher):
        def look(self, share: float, row: Row) -> None:
            seen.update(path.name for path in places.rglob("*.models") if path.stat().st_size)
            if seen:
                (tmp_path / "own" / "net.py.end").touch()

    run = own(
        tmp_path,
        problem={**BASE["problem"], "model": "own/net.py:Stubborn"},
        stop={"time": "60 s"},
        evaluate={"every": "0.1 s"},
        real={"samples_memory": 1},
    )
    with pytest.raises(UserError, match="no more of this"):
        perform(run, None, Watch())
    assert seen
    assert not [*places.glob("rfast-bench-*")]
