"""Clocks and dice of a method's own: seen in its text, in its calls, and in the generators of the process."""

from __future__ import annotations

import ast
import builtins
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from rfast_bench.breaches.lines import Line, of_call
from rfast_bench.conformance.outside import modules
from rfast_bench.conformance.source import Source
from rfast_bench.conformance.trials import SIZES, Method, noise, rounds

FORBIDDEN = (
    "time",
    "random",
    "_random",
    "secrets",
    "datetime",
    "uuid",
    "numpy.random",
    "asyncio",
    "threading",
)
DICE = (
    "rand",
    "randn",
    "randint",
    "randperm",
    "rand_like",
    "randn_like",
    "normal",
    "bernoulli",
    "multinomial",
)
"""Functions of torch that draw."""
SYSTEM = ("urandom", "getrandom", "times", "getpid")
"""Functions of os that differ from run to run."""


def chance(method: Method) -> None:
    """Randomness and time come from nowhere but the node and the effects, as far as calls show."""
    chosen = method.graph(SIZES[0])
    if chosen is None:
        return
    before = _generators()
    with _traced(method):
        world = method.world(*chosen, np.zeros(2), noise(4))
        if world is not None:
            rounds(world, 12)
    moved = [name for name, state in _generators().items() if before.get(name, state) != state]
    if moved and not method.notes.has("randomness"):
        method.notes.add(
            "randomness", f"the generator of {' and '.join(moved)} was used, which all runs share"
        )


# --------------------------------------------------------------------------------------------- by its text
def written(method: Method) -> None:
    """No call in its files, or in those beside them, has a name that stands for a clock or for dice."""
    found = {file: module for module in modules(method.kind) if (file := getattr(module, "__file__", None))}
    sources = {file: Source.of_method(method.kind, file) for file in found}
    used = _used(method.kind, list(sources.values()))
    for file, source in sources.items():
        for line, what in _written(source, vars(found[file]), used):
            method.notes.add("randomness", f"{what} is called", Line(file, line))


def _used(kind: type, sources: Sequence[Source]) -> set[ast.AST]:
    """The functions of a method's classes, and all those whose names stand in one that is used."""
    classes = {base.__name__ for base in kind.__mro__}
    functions = [(f, source) for source in sources for f in source.functions]
    used: set[ast.AST] = {f for f, source in functions if _class_of(f, source) in classes}
    while True:
        names = {_word(node) for f in used for node in ast.walk(f)}
        more = {f for f, _ in functions if f.name in names} - used
        if not more:
            return used
        used |= more


def _class_of(function: ast.AST, source: Source) -> str:
    return next((up.name for up in source.above(function) if isinstance(up, ast.ClassDef)), "")


def _word(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _written(source: Source, names: Mapping[str, Any], used: set[ast.AST]) -> Iterator[tuple[int, str]]:
    known = {**vars(builtins), **names, **_imported(source)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.function_of(node) in used:
            name = _forbidden(_resolved(node.func, known)) or _seeds(node.func)
            if name:
                yield node.lineno, name


def _imported(source: Source) -> Mapping[str, Any]:
    """What functions import for themselves, by name."""
    found: dict[str, Any] = {}
    for node in (n for f in source.functions for n in ast.walk(f)):
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]] = sys.modules.get(
                    one.name if one.asname else one.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module in sys.modules and not node.level:
            owner = import_module(node.module)
            found |= {one.asname or one.name: getattr(owner, one.name, None) for one in node.names}
    return found


def _resolved(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """What a name, or a chain of attributes of modules, stands for; None where the text does not say."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolved(node.value, known)
        is_open = isinstance(owner, ModuleType | type) or _is_forbidden(type(owner).__module__)
        return getattr(owner, node.attr, None) if is_open else None
    return None


def _forbidden(found: Any) -> str:
    """`numpy.random.choice`, if that is what it is; empty for anything else."""
    if found is None or isinstance(found, ModuleType):
        return ""
    if found is hash:
        return "hash, which gives words another number in every process,"
    name = getattr(found, "__name__", "?")
    module = _module_of(found)
    if _is_forbidden(module):
        return f"{module.partition('.mtrand')[0].partition('._generator')[0]}.{name}"
    if module in ("os", "posix", "nt") and name in SYSTEM:
        return f"os.{name}"
    is_torch = type(getattr(found, "__self__", None)).__module__.startswith("torch") or module.startswith(
        "torch"
    )
    return f"torch.{name}" if is_torch and name in DICE else ""


def _seeds(function: ast.expr) -> str:
    """`node.rng.seed`, if that is what is called: what it draws is the driver's."""
    text = ast.unparse(function)
    return text if text.endswith((".rng.seed", ".rng.setstate")) else ""


def _module_of(found: Any) -> str:
    module = getattr(found, "__module__", None)
    if module is None:
        owner = getattr(found, "__self__", None)
        module = getattr(owner, "__name__", None) or type(owner).__module__
    return str(module)


def _is_forbidden(module: str) -> bool:
    return module in FORBIDDEN or module.startswith(("numpy.random", "_random", "torch.random"))


# -------------------------------------------------------------------------------------------- by its calls
@contextmanager
def _traced(method: Method) -> Iterator[None]:
    """Notes calls from the method's files into clocks and dice other than `node.rng`."""
    file = method.file

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename == file:
            owner = getattr(argument, "__self__", None)
            module, name = _module_of(argument), getattr(argument, "__qualname__", "?")
        elif event == "call" and frame.f_back is not None and frame.f_back.f_code.co_filename == file:
            owner = frame.f_locals.get("self")
            module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        else:
            return
        if _is_forbidden(module) and not _is_own(owner, method):
            line = of_call(method.kind, frame if event == "c_call" else frame.f_back)
            known = any(rule == "randomness" and at == line for rule, at in method.notes.findings)
            if not known:
                method.notes.add("randomness", f"{module}.{name} is called", line)

    old = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(old)


def _is_own(owner: Any, method: Method) -> bool:
    """Whether it is some worker's `node.rng`."""
    nodes = getattr(method.notes.world, "nodes", [])
    return owner is not None and any(owner is node.rng for node in nodes)


# ----------------------------------------------------------------------------------------- by what is left
def _generators() -> dict[str, str]:
    """The states of the generators that a process has, as text."""
    name, keys, *rest = np.random.get_state(legacy=True)
    found = {
        "random": repr(random.getstate()),
        "numpy.random": repr((name, np.asarray(keys).tobytes(), rest)),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = repr(torch.get_rng_state().tolist())
    return found
