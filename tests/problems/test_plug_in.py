"""Problems of one's own: a class in a file or an installed package, in both worlds; what is told of mistakes."""

from __future__ import annotations

import shutil
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.problems import placed
from rfast_bench.problems.conformance import check
from rfast_bench.records.reading import find_runs
from rfast_bench.report.content.run_description import sentences
from rfast_bench.scenario.user_files import code
from rfast_bench.study.memory import bytes_of
from rfast_bench.study.replay import replay
from rfast_bench.study.run import problem_of
from rfast_bench.study.sweep import survey

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
OWN = '''
import numpy as np
from rfast_bench.problems.base import Problem, read_only

class Bowl(Problem):
    """½‖x − c_i‖² with c_i = shift · i."""
    convex = True

    def __init__(self, workers, seed, *, dim: int = 3, shift: float = 1.0):
        self.workers = self.samples = workers
        self.dim, self.start = dim, read_only(np.zeros(dim))
        self.centres = shift * np.arange(workers)[:, None] * np.ones(dim)

    def sampler(self, worker, rng):
        while True:
            yield None

    def size(self, worker, batch):
        return 1

    def gradients(self, workers, points, batches):
        return points - self.centres[list(workers)]

    def objective(self, x):
        gaps = x - self.centres
        return float((gaps**2).sum()) / (2 * self.workers), gaps.mean(axis=0)

    def reference(self):
        return self.centres.mean(axis=0)

class NoProblem:
    def __init__(self, workers, seed):
        pass

class Half(Problem):
    def __init__(self, workers, seed):
        pass

    def size(self, worker, batch):
        return 1

class Loose(Bowl):
    def __init__(self, workers, seed, width=3):
        super().__init__(workers, seed)

class Short(Bowl):
    def __init__(self, *, dim: int = 3):
        super().__init__(1, 0)

class Refuses(Bowl):
    def __init__(self, workers, seed, *, dim: int = 3):
        if workers > 2:
            raise ValueError("two workers at most")
        super().__init__(workers, seed, dim=dim)

class Tall(Bowl):
    def __init__(self, workers, seed):
        super().__init__(workers, seed)
        self.dim = 4

a_function = len
'''
BASE: dict[str, Any] = {
    "name": "own",
    "workers": 3,
    "problem": {"kind": "own.py:Bowl", "dim": 4},
    "compute": {"kind": "lognormal", "mean": "10 ms", "sigma": 0.2},
    "algorithms": [{"name": "r-fast", "topology": "binary-tree", "step_size": 0.1}],
    "stop": {"time": 3},
    "evaluate": {"every": 0.5, "targets": {"gap": 1e-3}},
}


def write(folder: Path, **changes: Any) -> Path:
    (folder / "own.py").write_text(OWN)
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}))
    return path


def planned(folder: Path, **changes: Any) -> Run:
    return plan(load_points(write(folder, **changes)))[0]


def test_a_file_of_ones_own_runs_to_its_own_optimum_and_repeats(tmp_path: Path) -> None:
    path = write(tmp_path)
    done = CliRunner().invoke(
        main, ["run", str(path), "--out", str(tmp_path / "out"), "--jobs", "1", "--no-plots"]
    )
    assert done.exit_code == 0, done.output
    (run,) = find_runs([tmp_path / "out"])
    assert run.curves()["gap"].iloc[-1] < 1e-6
    outcome, _ = replay(run, 3.0)
    assert outcome.status == "finished"
    said = " ".join(sentences(yaml.safe_load((run.folder / "scenario.yaml").read_text()), {}, [0]))
    assert "minimise Bowl (dim 4, shift 1)" in said.replace("1.0", "1")


def test_the_example_runs_in_both_worlds(tmp_path: Path) -> None:
    for name in ("robust_line.py", "robust-line.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    assert len((tmp_path / "robust_line.py").read_text().splitlines()) <= 25
    arguments = ["run", str(tmp_path / "robust-line.yaml"), "--set", "world=both", "--set", "workers=2"]
    arguments += ["--out", str(tmp_path / "out"), "--jobs", "1", "--no-plots"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    runs = find_runs([tmp_path / "out"])
    assert len(runs) == 4
    for run in runs:
        losses = run.curves()["loss"]
        assert losses.iloc[-1] < 0.8 * losses.iloc[0], run.folder


def test_the_example_keeps_the_rules() -> None:
    run = plan(load_points(EXAMPLES / "robust-line.yaml"))[0]
    assert check(problem_of(run), lambda: problem_of(run)) == []


def test_the_page_shows_the_example() -> None:
    page = (EXAMPLES.parent / "writing-a-problem.md").read_text(encoding="utf-8")
    source = (EXAMPLES / "robust_line.py").read_text(encoding="utf-8")
    assert f"```python\n{source}```" in page


def test_an_entry_point_is_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bowls_of_ours.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("bowl", "bowls_of_ours:Bowl", code.PROBLEMS)
    monkeypatch.setattr(code, "plug_ins", lambda group: {"bowl": point} if group == code.PROBLEMS else {})
    run = planned(tmp_path, problem={"kind": "bowl", "shift": 2})
    assert problem_of(run).dim == 3
    assert run.resolved["problem"] == {"kind": "bowl", "dim": 3, "shift": 2.0}
    with pytest.raises(
        UserError, match=r"unknown kind 'bowls'; did you mean 'bowl'\? Allowed: .*, bowl, or path"
    ):
        planned(tmp_path, problem={"kind": "bowls"})


def test_the_hash_follows_the_source_and_the_parameters_but_not_the_place(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
    here, there = (planned(folder).hash for folder in folders)
    assert here == there
    assert planned(folders[0], problem={"kind": "own.py:Bowl", "dim": 5}).hash != here
    run = planned(folders[0])
    (folders[0] / "own.py").write_text(OWN + "\n# another file now\n")
    assert run.hash != here


def test_the_optimum_is_each_seeds_own_and_memory_is_counted(tmp_path: Path) -> None:
    runs = plan(load_points(write(tmp_path, seeds=2)))
    references, sizes = survey(runs)
    assert len(references) == 2
    assert all(found is not None and found.gradient_norm < 1e-12 for found in references.values())
    assert [size.data for size in sizes.values()] == [3 * 4 * 8 + 4 * 8]
    problem = problem_of(runs[0])
    problem.tables = {"more": np.zeros(100)}  # type: ignore[attr-defined]
    assert bytes_of(problem) == 3 * 4 * 8 + 4 * 8 + 800


def test_its_models_may_live_on_a_device(tmp_path: Path) -> None:
    import torch

    problem = problem_of(planned(tmp_path))
    device: Any = placed(problem, "cpu:0")
    points = torch.arange(8, dtype=torch.float64).reshape(2, 4)
    rows = device.gradients([2, 1], points, [None, None])
    np.testing.assert_allclose(rows.numpy(), problem.gradients([2, 1], points.numpy(), [None, None]))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ({"kind": "own.py:Bow"}, "problem.kind: problem 'own.py:Bow': "),
        (
            {"kind": "broken.py:Bowl"},
            "problem.kind: problem file {folder}/broken.py cannot be imported: KeyError: 'x' (line 3)",
        ),
        ({"kind": "other.py:Bowl"}, "problem.kind: problem 'other.py:Bowl': there is no file "),
        ({"kind": "own.py:a_function"}, "problem.kind: problem 'own.py:a_function' is no class"),
        (
            {"kind": "own.py:Loose"},
            "problem.kind: problem 'own.py:Loose': parameter 'width' of __init__ must be",
        ),
        (
            {"kind": "own.py:Short"},
            "problem.kind: problem 'own.py:Short': __init__ must take workers, seed first",
        ),
        (
            {"kind": "own.py:Bowl", "dimm": 3},
            "problem: unknown key 'dimm'; did you mean 'dim'? Allowed: dim, shift",
        ),
        ({"kind": "own.py:Bowl", "dim": "x"}, "problem.dim: expected a whole number"),
        (
            {"kind": "quadratc"},
            "problem: unknown kind 'quadratc'; did you mean 'quadratic'? Allowed: quadratic, ",
        ),
        ({"dim": 3}, "problem: 'kind' is missing"),
        ({"kind": 3}, "problem: 'kind' is missing"),
    ],
)
def test_mistakes_in_the_scenario_are_told_with_their_key(
    tmp_path: Path, problem: dict[str, Any], told: str
) -> None:
    (tmp_path / "broken.py").write_text("known = {}\n\nknown['x']\n")
    with pytest.raises(UserError) as error:
        planned(tmp_path, problem=problem)
    assert str(error.value).startswith(f"{tmp_path / 'own.yaml'}: {told.format(folder=tmp_path)}")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("NoProblem", "problem.kind: '{kind}' is not a subclass of rfast_bench.problems.base.Problem"),
        ("Half", "problem.kind: '{kind}' does not define gradients, objective, sampler"),
        ("Refuses", "problem: Refuses cannot be built: ValueError: two workers at most (own.py, line"),
        ("Tall", "problem.kind: Tall: start is float64 (3,); expected an array of float64 of shape (4,)"),
    ],
)
def test_mistakes_in_the_class_are_told_before_anything_runs(tmp_path: Path, kind: str, told: str) -> None:
    path = write(tmp_path, problem={"kind": f"own.py:{kind}"})
    done = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert told.format(kind=f"{tmp_path / 'own.py'}:{kind}") in done.output.replace("\n", "")
    assert not (tmp_path / "out").exists()
