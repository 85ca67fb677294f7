"""Checkpoints: the model that the table shows, loaded into a module as the documentation says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load
from torch import nn

from rfast_bench.cli.commands import main
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems.network import TorchProblem
from rfast_bench.problems.networks import losses
from rfast_bench.records.reading import find_runs
from rfast_bench.study.keeping.checkpoint import checkpoint
from rfast_bench.study.run import problem_of
from tests.docs.test_docs import DOCS
from tests.problems.modules import right
from tests.problems.test_networks import DRAW, KINDS, RIGHT, make
from tests.support.command_line import call, write

EXAMPLE = DOCS / "examples" / "my_net.yaml"
QUICK = "stop.time=1 s", "evaluate.every=0.5 s", "workers=2"
SHAPED = {"words", "images"}


def documented() -> str:
    """The lines of the documentation that load a checkpoint."""
    page = (DOCS / "training-networks.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(block)


# ------------------------------------------------------------------------------------------- whole runs
@pytest.mark.timeout(180)
@pytest.mark.parametrize("world", ["simulated", "real"])
def test_the_documented_lines_give_the_model_that_the_table_shows(
    world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["run", str(EXAMPLE), "--world", world, "--checkpoint", "--jobs", "1", "--no-plots"]
    sets = [part for change in QUICK for part in ("--set", change)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    done = CliRunner().invoke(main, [*arguments, *sets], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for run in find_runs([tmp_path / "results"]):
        where = f"results/{run.folder.relative_to(tmp_path / 'results')}/model.safetensors"
        found: dict[str, Any] = {}
        exec(re.sub(r'"results/.*?"', f'"{where}"', documented()), found)
        problem = problem_of(first(EXAMPLE, f"world={world}", *QUICK))
        assert isinstance(problem, TorchProblem)
        held_out = problem.engine.test
        with torch.no_grad():
            accuracy = losses.accuracy(found["net"](held_out.inputs), held_out.targets)
        assert accuracy == run.curves()["accuracy"].iloc[-1]
        assert accuracy > 0.1


def test_the_documented_lines_are_two() -> None:
    """Beside imports and the module itself."""
    lines = [line for line in documented().splitlines() if line and not re.match(r"import|from|net = ", line)]
    assert len(lines) == 2


def first(path: Path, *changes: str) -> Run:
    return plan(load_points(path, changes))[0]


# ---------------------------------------------------------------------------------------------- modules
@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SHAPED | DRAW])
def test_a_fresh_module_takes_it_and_gives_the_same(kind: str) -> None:
    problem = make(f"{RIGHT}:{kind}")
    x = problem.start + 0.1 * np.random.default_rng(3).normal(size=problem.dim)
    fresh: nn.Module = getattr(right, kind)()
    fresh.double().load_state_dict(load(checkpoint(problem, x)))
    fresh.eval()
    problem.engine.settle(x)
    inputs = problem.engine.test.inputs
    with torch.no_grad():
        torch.testing.assert_close(fresh(inputs), problem.engine.flat.module(inputs), rtol=0, atol=1e-15)


def test_equal_models_give_equal_bytes() -> None:
    one, other = make(f"{RIGHT}:batch_norm"), make(f"{RIGHT}:batch_norm")
    assert checkpoint(one, one.start) == checkpoint(other, other.start)


# ------------------------------------------------------------------------------------------- on request
def test_what_is_no_module_leaves_its_vector(tmp_path: Path) -> None:
    path = write(tmp_path, checkpoint=True, seeds=1)
    assert call("run", path, "--out", tmp_path / "out", "--jobs", "1", "--no-plots").exit_code == 0
    runs = find_runs([tmp_path / "out"])
    assert len(runs) == 3
    for run in runs:
        kept = load((run.folder / "model.safetensors").read_bytes())
        problem = problem_of(first(Path(path)))
        assert list(kept) == ["x"]
        assert problem.loss(kept["x"].numpy()) == run.curves()["loss"].iloc[-1]


def test_nobody_has_one_who_does_not_ask_and_who_asks_later_gets_it(tmp_path: Path) -> None:
    """Only what is missing is done; neither the hash nor the scenario of a run that does not ask knows of it."""
    path = write(tmp_path, seeds=1)
    ask = ["run", path, "--out", tmp_path / "out", "--jobs", "1", "--no-plots"]
    assert call(*ask).exit_code == 0
    assert not [*(tmp_path / "out").rglob("*.safetensors")]
    assert "checkpoint" not in first(Path(path)).resolved
    before = {run.label: (run.hash, run.curves().to_csv()) for run in find_runs([tmp_path / "out"])}
    assert call(*ask, "--checkpoint").exit_code == 0
    assert len([*(tmp_path / "out").rglob("*.safetensors")]) == 3
    assert {run.label: (run.hash, run.curves().to_csv()) for run in find_runs([tmp_path / "out"])} == before
    assert "3 of 3 runs are already there" in call(*ask, "--checkpoint").output
    assert "3 of 3 runs are already there" in call(*ask).output


def test_tuning_leaves_none(tmp_path: Path) -> None:
    algorithms = [{"name": "r-fast", "step_size": {"tune": [0.01, 0.05]}, "topology": "line"}]
    tune = {"seeds": 1, "first_seed": 9, "objective": {"final": "loss"}}
    path = write(tmp_path, checkpoint=True, seeds=1, algorithms=algorithms, tune=tune, baseline=None)
    done = call("run", path, "--out", tmp_path / "out", "--jobs", "1", "--no-plots")
    assert done.exit_code == 0, done.output
    (model,) = (tmp_path / "out").rglob("*.safetensors")
    assert "tuning" not in model.parts


STATEFUL = """
from torch import nn


class Odd(nn.Linear):
    def __init__(self):
        super().__init__(64, 10)

    def get_extra_state(self):
        return {"note": "no tensor"}

    def set_extra_state(self, state):
        pass
"""


def test_what_a_checkpoint_cannot_hold_is_told_before_any_run(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(STATEFUL)
    problem = {"kind": "torch", "model": "odd.py:Odd", "dataset": "digits"}
    path = write(tmp_path, problem=problem, checkpoint=True, evaluate={"every": "1 s"})
    done = call("run", path, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "checkpoint: this model cannot be kept as named tensors of numbers" in done.output
    assert "_extra_state" in done.output
    assert not [*(tmp_path / "out").rglob("*")]


def test_the_manifest_says_whether_gradients_were_computed_together(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(
        "from torch import nn\n"
        "def small(): return nn.Sequential(nn.Linear(64, 10))\n"
        "def images(): return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 2, 3), nn.Flatten(), "
        "nn.Linear(72, 10))\n"
    )
    said = {}
    for name, keys in (("small", {}), ("images", {}), ("small", {"simulation": {"gradient_batch": 1}})):
        problem = {"kind": "torch", "model": f"two.py:{name}", "dataset": "digits"}
        algorithms = [{"name": "ring-allreduce", "step_size": 0.2}]
        few = {"stop": {"iterations": 2}, "evaluate": {"every": "1 s"}, "seeds": 1, "algorithms": algorithms}
        path = write(tmp_path, problem=problem, **few, **keys)
        assert call("run", path, "--out", tmp_path / "out", "--fresh", "--no-plots").exit_code == 0
        (manifest,) = (tmp_path / "out").rglob("manifest.json")
        said[name, bool(keys)] = json.loads(manifest.read_text())["gradients_together"]
    assert said == {("small", False): True, ("images", False): False, ("small", True): False}
