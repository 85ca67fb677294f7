"""Classes in Python files of the user's own, `path/to/file.py:Class`, and in installed packages by entry points.

It lies this low because both a scenario's problem and the algorithms of its plan are found by it.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from os.path import isfile
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, create_model

from rfast_bench.api import Buckets
from rfast_bench.errors import UserError, nearest
from rfast_bench.scenario.user_files.modules import once
from rfast_bench.scenario.values.units import CountOrSize

PACKAGE = "rfast_bench"
PROBLEMS = f"{PACKAGE}.problems"
"""The entry-point group of problems; put together, for it is no module that is imported from here."""
Base = TypeVar("Base", bound=BaseModel)


IS_FILE = r"\.py:"
"""The pattern of what `is_file` finds."""


def is_file(name: str) -> bool:
    """Whether it names a class in a file."""
    return ".py:" in name


@cache
def plug_ins(group: str) -> dict[str, EntryPoint]:
    """What installed packages offer, by name."""
    return {point.name: point for point in entry_points(group=group)}


def rooted(name: str, folder: Path | None, what: str) -> str:
    """`file.py:Class` with the file's whole path: from `folder`, else from the current one. Raises UserError."""
    file_name, _, class_name = name.rpartition(":")
    places = [p / Path(file_name).expanduser() for p in (folder, Path.cwd()) if p is not None]
    path = next((p.resolve() for p in places if isfile(p)), None)
    if path is None:
        raise UserError(f"{what} '{name}': there is no file {' or '.join(map(str, dict.fromkeys(places)))}")
    return f"{path}:{class_name}"


def from_file(name: str, folder: Path | None, what: str) -> object:
    """What `file.py:Class` names; the file is executed, once. `what` it should be is for messages.

    Raises UserError.
    """
    path, _, class_name = rooted(name, folder, what).rpartition(":")
    module = once(Path(path), f"{what} file ")
    found = getattr(module, class_name, None)
    if found is None:
        meant = nearest(class_name, [one for one in vars(module) if not one.startswith("_")])
        raise UserError(f"{what} '{name}': {path} defines no class '{class_name}'{meant}")
    return found


def check_parameters(found: type, name: str, what: str, leading: Sequence[str], example: str) -> None:
    """Raises UserError unless `__init__` takes `leading`, and all else by annotated keywords only."""
    given = list(inspect.signature(found.__init__).parameters.values())[1:]  # type: ignore[misc]
    for parameter in given[len(leading) :]:
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.annotation is parameter.empty:
            raise UserError(
                f"{what} '{name}': parameter '{parameter.name}' of __init__ must be annotated and keyword-only: "
                f"{example}"
            )
    if any(parameter.kind is parameter.KEYWORD_ONLY for parameter in given[: len(leading)]) or len(
        given
    ) < len(leading):
        raise UserError(f"{what} '{name}': __init__ must take {', '.join(leading)} first: {example}")


@cache
def parameters(found: type, base: type[Base]) -> type[Base]:
    """What a scenario may set for a class: a model of its keyword arguments and their annotations."""
    try:
        signature = inspect.signature(found.__init__, eval_str=True)  # type: ignore[misc]
    except NameError as problem:
        raise UserError(
            f"{found.__name__}.__init__: an annotation cannot be resolved: {problem}"
        ) from problem
    fields: dict[str, Any] = {
        p.name: (
            CountOrSize if p.annotation == Buckets else p.annotation,
            ... if p.default is p.empty else p.default,
        )
        for p in signature.parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }
    return create_model(f"{found.__name__}Parameters", __base__=base, **fields)
