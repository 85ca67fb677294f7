"""What the source of a method says of its loops: where an activity that is over came to its end, for nothing is left of
its frame; which loop around a line awaits nothing; and where what should have been awaited was made.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.breaches.lines import Line

Loop = ast.For | ast.AsyncFor | ast.While


def of_ended(activity: Any) -> Line | None:
    """The line of the loop that can end, or of the `return` or `break` that leaves it; else of the function."""
    code: CodeType | None = getattr(activity, "cr_code", None) or getattr(activity, "gi_code", None)
    return None if code is None else _of_code(code.co_filename, code.co_firstlineno)


def around(line: Line) -> Line:
    """The outermost loop around a line in which nothing is awaited, a `while` if there is one; the line itself where
    there is none."""
    loops = [
        node
        for node in ast.walk(tree_of(line.file))
        if isinstance(node, Loop)
        and node.lineno <= line.number <= (node.end_lineno or node.lineno)
        and not any(isinstance(part, ast.Await) for part in ast.walk(node))
    ]
    whiles = [node.lineno for node in loops if isinstance(node, ast.While)]
    return Line(line.file, min(whiles or [node.lineno for node in loops], default=line.number))


def made_at(line: Line, effects: Collection[str]) -> Line:
    """Where a local name of a line was given an effect, or a coroutine of the file, without await; else the line."""
    tree = tree_of(line.file)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)]
    around = [node for node in functions if node.lineno <= line.number <= (node.end_lineno or node.lineno)]
    if not around:
        return line
    inner = max(around, key=lambda node: node.lineno)
    used = {n.id for n in ast.walk(inner) if isinstance(n, ast.Name) and n.lineno == line.number}
    wanted = {*effects, *(node.name for node in functions if isinstance(node, ast.AsyncFunctionDef))}
    for node in ast.walk(inner):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = ast.unparse(node.value.func).rpartition(".")[2]
            if made in wanted and any(isinstance(t, ast.Name) and t.id in used for t in node.targets):
                return Line(line.file, node.lineno)
    return line


@cache
def tree_of(file: str) -> ast.Module:
    """A file of Python; an empty one where it cannot be read."""
    try:
        return ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


@cache
def own_tree(kind: type[Algorithm], file: str) -> ast.Module:
    """A file of a method's without the other methods in it."""
    tree, module = tree_of(file), sys.modules.get(_module_of(kind, file))
    kept = [
        node for node in tree.body if not _is_other(getattr(module, getattr(node, "name", ""), None), kind)
    ]
    return ast.Module(kept, [])


def _module_of(kind: type[Algorithm], file: str) -> str:
    return next((base.__module__ for base in kind.__mro__ if _file_of(base) == file), "")


def _file_of(base: type) -> str:
    module = sys.modules.get(base.__module__)
    return getattr(module, "__file__", None) or ""


def _is_other(found: object, kind: type[Algorithm]) -> bool:
    return isinstance(found, type) and issubclass(found, Algorithm) and found not in kind.__mro__


@cache
def _of_code(file: str, first: int) -> Line:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and _begins(node) == first:
            return Line(file, _end_of(node))
    return Line(file, first)


def _begins(function: ast.AsyncFunctionDef | ast.FunctionDef) -> int:
    return min([function.lineno, *(one.lineno for one in function.decorator_list)])


def _end_of(function: ast.AsyncFunctionDef | ast.FunctionDef) -> int:
    loops = [node for node in function.body if isinstance(node, Loop)]
    if not loops:
        return function.lineno
    last = loops[-1]
    if not (isinstance(last, ast.While) and isinstance(last.test, ast.Constant) and last.test.value):
        return last.lineno
    return next(_ways_out(last, inner=False), last.lineno)


def _ways_out(node: ast.AST, inner: bool) -> Iterator[int]:
    """Lines of a `return` anywhere within, and of a `break` that is not of an inner loop."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return) or (isinstance(child, ast.Break) and not inner):
            yield child.lineno
        elif not isinstance(child, ast.AsyncFunctionDef | ast.FunctionDef | ast.Lambda):
            yield from _ways_out(child, inner or isinstance(child, Loop))
