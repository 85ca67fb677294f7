"""From a name to an algorithm class: built in, of another package, or `path/to/file.py:Class`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Self, get_args

from pydantic import model_validator

from rfast_bench.api import Algorithm, Buckets, Family, Needs, OwnShareA, OwnShareW
from rfast_bench.errors import UserError, suggest
from rfast_bench.scenario.sections.optimizer import OptimizerSpec, ScheduleSpec
from rfast_bench.scenario.user_files import code
from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.bounds import LARGEST

BUILT_IN = "rfast_bench.algorithms"
GROUP = "rfast_bench.algorithms"


class ParameterSpec(Spec):
    """An algorithm's own parameters; optimizer and schedule stand beside them."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(OptimizerSpec.model_fields, "optimizer"),
        **dict.fromkeys(ScheduleSpec.model_fields, "schedule"),
    }

    @model_validator(mode="after")
    def _no_number_beyond_all(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, int) and abs(value) > LARGEST:
                raise ValueError(
                    f"{name}: a whole number of {len(str(abs(value)))} digits; at most {LARGEST}"
                )
        return self


def names() -> list[str]:
    """All algorithms that can be named without a path, sorted."""
    return sorted({*_built_in(), *code.plug_ins(GROUP)})


def families() -> dict[str, list[str]]:
    """The names by family, as `Algorithm.family` says: synchronous, asynchronous, tracking."""
    found: dict[str, list[str]] = {family: [] for family in get_args(Family)}
    for name in names():
        kind = find(name)
        found[kind.family or ("synchronous" if kind.synchronous else "asynchronous")].append(name)
    return {family: members for family, members in found.items() if members}


def find(name: str, folder: Path | None = None) -> type[Algorithm]:
    """The class behind `name`; a relative path is looked up in `folder`, then in the current one.

    Raises UserError when there is none, naming what there is.
    """
    if code.is_file(name):
        return _checked(code.from_file(name, folder, "algorithm"), name)
    if name in _built_in():
        return _only_algorithm(importlib.import_module(_built_in()[name]))
    if name in code.plug_ins(GROUP):
        return _checked(code.plug_ins(GROUP)[name].load(), name)
    if name.endswith(".py"):
        raise UserError(f"'{name}' is a file; name a class in it too: {name}:CLASS")
    raise UserError(f"unknown algorithm '{name}'{suggest(name, names())}, or path/to/file.py:Class")


def recommended(name: str, kind: type[Algorithm]) -> tuple[str, ...]:
    """The named graphs that a method is recommended on; its default one where nothing else is said."""
    own: dict[str, tuple[str, ...]] = importlib.import_module(BUILT_IN).GRAPHS
    return own.get(name) or ((kind.default_topology,) if kind.default_topology else ())


def parameters(algorithm: type[Algorithm]) -> type[Spec]:
    """What a scenario may set for `algorithm`: a model of its keyword arguments and their annotations."""
    return code.parameters(algorithm, ParameterSpec)


def bucketed(algorithm: type[Algorithm]) -> list[str]:
    """Its parameters that say into how many pieces a vector is cut."""
    given = inspect.signature(algorithm.__init__, eval_str=True).parameters.values()
    return [parameter.name for parameter in given if parameter.annotation == Buckets]


@cache
def own_shares(algorithm: type[Algorithm]) -> Mapping[str, str]:
    """Its parameters that are put into the weights of its pair, by matrix: `{"W": name, "A": name}`, or fewer."""
    given = inspect.signature(algorithm.__init__, eval_str=True).parameters.values()
    kinds = {"W": (OwnShareW, OwnShareW | None), "A": (OwnShareA, OwnShareA | None)}
    return {m: p.name for m, annotations in kinds.items() for p in given if p.annotation in annotations}


@cache
def _built_in() -> dict[str, str]:
    package = importlib.import_module(BUILT_IN)
    found = pkgutil.iter_modules(package.__path__)
    return {m.name.replace("_", "-"): f"{BUILT_IN}.{m.name}" for m in found if not m.name.startswith("_")}


def _only_algorithm(module: ModuleType) -> type[Algorithm]:
    own = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__]
    (found,) = [c for c in own if issubclass(c, Algorithm)]
    return found


def _checked(found: object, name: str) -> type[Algorithm]:
    if not (inspect.isclass(found) and issubclass(found, Algorithm)):
        raise UserError(f"algorithm '{name}' is not a subclass of rfast_bench.api.Algorithm")
    if inspect.isabstract(found):
        raise UserError(f"algorithm '{name}' does not define {', '.join(sorted(found.__abstractmethods__))}")
    if inspect.isfunction(inspect.getattr_static(found, "model")):
        raise UserError(
            f"algorithm '{name}': `model` is no property; write @property above `def model(self)`"
        )
    if found.needs not in get_args(Needs):
        raise UserError(
            f"algorithm '{name}': needs is {found.needs!r}{suggest(str(found.needs), get_args(Needs))}"
        )
    code.check_parameters(found, name, "algorithm", ["x0"], "__init__(self, x0, *, step_size: StepSize, ...)")
    return found
