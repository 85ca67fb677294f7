"""Callables of the user's own: `path/to/file.py:name`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from rfast_bench.errors import UserError, suggest


def find(code: str, where: str) -> Callable[..., Any]:
    """What `code` names. Raises UserError, starting with the key path `where`, when there is no such callable."""
    file, _, name = code.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise UserError(f"{where}: there is no file {path}")
    module = _load(path.resolve(), where)
    found = getattr(module, name, None)
    if not callable(found):
        own = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        what = "is not callable" if hasattr(module, name) else "is not there"
        raise UserError(f"{where}: '{name}' {what} in {path}{suggest(name, own)}")
    return found  # type: ignore[no-any-return]


@cache
def _load(path: Path, where: str) -> ModuleType:
    """The module in a file; its name holds a digest of the path, so that two files of one name are two modules."""
    name = f"rfast_bench_user.{path.stem}_{blake2b(str(path).encode(), digest_size=4).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{where}: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        del sys.modules[name]
        raise UserError(
            f"{where}: {path} cannot be imported: {type(problem).__name__}: {problem}"
        ) from problem
    return module
