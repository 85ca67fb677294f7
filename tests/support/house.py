"""The house as its files are: rooms, floors, and who imports whom."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2] / "rfast_bench"
FLOORS = (
    ("cli", "public"),
    ("report",),
    ("figures", "trace"),
    ("study",),
    ("analysis", "conformance"),
    ("sim", "real"),
    ("records",),
    ("plan",),
    ("conditions",),
    ("problems",),
    ("topology",),
    ("scenario", "processes", "breaches"),
    ("api", "errors", "files", "smaller"),
)
"""From the roof down. An arrow of imports points to a lower floor; rooms on one floor do not know each other. The
files of the lowest floor are the contract, and are one room."""
GROUND = FLOORS[-1]
BESIDE = ("algorithms", "scenarios")
"""Installed below the package, but no rooms of it."""


@cache
def modules() -> dict[str, Path]:
    """Every file by its dotted name below `rfast_bench`; a room's own `__init__` by the room's."""
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(HOUSE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


def arrows(name: str) -> Iterator[tuple[str, int]]:
    """What a file imports of ours, at its top or anywhere inside, and in which line. Modules that are named in a
    string other than a docstring count too: they are to be imported later, or in another process."""
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    docs = set(map(id, _docstrings(tree)))
    for node in ast.walk(tree):
        for module in [] if id(node) in docs else _named(node):
            below = module.removeprefix("rfast_bench").removeprefix(".")
            if module.partition(".")[0] == "rfast_bench" and below.partition(".")[0] not in ("", *BESIDE):
                yield _known(below), getattr(node, "lineno", 0)


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        assert not node.level, f"line {node.lineno}: a relative import"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.findall(r"rfast_bench(?:\.\w+)+", node.value)
    return []


def tricks(name: str) -> list[int]:
    """The lines in which a file could import what `arrows` does not see: by `exec`, by `__import__`, relative to a
    package, or through the package's own name."""
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    return [getattr(node, "lineno", 0) for node in ast.walk(tree) if _hidden(node)]


def _hidden(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name == "rfast_bench" for alias in node.names)
    if isinstance(node, ast.Name):
        return node.id in ("exec", "eval", "__import__")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        first = node.args[0] if node.args else None
        relative = isinstance(first, ast.Constant) and str(first.value).startswith(".")
        return called == "import_module" and (isinstance(first, ast.BinOp) or relative)
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and re.match(r"\.\.\w+(\.\w+)*$", text) is not None


def _known(name: str) -> str:
    """The longest beginning of a dotted name that is a file of ours; else the name."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        if ".".join(parts[:k]) in modules():
            return ".".join(parts[:k])
    return name


def room(name: str) -> str:
    """The room that a file is in, by its name on its floor."""
    return name.partition(".")[0]


def inner_room(name: str) -> str:
    """The innermost room that a file is in."""
    path = modules()[name]
    return ".".join(path.parent.relative_to(HOUSE).parts)


def floor(name: str) -> int:
    """Counted from the roof; raises StopIteration for a room that is on no floor."""
    return next(k for k, names in enumerate(FLOORS) if room(name) in names)


def problem(name: str, other: str) -> str:
    """What is wrong with an arrow, if anything."""
    if room(name) == room(other) or (room(name) in GROUND and room(other) in GROUND):
        return ""
    if floor(other) < floor(name):
        return "up"
    return "sideways" if floor(other) == floor(name) else ""
