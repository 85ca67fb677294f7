"""The gradient filter against torch.optim.SGD, schedules against torch's own or closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rfast_bench.conditions.optimizer import GradientFilter, Rounds, ScheduledStep, base_step, factor_of
from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.optimizer import OptimizerSpec, ScheduleSpec

STEP = 0.05
DIM = 7
SGD = [
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.1},
    {"momentum": 0.5, "nesterov": True, "weight_decay": 0.01},
]


def gradients(count: int) -> np.ndarray:
    """The same for every test, shape (count, DIM)."""
    return np.random.default_rng(1).standard_normal((count, DIM))


def by_filter(spec: dict[str, Any], form: Callable[[np.ndarray], Any]) -> list[np.ndarray]:
    """Iterates of x ← x − γ u."""
    own, x = GradientFilter(OptimizerSpec(**spec)), form(np.ones(DIM))
    found = []
    for g in gradients(60):
        x = x - STEP * own(form(g), x)
        found.append(np.asarray(x))
    return found


def by_torch(spec: dict[str, Any], clip: float | None = None) -> list[np.ndarray]:
    x = torch.ones(DIM, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=STEP, **spec)
    found = []
    for g in gradients(60):
        x.grad = torch.from_numpy(g.copy())
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([x], clip)
        optimizer.step()
        found.append(x.detach().numpy().copy())
    return found


@pytest.mark.parametrize("form", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("spec", SGD, ids=str)
def test_it_is_torchs_sgd(spec: dict[str, Any], form: Callable[[np.ndarray], Any]) -> None:
    np.testing.assert_allclose(by_filter(spec, form), by_torch(spec), rtol=0, atol=1e-14)


def test_clipping_is_torchs() -> None:
    """But for the 1e-6 that torch adds to the norm."""
    found = by_filter({"clip": 1.5}, np.array)
    np.testing.assert_allclose(found, by_torch({}, clip=1.5), rtol=0, atol=1e-5)
    norms = np.linalg.norm(gradients(60), axis=1)
    assert norms.min() < 1.5 < norms.max()  # some are clipped, some are not


def test_what_is_clipped_holds_the_decay() -> None:
    own = GradientFilter(OptimizerSpec(weight_decay=1.0, clip=2.0))
    np.testing.assert_allclose(own(np.array([3.0, 0.0]), np.array([0.0, 4.0])), [1.2, 1.6], rtol=1e-15)


def test_numbers_do_as_well_as_vectors() -> None:
    own = GradientFilter(OptimizerSpec(momentum=0.5, nesterov=True, weight_decay=1.0, clip=3.0))
    assert own(1.0, 1.0) == 2.0 + 0.5 * 2.0
    assert own(-9.0, 1.0) == -3.0 + 0.5 * (0.5 * 2.0 - 3.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_handed_over_is_changed_and_the_dtype_stays(dtype: Any) -> None:
    own = GradientFilter(OptimizerSpec(momentum=0.9, nesterov=True, weight_decay=0.1, clip=1.0))
    at, given, handed = np.ones(DIM, dtype), [g.astype(dtype) for g in gradients(9)], []
    for array in (at, *given):
        array.flags.writeable = False
    for g in given:
        handed.append(own(g, at))
        handed[-1].flags.writeable = False
    assert all(u.dtype == dtype for u in handed)
    assert len({id(u) for u in handed}) == 9


# --------------------------------------------------------------------------------------------- schedules
def of_torch(make: Callable[[Any], Any], steps: int) -> list[float]:
    """The factors of a torch scheduler over a step of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def of_ours(spec: dict[str, Any], steps: int, every: float = 1.0) -> list[float]:
    factor = factor_of(ScheduleSpec.model_validate(spec))
    return [factor(k * every) for k in range(steps)]


LR = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("spec", "make"),
    [
        (
            {"warmup": 10, "warmup_from": 0.25},
            lambda o: LR.LinearLR(o, start_factor=0.25, total_iters=10),
        ),
        ({"drops": {8: 0.1, 14: 0.1}}, lambda o: LR.MultiStepLR(o, [8, 14], gamma=0.1)),
        ({"cosine": 20}, lambda o: LR.CosineAnnealingLR(o, T_max=20)),
        ({"cosine": {"until": 20, "to": 0.2}}, lambda o: LR.CosineAnnealingLR(o, T_max=20, eta_min=0.2)),
        (
            {"warmup": 5, "warmup_from": 0.1, "cosine": 20},
            lambda o: LR.SequentialLR(
                o, [LR.LinearLR(o, 0.1, total_iters=5), LR.CosineAnnealingLR(o, T_max=15)], milestones=[5]
            ),
        ),
    ],
    ids=["warm-up", "drops", "cosine", "cosine to 0.2", "warm-up and cosine"],
)
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step()`:UserWarning")  # torch's own
def test_it_is_torchs_schedule(spec: dict[str, Any], make: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(of_ours(spec, 21), of_torch(make, 21), rtol=0, atol=1e-14)


def test_one_cycle_is_torchs() -> None:
    """torch counts its phases in steps, of which the last is number total − 1: 30 up, 70 down here."""
    theirs = of_torch(
        lambda o: LR.OneCycleLR(o, max_lr=1.0, total_steps=101, pct_start=31 / 101, cycle_momentum=False), 101
    )
    spec = {"one_cycle": {"until": 100, "rise": 0.3}}
    np.testing.assert_allclose(of_ours(spec, 101), theirs, rtol=0, atol=1e-12)


def test_warm_up_and_drops_by_hand() -> None:
    spec = {"warmup": 0.5, "drops": {4: 0.1, 6.4: 0.5}}
    factor = factor_of(ScheduleSpec.model_validate(spec))
    found = [factor(t) for t in (0, 0.25, 0.5, 3.99, 4, 6.39, 6.4, 100)]
    np.testing.assert_allclose(found, [0, 0.5, 1, 1, 0.1, 0.1, 0.05, 0.05], rtol=1e-15)


def test_points_by_hand() -> None:
    factor = factor_of(ScheduleSpec.model_validate({"points": [[1, 0.5], [2, 1], [4, 0]]}))
    found = [factor(t) for t in (0, 1, 1.5, 2, 3, 4, 9)]
    np.testing.assert_allclose(found, [0.5, 0.5, 0.75, 1, 0.5, 0, 0], rtol=1e-15)


def test_nothing_given_is_a_factor_of_one() -> None:
    assert of_ours({}, 5) == [1.0] * 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"drops": {"3 s": "2 min"}},
        {"drops": [["3 s", "900 ms"]]},
        {"points": [["3 s", "1 s"]]},
        {"warmup": "1 s", "warmup_from": "900 ms"},
        {"cosine": {"until": "3 s", "to": "1 ms"}},
        {"one_cycle": {"until": "3 s", "rise": "300 ms"}},
    ],
)
def test_a_factor_is_no_time(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="valid number"):
        ScheduleSpec.model_validate({"by": "time", **wrong})


def test_a_schedule_by_time_may_have_units() -> None:
    spec = ScheduleSpec.model_validate({"by": "time", "warmup": "500 ms", "drops": {"1 min": 0.1}})
    assert (spec.warmup, spec.drops) == (0.5, ((60.0, 0.1),))
    assert math.isclose(factor_of(spec)(0.25), 0.5)


# -------------------------------------------------------------------------------------------------- steps
class Stepping:
    def __init__(self, step_size: float) -> None:
        self.step_size: Any = step_size


def test_a_step_size_is_made_anew_only_when_the_factor_changes() -> None:
    made: list[float] = []

    def number(value: float) -> float:
        made.append(value)
        return value

    step = ScheduledStep(ScheduleSpec.model_validate({"drops": {1: 0.1}}), 0.5, number)
    algorithm, found = Stepping(0.5), []
    for position in (0, 0.5, 1, 2):
        step.put(algorithm, position)
        found.append(algorithm.step_size)
    assert found == [0.5, 0.5, 0.05, 0.05]
    assert made == [0.5, 0.5, 0.05]  # as given, and one for each factor


def test_an_algorithm_that_keeps_its_step_elsewhere_is_told() -> None:
    with pytest.raises(UserError, match="Hiding keeps its step under another name than"):
        base_step(Hiding())


class Hiding:
    gamma = 0.1


def test_rounds_add_up_what_every_worker_draws() -> None:
    batches = [iter([3, 1, 3]), iter([2, 2, 2])]
    rounds = Rounds([lambda own=own: next(own) for own in batches])  # type: ignore[misc]
    assert [rounds.samples(k) for k in (2, 0, 1, 3)] == [8, 0, 5, 13]
