"""A function of the user's own that gives data: found in his file, called, and its mistakes told in his words."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rfast_bench.errors import UserError, nearest
from rfast_bench.scenario.user_files.code import MISTAKES


def find(source: str, where: str) -> Callable[..., Any]:
    """What `/path/to/file.py:name` is. Raises UserError when there is none, or it cannot be called."""
    file, _, name = source.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise UserError(f"{where}.source: there is no file {path}; expected FILE.py:NAME")
    module = _module(path, where)
    if not hasattr(module, name):
        words = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        defined = ", ".join(words) or "no function"
        raise UserError(f"{where}.source: {path} defines no '{name}'{nearest(name, words)} It has: {defined}")
    found = getattr(module, name)
    if not callable(found):
        raise UserError(f"{where}.source: '{name}' of {path} is {type(found).__name__}; expected a function")
    given: Callable[..., Any] = found
    return given


def call(function: Callable[..., Any], args: Mapping[str, Any], path: Path, where: str) -> Any:
    """`function(**args)`. Raises UserError when it has no such arguments, or raises anything itself."""
    try:
        signature = inspect.signature(function)
        signature.bind(**args)
    except TypeError as problem:
        raise UserError(f"{where}.args: {problem}; {path} has {function.__name__}{signature}") from problem
    with telling(path, f"{where}.source"):
        return function(**args)


@contextmanager
def telling(path: Path, where: str) -> Iterator[None]:
    """Turn what the user's code raises into a UserError that names the line of his file."""
    try:
        yield
    except UserError:
        raise
    except MISTAKES as problem:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(problem.__traceback__)
            if frame.filename == str(path)
        ]
        line = f", line {lines[-1]}" if lines else ""
        raise UserError(f"{where}: {path}{line}: {type(problem).__name__}: {problem}") from problem


def _module(path: Path, where: str) -> Any:
    """A module of its own each time: what it keeps from an earlier call cannot change what it gives."""
    name = f"rfast_bench_data.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{where}.source: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.append(str(path.parent))  # it may import its neighbours; at the end, where they hide nothing
    try:
        with telling(path, f"{where}.source"):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module
