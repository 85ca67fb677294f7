"""An algorithm's optimizer and schedule as a scenario gives them: at the top, in its entry, or to be tuned.

A key that is to be tuned stands among the algorithm's parameters as `optimizer.momentum` or `schedule.warmup` until
its value is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rfast_bench.errors import UserError
from rfast_bench.plan.parameters import read_grid
from rfast_bench.scenario.reading import explain
from rfast_bench.scenario.schema import TRAINING, AlgorithmSpec, Scenario
from rfast_bench.scenario.sections.optimizer import (
    OptimizerSpec,
    ScheduleSpec,
    Training,
    conflicts,
    impossible,
    is_constant,
    merged,
)
from rfast_bench.scenario.sections.tuning import Grid
from rfast_bench.scenario.values.base import Spec

MODELS: dict[str, type[Spec]] = {"optimizer": OptimizerSpec, "schedule": ScheduleSpec}
NAMES = frozenset(f"{part}.{key}" for part, model in MODELS.items() for key in model.model_fields)
"""What a tuned key may be called."""
MOMENTUM = "optimizer.momentum"


@dataclass(frozen=True)
class Whole:
    """Both parts with every key."""

    optimizer: OptimizerSpec
    schedule: ScheduleSpec


def complete(
    scenario: Scenario, algorithm: AlgorithmSpec, has_step: bool, where: str, source: str
) -> tuple[Whole, dict[str, Grid]]:
    """Optimizer and schedule of an algorithm of a scenario, and the grids of what is still to be tuned.

    A key with a grid has the first value of it. `has_step`: the algorithm has a parameter step_size. Raises UserError.
    """
    inner = {name: value for name, value in algorithm.parameters.items() if name in NAMES}
    grids = _grids(scenario, algorithm, inner, where, source)
    first = {**inner, **{name: grid.tried()[0] for name, grid in grids.items()}}
    for name, value in [(name, value) for name, grid in grids.items() for value in grid.tried()]:
        _whole(scenario, algorithm, {**first, name: value}, where, source)
    found = _whole(scenario, algorithm, first, where, source)
    moving = not is_constant(found.schedule) or any(name.startswith("schedule.") for name in grids)
    if moving and not has_step:
        raise UserError(
            f"{source}: {_place(algorithm, 'schedule', where)}: a schedule multiplies the parameter step_size, which "
            f"{algorithm.label} has not; give its entry 'schedule: constant'"
        )
    return found, grids


def _grids(
    scenario: Scenario, algorithm: AlgorithmSpec, inner: Mapping[str, Any], where: str, source: str
) -> dict[str, Grid]:
    """Those of its own, and those of `tune.parameters` whose key its entry does not give."""
    tune = scenario.tune
    found: dict[str, Grid] = {}
    for name, value in inner.items():
        if isinstance(value, Grid):
            found[name] = value
        elif isinstance(value, dict) and set(value) == {"tune"}:
            found[name] = read_grid(value, (where, *name.split(".")), source)
    if found and tune is None:
        raise UserError(
            f"{source}: {where}.{next(iter(found))}: is to be tuned, but the scenario has no tune: with an objective"
        )
    own = {f"{part}.{key}" for part in TRAINING for key in _given(algorithm, part)}
    everywhere = {} if tune is None else tune.parameters
    found |= {name: grid for name, grid in everywhere.items() if name in NAMES - own - set(inner)}
    wrong = next((name for name, grid in found.items() if grid.effective), None)
    if wrong:
        raise UserError(f"{source}: {where}.{wrong}: only step_size has an effective value")
    return found


def _given(algorithm: AlgorithmSpec, part: str) -> set[str]:
    own: Spec | None = getattr(algorithm, part)
    return set() if own is None else own.model_fields_set


def _place(algorithm: AlgorithmSpec, part: str, where: str) -> str:
    """Where in the file a part stands that is wrong as a whole: in the algorithm's entry, or at the top."""
    inner = any(name.startswith(f"{part}.") for name in algorithm.parameters)
    return f"{where}.{part}" if inner or _given(algorithm, part) else part


def _whole(
    scenario: Scenario, algorithm: AlgorithmSpec, inner: Mapping[str, Any], where: str, source: str
) -> Whole:
    parts: dict[str, Any] = {}
    for part, model in MODELS.items():
        values = merged(getattr(scenario, part), getattr(algorithm, part), model)
        values |= {key.partition(".")[2]: value for key, value in inner.items() if key.startswith(f"{part}.")}
        try:
            parts[part] = model.model_validate(values)
        except ValidationError as problem:
            raise UserError(explain(problem, values, source, (where, part))) from problem
    found = Whole(**parts)
    for part, wrong in (("optimizer", conflicts(found.optimizer)), ("schedule", impossible(found.schedule))):
        if wrong:
            raise UserError(f"{source}: {_place(algorithm, part, where)}: {wrong}")
    return found


def allowed(algorithm: AlgorithmSpec, inner: Mapping[str, Any]) -> bool:
    """Whether a completed algorithm could have these values of keys such as `optimizer.momentum`."""
    for part, model in MODELS.items():
        own: Spec = getattr(algorithm, part)
        values = {key.partition(".")[2]: value for key, value in inner.items() if key.startswith(f"{part}.")}
        try:
            model.model_validate({**own.model_dump(), **values})
        except ValidationError:
            return False
    return True


def of(algorithm: AlgorithmSpec) -> Training:
    """What the driver of a completed algorithm applies."""
    return applied(algorithm.optimizer, algorithm.schedule)


def applied(optimizer: OptimizerSpec | None, schedule: ScheduleSpec | None) -> Training:
    """Both, but None for what does nothing."""
    idle = optimizer is None or not (optimizer.momentum or optimizer.weight_decay or optimizer.clip)
    still = schedule is None or is_constant(schedule)
    return Training(None if idle else optimizer, None if still else schedule)


def told(algorithm: AlgorithmSpec, dumped: Mapping[str, Any]) -> dict[str, Any]:
    """An algorithm's plain values without an optimizer and a schedule that do nothing."""
    active = of(algorithm)
    return {key: value for key, value in dumped.items() if key not in TRAINING or getattr(active, key)}
