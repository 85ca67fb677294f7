"""An algorithm's parameters as a scenario gives them: a value, `{effective: η}`, or `{tune: grid}`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rfast_bench.api import Algorithm
from rfast_bench.errors import UserError
from rfast_bench.plan import registry
from rfast_bench.scenario.reading import explain
from rfast_bench.scenario.sections.tuning import Grid, GridLike, TuneSpec
from rfast_bench.scenario.values.base import Spec
from rfast_bench.topology.topology import Topology

STEP = "step_size"
_GRID: TypeAdapter[Grid] = TypeAdapter(GridLike)


def check(
    given: Mapping[str, Any], model: type[Spec], tune: TuneSpec | None, where: tuple[str, ...], source: str
) -> dict[str, Any]:
    """Parameters checked against `model` and completed by its defaults. Raises UserError.

    A parameter to be tuned is a `Grid`, every value of it checked; `{effective: η}` is left as it is.
    """
    grids = _grids(given, model, tune, where, source)
    steps = {name: value for name, value in given.items() if _is_effective(value)}
    for name in {*steps, *(name for name, grid in grids.items() if grid.effective)} - {STEP}:
        raise UserError(f"{source}: {'.'.join((*where, name))}: only {STEP} has an effective value")
    fixed = {name: _number(value) for name, value in given.items() if name not in grids}
    firsts = {name: _number(grid.tried()[0]) for name, grid in grids.items()}
    values: dict[str, Any] = {}
    for name, value in [(n, v) for n, grid in grids.items() for v in grid.tried()] or [("", None)]:
        trial = {**fixed, **firsts, **({name: _number(value)} if name else {})}
        try:
            values = model.model_validate(trial).model_dump()
        except ValidationError as problem:
            raise UserError(explain(problem, trial, source, where)) from problem
    return {**values, **steps, **grids}


def _grids(
    given: Mapping[str, Any], model: type[Spec], tune: TuneSpec | None, where: tuple[str, ...], source: str
) -> dict[str, Grid]:
    found: dict[str, Grid] = {}
    for name, value in given.items():
        if isinstance(value, Grid):
            found[name] = value
        elif isinstance(value, dict) and set(value) == {"tune"}:
            found[name] = read_grid(value, (*where, name), source)
    if found and tune is None:
        first = ".".join((*where, next(iter(found))))
        raise UserError(f"{source}: {first}: is to be tuned, but the scenario has no tune: with an objective")
    everywhere = {} if tune is None else tune.parameters
    return found | {n: g for n, g in everywhere.items() if n in model.model_fields and n not in given}


def read_grid(value: dict[str, Any], where: tuple[str, ...], source: str) -> Grid:
    """The grid in `{tune: grid}`. Raises UserError."""
    try:
        return _GRID.validate_python(value["tune"])
    except ValidationError as problem:
        raise UserError(explain(problem, value["tune"], source, (*where, "tune"))) from problem


def _is_effective(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"effective"}


def _number(value: Any) -> Any:
    """An effective step stands for a step size while types and bounds are checked."""
    return value["effective"] if _is_effective(value) else value


def effective_value(parameters: Mapping[str, Any]) -> float | None:
    """η where the step size is given as `{effective: η}`."""
    value: Any = parameters.get(STEP)
    return float(value["effective"]) if _is_effective(value) else None


def effective_step(
    kind: type[Algorithm],
    topology: Topology,
    step: float,
    momentum: float = 0.0,
    given: Mapping[str, Any] | None = None,
) -> float:
    """The nominal step of the mean model for this step size; nan where there is none.

    Momentum β multiplies it by 1/(1 − β). `given`: the other parameters, for a class whose `effective_step` looks at
    them.
    """
    if kind.needs == "nothing":
        factor = float(topology.n)
    else:
        factor = topology.step_factor if kind.descends == "kept" else topology.whole_step_factor
    named: Any = kind.effective_step
    if not sees_parameters(kind):
        return float(named(step, factor) / (1 - momentum))
    return float(named(step, factor, {**_known(kind, given or {}), STEP: step}) / (1 - momentum))


def sees_parameters(kind: type[Algorithm]) -> bool:
    """Whether the class has `effective_step(cls, step_size, topology_factor, parameters)`."""
    return len(inspect.signature(kind.effective_step).parameters) > 2


def _known(kind: type[Algorithm], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter's value: given, by default, or, of one that is yet to be tuned, the first that is tried."""
    fields = registry.parameters(kind).model_fields
    values = {
        n: given.get(n, field.default) for n, field in fields.items() if n in given or not field.is_required()
    }
    return {name: value.tried()[0] if isinstance(value, Grid) else value for name, value in values.items()}


def own_shares(kind: type[Algorithm], given: Mapping[str, Any]) -> dict[str, float]:
    """By matrix, W and A, the own share that the parameters put in; without one that is yet to be found."""
    fields = registry.parameters(kind).model_fields
    values = {m: given.get(name, fields[name].default) for m, name in registry.own_shares(kind).items()}
    return {matrix: float(value) for matrix, value in values.items() if isinstance(value, int | float)}


def factor_open(kind: type[Algorithm], given: Mapping[str, Any]) -> bool:
    """Whether a parameter that decides what an effective step is, such as an own share, is yet to be found."""
    names = given if sees_parameters(kind) else registry.own_shares(kind).values()
    return any(isinstance(given.get(name), Grid) for name in names if name != STEP)


def told(kind: type[Algorithm], given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters without own shares that are not given, which are younger than the records."""
    quiet = set(registry.own_shares(kind).values())
    return {name: value for name, value in given.items() if value is not None or name not in quiet}


def step_for(
    kind: type[Algorithm],
    topology: Topology,
    effective: float,
    where: str,
    momentum: float = 0.0,
    given: Mapping[str, Any] | None = None,
) -> float:
    """The step size whose effective step is η: effective steps are proportional to step sizes.

    Raises UserError where there is none.
    """
    factor = effective_step(kind, topology, 1.0, momentum, given)
    if not (math.isfinite(factor) and factor > 0):
        raise UserError(
            f"{where}: no step size has the effective step {effective:g} on {topology.name}: "
            f"the nominal step factor is {factor:g} there. Give the step size itself"
        )
    step = effective / factor
    if not math.isclose(effective_step(kind, topology, step, momentum, given), effective, rel_tol=1e-9):
        raise UserError(
            f"{where}: {kind.__name__}.effective_step is not proportional to the step size; give it itself"
        )
    return step
