"""A failure in code that a method inherits from one of the suite: which line of its own file to look at."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from rfast_bench.api import Algorithm
from rfast_bench.breaches.endings import tree_of
from rfast_bench.breaches.lines import Line, is_own


def inherited(line: Line, kind: type[Algorithm]) -> tuple[Line, str]:
    """The line of a failure; for one in the suite's own classes the line of the user's class behind it, and words that
    say so."""
    suites = [base for base in kind.__mro__ if issubclass(base, Algorithm) and not is_own(base)]
    if not is_own(kind) or line.file not in [inspect.getsourcefile(base) for base in suites]:
        return line, ""
    for base in _users(kind):
        init = _functions(base).get("__init__")
        if init is not None and not _calls_super(init):
            at = _line(base, init.lineno)
            return at, f", at {line}, which is inherited: `__init__` does not call `super().__init__`"
    return _of_overrides(kind, line)


def _of_overrides(kind: type[Algorithm], line: Line) -> tuple[Line, str]:
    """The first function of the user's classes that takes the place of an inherited one; else the class."""
    for base in _users(kind):
        own = [f for name, f in _functions(base).items() if _overrides(base, name)]
        if own:
            names = ", ".join(f"`{f.name}`" for f in own)
            return _line(
                base, own[0].lineno
            ), f", at {line}, which is inherited and works with {names} of {base.__name__}"
    base = next(_users(kind))
    return _line(base, inspect.getsourcelines(base)[1]), f", at {line}, which is inherited"


def _users(kind: type[Algorithm]) -> Iterator[type]:
    return (
        base
        for base in kind.__mro__
        if issubclass(base, Algorithm) and base is not Algorithm and is_own(base)
    )


def _functions(base: type) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = tree_of(inspect.getsourcefile(base) or "")
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == base.__name__:
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
            return {one.name: one for one in node.body if isinstance(one, kinds)}
    return {}


def _overrides(base: type, name: str) -> bool:
    return not name.startswith("__") and any(name in vars(up) for up in base.__mro__[1:])


def _calls_super(function: ast.AST) -> bool:
    """Whether it calls `__init__` of somebody: `super().__init__(...)` or `Base.__init__(self, ...)`."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__"
        for node in ast.walk(function)
    )


def _line(base: type, number: int) -> Line:
    return Line(inspect.getsourcefile(base) or "", number)
