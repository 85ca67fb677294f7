"""A function of the user's own that gives data is called, and its mistakes are told in his words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rfast_bench.errors import UserError
from rfast_bench.scenario.user_files.modules import telling


def call(function: Callable[..., Any], args: Mapping[str, Any], path: Path, where: str) -> Any:
    """`function(**args)`. Raises UserError when it has no such arguments, or raises anything itself."""
    try:
        signature = inspect.signature(function)
        signature.bind(**args)
    except TypeError as problem:
        raise UserError(f"{where}.args: {problem}; {path} has {function.__name__}{signature}") from problem
    with telling(path, f"{where}.source: {path}"):
        return function(**args)
