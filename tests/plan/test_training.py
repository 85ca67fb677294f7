"""Optimizer and schedule in a scenario: mistakes are told by key, entries go before the top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.scenario.reading import read_yaml
from tests.support.command_line import call

SCENARIO: dict[str, Any] = {
    "name": "trained",
    "workers": 4,
    "problem": {"kind": "quadratic"},
    "compute": "1 s",
    "algorithms": [{"name": "r-fast", "step_size": 0.01}, {"name": "ring-allreduce", "step_size": 0.1}],
    "stop": {"time": "20 s"},
    "evaluate": {"every": "10 s"},
}
BIASED = """
from rfast_bench.api import Algorithm, Gradient


class Stepless(Algorithm):
    def __init__(self, x0, *, rate: float):
        self.x, self.rate = x0, rate

    model = property(lambda self: self.x)

    def activities(self, node):
        return [self.run()]

    async def run(self):
        while True:
            self.x = self.x - self.rate * await Gradient(self.x)
"""


def runs_of(folder: Path, **changes: Any) -> dict[str, Run]:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SCENARIO, **changes}, sort_keys=False), encoding="utf-8")
    return {str(run.algorithm.label): run for run in plan(load_points(path))}


def own(**entry: Any) -> dict[str, Any]:
    """A scenario whose first algorithm has these keys."""
    first, *others = SCENARIO["algorithms"]
    return {"algorithms": [{**first, **entry}, *others]}


# ------------------------------------------------------------------------------------------ what is wrong
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": {"momentum": 1}}, "optimizer.momentum: expected a number below 1 (found 1)"),
        ({"optimizer": {"momentum": 1.5}}, "optimizer.momentum: expected a number below 1"),
        ({"optimizer": {"momentum": -0.1}}, "optimizer.momentum: expected a number of at least 0"),
        ({"optimizer": {"nesterov": True}}, "optimizer: nesterov needs momentum above 0"),
        ({"optimizer": {"clip": 0}}, "optimizer.clip: expected a number above 0 (found 0)"),
        ({"optimizer": {"weight_decay": -1}}, "optimizer.weight_decay: expected a number of at least"),
        (
            own(momentum=0.9),
            "algorithms.0: unknown key 'momentum': it belongs under 'optimizer'. Allowed here:",
        ),
        (
            own(drops={4: 0.1}),
            "algorithms.0: unknown key 'drops': it belongs under 'schedule'. Allowed here:",
        ),
        ({"optimizer": {"momentun": 0.9}}, "optimizer: unknown key 'momentun'; did you mean 'momentum'?"),
        ({"optimizer": "adam"}, "optimizer: 'adam' is no optimizer: it is SGD always"),
        (own(optimizer={"momentum": 1}), "algorithms.0.optimizer.momentum: expected a number below 1"),
        (own(optimizer={"nesterov": True}), "algorithms.0.optimizer: nesterov needs momentum above 0"),
        ({"schedule": {"drops": {6: 0.1, 4: 0.1}}}, "schedule: drops: 4 comes after 6, and a schedule does"),
        ({"schedule": {"points": [[0, 1], [3, 0.5], [2, 0.1]]}}, "schedule: points: 2 comes after 3, and a"),
        ({"schedule": {"points": [[0, 1], [0, 0.5]]}}, "schedule: points: 0 comes after 0"),
        ({"schedule": {"points": [[-1, 1]]}}, "schedule.points.0.0: expected a number of at least"),
        ({"schedule": {"drops": {4: 0}}}, "schedule: drops: 4: 0 is no drop, for both must be above 0"),
        ({"schedule": {"cosin": 8}}, "schedule: unknown key 'cosin'; did you mean 'cosine'?"),
        ({"schedule": "cosin"}, "schedule: 'cosin' is no schedule; did you mean 'cosine'?"),
        ({"schedule": {"kind": "step"}}, "schedule: a schedule has no kind: name one by its key"),
        ({"schedule": {"by": "epoch"}}, "schedule.by: expected 'common', 'own' or 'time'"),
        ({"schedule": {"warmup": 2, "drops": {1: 0.1}}}, "schedule: the first drop, at 1, comes before the"),
        ({"schedule": {"warmup": 2, "cosine": 2}}, "schedule: the cosine ends at 2, not after the warm-up"),
        ({"schedule": {"cosine": 2, "drops": {1: 0.1}}}, "schedule: drops and cosine cannot be combined"),
        ({"schedule": {"warmup": 1, "one_cycle": 8}}, "schedule: warmup cannot be combined with one_cycle"),
        ({"schedule": {"warmup_from": 0.1}}, "schedule: warmup_from needs warmup"),
        ({"schedule": {"warmup": "5 s"}}, "schedule.warmup: expected a number"),
        (own(schedule={"cosine": -1}), "algorithms.0.schedule.cosine: expected a number above 0"),
    ],
    ids=str,
)
def test_mistakes_are_told_with_their_key(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        runs_of(tmp_path, **changes)
    assert f"scenario.yaml: {message}" in str(told.value)
    assert len(str(told.value).splitlines()) == 1


def test_the_command_ends_with_2_and_writes_nothing(tmp_path: Path) -> None:
    runs_of(tmp_path)
    done = call("run", tmp_path / "scenario.yaml", "--set", "optimizer.momentum=1", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "optimizer.momentum" in done.output
    assert not (tmp_path / "out").exists()


def test_a_schedule_needs_a_step_size(tmp_path: Path) -> None:
    (tmp_path / "stepless.py").write_text(BIASED, encoding="utf-8")
    algorithms = [{"name": "stepless.py:Stepless", "rate": 0.1}]
    schedule = {"drops": {4: 0.1}}
    with pytest.raises(
        UserError, match="schedule: a schedule multiplies the parameter step_size, which Stepless"
    ):
        runs_of(tmp_path, algorithms=algorithms, schedule=schedule)
    constant = [{**algorithms[0], "schedule": "constant"}]
    assert runs_of(tmp_path, algorithms=constant, schedule=schedule)["Stepless"].training.schedule is None


# ------------------------------------------------------------------------------------- what goes before what
def test_an_entry_goes_before_the_top_key_by_key(tmp_path: Path) -> None:
    top = {
        "optimizer": {"momentum": 0.9, "nesterov": True, "weight_decay": "5e-4"},
        "schedule": {"warmup": 0.5, "drops": {4: 0.1, 6.4: 0.1}},
    }
    entry = own(optimizer={"nesterov": False}, schedule={"by": "own"})
    runs = runs_of(tmp_path, **top, **entry)
    mine, other = runs["r-fast"].training, runs["ring-allreduce"].training
    assert mine.optimizer is not None
    assert other.optimizer is not None
    assert (mine.optimizer.momentum, mine.optimizer.nesterov, mine.optimizer.weight_decay) == (
        0.9,
        False,
        5e-4,
    )
    assert other.optimizer.nesterov
    assert mine.schedule is not None
    assert other.schedule is not None
    assert (mine.schedule.by, other.schedule.by) == ("own", "common")
    assert mine.schedule.drops == other.schedule.drops == ((4.0, 0.1), (6.4, 0.1))


@pytest.mark.parametrize(
    ("entry", "warmup", "shape"),
    [
        ({"cosine": 8}, 0.5, "cosine"),
        ({"one_cycle": 8}, None, "one_cycle"),
        ({"points": [[0, 1]]}, None, "points"),
    ],
)
def test_a_shape_takes_the_place_of_another(entry: Any, warmup: Any, shape: str, tmp_path: Path) -> None:
    top = {"schedule": {"warmup": 0.5, "drops": {4: 0.1}}}
    schedule = runs_of(tmp_path, **top, **own(schedule=entry))["r-fast"].training.schedule
    assert schedule is not None
    assert (schedule.warmup, schedule.drops, bool(getattr(schedule, shape))) == (warmup, (), True)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"momentum": 0}, "schedule": {"by": "own"}},
        {"optimizer": {}, "schedule": "constant"},
        {
            "optimizer": {"momentum": 0.9},
            "algorithms": [{**SCENARIO["algorithms"][0], "optimizer": {"momentum": 0}}],
        },
    ],
    ids=["by key", "empty", "taken back"],
)
def test_what_does_nothing_changes_neither_hash_nor_scenario(changes: dict[str, Any], tmp_path: Path) -> None:
    plain = runs_of(tmp_path)["r-fast"]
    run = runs_of(tmp_path, **changes)["r-fast"]
    assert (run.hash, run.resolved) == (plain.hash, plain.resolved)
    assert not {"optimizer", "schedule"} & {*run.resolved, *run.resolved["algorithms"][0]}


@pytest.mark.parametrize("changes", [{"optimizer": {"momentum": 0.9}}, {"schedule": {"drops": {4: 0.1}}}])
def test_what_does_something_changes_the_hash_and_is_read_back(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    plain, run = runs_of(tmp_path)["r-fast"], runs_of(tmp_path, **changes)["r-fast"]
    assert run.hash != plain.hash
    resolved = {key: value for key, value in run.resolved.items() if key not in ("seed", "baseline")}
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(resolved), encoding="utf-8")
    again = plan(load_points(tmp_path / "again.yaml"))[0]
    assert (again.hash, again.training) == (run.hash, run.training)
    assert read_yaml(tmp_path / "again.yaml")["algorithms"][0].keys() > {*changes}


def test_keys_can_be_set_and_swept(tmp_path: Path) -> None:
    runs_of(tmp_path, sweep={"optimizer.momentum": [0, 0.9]})
    overrides = ("algorithms.r-fast.schedule.warmup=2", "schedule.drops={4: 0.1}")
    runs = plan(load_points(tmp_path / "scenario.yaml", overrides))
    assert [run.algorithm.momentum for run in runs] == [0, 0, 0.9, 0.9]
    assert [bool(run.training.schedule and run.training.schedule.warmup) for run in runs] == [True, False] * 2
    assert all(run.training.schedule and run.training.schedule.drops for run in runs)


def test_an_effective_step_counts_momentum(tmp_path: Path) -> None:
    effective = [{"name": "ring-allreduce", "step_size": {"effective": 0.5}}]
    run = runs_of(tmp_path, algorithms=effective, optimizer={"momentum": 0.9})["ring-allreduce"]
    assert run.algorithm.parameters["step_size"] == pytest.approx(0.05)
