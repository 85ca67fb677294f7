"""State beside the workers' objects, of classes, functions, modules and the process: as text, to see changes."""

from __future__ import annotations

import os
import sys
from collections import deque
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

import numpy as np

from rfast_bench.breaches.lines import files_of, is_own

STATEFUL = (dict, list, set, bytearray, deque)
INERT = (type, FunctionType, ModuleType, property, classmethod, staticmethod)
EMPTY = CellType()
"""An enclosed name that has not been given anything yet."""
LONG = 100_000
"""Letters of a text that are compared."""


def outside(kind: type) -> dict[str, str]:
    """Attributes of the classes, names of their modules and of modules beside them, what their functions hold, and the
    process's variables and folder."""
    found = {"os.environ": text_of(dict(os.environ)), "the working folder": os.getcwd()}
    for base in (base for base in kind.__mro__ if base is not object and files_of(base)):
        found |= {f"{base.__name__}.{k}": text_of(v) for k, v in vars(base).items() if _is_state(k, v)}
        found |= _of_functions(base.__name__ + ".", vars(base))
    for module in modules(kind):
        found |= {k: text_of(v) for k, v in vars(module).items() if _is_state(k, v)}
        found |= _of_functions("", vars(module))
    return found


def modules(kind: type) -> list[ModuleType]:
    """The module of a class; of a user's, those of its other classes and what they import from their folder too."""
    parts = [kind, *(base for base in kind.__mro__ if is_own(base))]
    found = [module for base in parts if (module := sys.modules.get(base.__module__)) is not None]
    folder = Path(files_of(kind)[0]).parent
    for module in found:  # which grows
        for value in list(vars(module).values()) if is_own(kind) else []:
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            other = sys.modules.get(name) if isinstance(name, str) else None
            file = getattr(other, "__file__", None)
            if other is not None and other not in found and file and Path(file).parent == folder:
                found.append(other)
    return list(dict.fromkeys(found))


def _of_functions(prefix: str, names: Any) -> dict[str, str]:
    """Default arguments, enclosed names and attributes of functions."""
    found = {}
    for name, value in names.items():
        function = getattr(value, "__func__", value)
        if isinstance(function, FunctionType):
            cells = [cell.cell_contents for cell in function.__closure__ or () if cell != EMPTY]
            held = [function.__defaults__, function.__kwdefaults__, vars(function)]
            state = [value for value in cells if isinstance(value, (*STATEFUL, int, float))]
            found[f"{prefix}{name}"] = text_of([*held, *state])
    return found


def _is_state(name: str, value: Any) -> bool:
    return not (name.startswith(("__", "_abc")) or isinstance(value, INERT))


def text_of(value: Any) -> str:
    """What an object holds, as text."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {hash(value.tobytes())}"
    if isinstance(value, STATEFUL):
        return f"{type(value).__name__} of {len(value)}: {repr(value)[:LONG]}"
    state = getattr(value, "__dict__", None)
    return repr(value)[:LONG] if state is None else repr(sorted(map(str, state.items())))[:LONG]
