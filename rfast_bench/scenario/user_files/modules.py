"""Python files of the user's own: imported beside whatever lies next to them, their mistakes told with the line."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from os.path import isfile
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

from rfast_bench.errors import UserError, nearest

MISTAKES = (Exception, SystemExit)
"""What a user's file may raise: anything, for libraries have exceptions of their own; `sys.exit()` too, which would end
the suite. It is only ever caught around his code, and told with its type, its words and its line."""


PACKAGE = "rfast_bench_user"
"""Of the modules in users' files."""
RELATIVE = (
    "a file that is loaded by itself belongs to no package, so that `from .other import x` finds nothing; give the "
    "package's whole name, `from package.other import x`, or the file's, `from other import x`"
)


@contextmanager
def telling(path: Path, told: str) -> Iterator[None]:
    """Turn what the file's code raises into a UserError, which starts with `told` and names the line of the file."""
    try:
        yield
    except UserError:
        raise
    except MISTAKES as problem:
        frames = traceback.extract_tb(problem.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        line = f" (line {lines[-1]})" if lines else ""
        said = RELATIVE if _is_relative(problem) else f"{type(problem).__name__}: {problem}"
        raise UserError(f"{told}: {said}{line}") from problem


def _is_relative(problem: BaseException) -> bool:
    return isinstance(problem, ImportError) and str(problem.name or "").partition(".")[0] == PACKAGE


def anew(path: Path, told: str) -> ModuleType:
    """The module in a file, executed now. Raises UserError, starting with `told`.

    Names of two modules differ by their files' whole paths. What lies beside the file can be imported by it; its
    folder comes last, where it hides nothing.
    """
    name = f"{PACKAGE}.{path.stem}_{crc32(str(path).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{told}{path} cannot be imported")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        with telling(path, f"{told}{path} cannot be imported"):
            spec.loader.exec_module(module)
    except UserError:
        del sys.modules[name]
        raise
    return module


once = cache(anew)
"""The same module for every call: classes in it stay one and the same."""


def function(code: str, where: str, load: Callable[[Path, str], ModuleType] = once) -> Callable[..., Any]:
    """What `/path/to/file.py:name` is, if it can be called. Raises UserError, starting with the key path `where`."""
    file, _, name = code.rpartition(":")
    path = Path(file)
    if not isfile(path):
        raise UserError(f"{where}: there is no file {path}; expected FILE.py:NAME")
    module = load(path, f"{where}: ")
    if not hasattr(module, name):
        words = [word for word, value in vars(module).items() if _is_own(value, module) and word[0] != "_"]
        has = ", ".join(words) or "nothing that can be called"
        raise UserError(f"{where}: {path} defines no '{name}'{nearest(name, words)} It has: {has}")
    found = getattr(module, name)
    if not callable(found):
        raise UserError(
            f"{where}: '{name}' of {path} is {type(found).__name__}; expected a function or a class"
        )
    called: Callable[..., Any] = found
    return called


def _is_own(value: object, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", "") == module.__name__
