"""From a name to an algorithm class: built in, of another package, or `path/to/file.py:Class`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import create_model

from rfast_bench.api import Algorithm
from rfast_bench.errors import UserError, suggest
from rfast_bench.scenario.sections.base import Spec

BUILT_IN = "rfast_bench.algorithms"
GROUP = "rfast_bench.algorithms"


def names() -> list[str]:
    """All algorithms that can be named without a path, sorted."""
    return sorted({*_built_in(), *_plug_ins()})


def find(name: str, folder: Path | None = None) -> type[Algorithm]:
    """The class behind `name`; a relative path is looked up in `folder`, then in the current one.

    Raises UserError when there is none, naming what there is.
    """
    if ".py:" in name:
        return _from_file(name, folder)
    if name in _built_in():
        return _only_algorithm(importlib.import_module(_built_in()[name]))
    if name in _plug_ins():
        return _checked(_plug_ins()[name].load(), name)
    raise UserError(f"unknown algorithm '{name}'{suggest(name, names())}, or path/to/file.py:Class")


@cache
def parameters(algorithm: type[Algorithm]) -> type[Spec]:
    """What a scenario may set for `algorithm`: a model of its keyword arguments and their annotations."""
    try:
        signature = inspect.signature(algorithm.__init__, eval_str=True)
    except NameError as problem:
        raise UserError(
            f"{algorithm.__name__}.__init__: an annotation cannot be resolved: {problem}"
        ) from problem
    fields: dict[str, Any] = {
        p.name: (p.annotation, ... if p.default is p.empty else p.default)
        for p in signature.parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }
    return create_model(f"{algorithm.__name__}Parameters", __base__=Spec, **fields)


@cache
def _built_in() -> dict[str, str]:
    package = importlib.import_module(BUILT_IN)
    found = pkgutil.iter_modules(package.__path__)
    return {m.name.replace("_", "-"): f"{BUILT_IN}.{m.name}" for m in found if not m.name.startswith("_")}


@cache
def _plug_ins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _from_file(name: str, folder: Path | None) -> type[Algorithm]:
    file_name, _, class_name = name.rpartition(":")
    places = [p / file_name for p in (folder, Path.cwd()) if p is not None]
    path = next((p.resolve() for p in places if p.is_file()), None)
    if path is None:
        raise UserError(
            f"algorithm '{name}': there is no file {' or '.join(map(str, dict.fromkeys(places)))}"
        )
    found = getattr(_load(path), class_name, None)
    if found is None:
        raise UserError(f"algorithm '{name}': {path} defines no class '{class_name}'")
    return _checked(found, name)


@cache
def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"rfast_bench_user.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"algorithm file {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # for what lies beside it; at the end, where it hides nothing
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, NameError) as problem:
        raise UserError(f"algorithm file {path} cannot be imported: {problem}") from problem
    return module


def _only_algorithm(module: ModuleType) -> type[Algorithm]:
    own = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__]
    (found,) = [c for c in own if issubclass(c, Algorithm)]
    return found


def _checked(found: object, name: str) -> type[Algorithm]:
    if not (inspect.isclass(found) and issubclass(found, Algorithm)):
        raise UserError(f"algorithm '{name}' is not a subclass of rfast_bench.api.Algorithm")
    if inspect.isabstract(found):
        raise UserError(f"algorithm '{name}' does not define {', '.join(sorted(found.__abstractmethods__))}")
    for parameter in list(inspect.signature(found.__init__).parameters.values())[2:]:
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.annotation is parameter.empty:
            raise UserError(
                f"algorithm '{name}': parameter '{parameter.name}' of __init__ must be annotated and keyword-only: "
                "__init__(self, x0, *, step_size: StepSize, ...)"
            )
    return found
