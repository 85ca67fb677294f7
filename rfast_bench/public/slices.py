"""The part of a script or a notebook that a class or a function needs: the statements at its top level that bind what
it uses, and what those use. Calls that bind nothing are left out, so that a study does not start another."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WHOLE = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
)
"""Statements after which a name is what they make it, whatever it was."""


@dataclass(frozen=True)
class Part:
    """A statement, or several that share a line."""

    first: int
    last: int
    binds: frozenset[str]
    uses: frozenset[str]
    whole: bool
    always: bool


def needed(source: str, name: str) -> str:
    """The lines of `source` that `name` needs, where they were; all others are empty. Raises SyntaxError."""
    parts = list(_parts(ast.parse(source)))
    kept = {k for k, part in enumerate(parts) if part.always}
    todo, known = [name], set[str]()
    while todo:
        wanted = todo.pop()
        if wanted in known:
            continue
        known.add(wanted)
        for k in _binding(parts, wanted):
            kept.add(k)
            todo += parts[k].uses
    lines = source.splitlines()
    there = {line for k in kept for line in range(parts[k].first, parts[k].last + 1)}
    shown = [text if number in there else "" for number, text in enumerate(lines, 1)]
    return "\n".join(shown).rstrip() + "\n"


def _binding(parts: Sequence[Part], name: str) -> list[int]:
    """From the last that makes it anew: what comes before is over."""
    binding = [k for k, part in enumerate(parts) if name in part.binds]
    anew = [k for k in binding if parts[k].whole and name not in parts[k].uses]
    return [k for k in binding if not anew or k >= anew[-1]]


def _parts(tree: ast.Module) -> Iterator[Part]:
    lines: list[list[ast.stmt]] = []
    for statement in tree.body:
        if lines and _first(statement) <= (lines[-1][-1].end_lineno or 0):
            lines[-1].append(statement)
        else:
            lines.append([statement])
    for together in lines:
        told = [one for one in together if not _is_guard(one)]
        yield Part(
            _first(together[0]),
            together[-1].end_lineno or 0,
            frozenset(name for one in told for name in _bound(one)),
            frozenset(name for one in told for name in _used(one)),
            len(together) == 1 and isinstance(together[0], WHOLE) and not _changes(together[0]),
            any(isinstance(one, ast.ImportFrom) and _is_always(one) for one in together),
        )


def _first(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(one.lineno for one in decorators)])


def _is_always(statement: ast.ImportFrom) -> bool:
    return statement.module == "__future__" or any(one.name == "*" for one in statement.names)


def _is_guard(statement: ast.stmt) -> bool:
    """`if __name__ == "__main__":`, what only a script does."""
    return isinstance(statement, ast.If) and "__name__" in set(_used(statement.test))


def _used(node: ast.AST) -> Iterator[str]:
    """Names that are read anywhere in it; those inside annotations that are words too."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
            yield one.id


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names of the top level that it binds, or whose objects it changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for one in ast.walk(statement):
        if isinstance(one, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in one.names)
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield one.name
        elif isinstance(one, ast.Name | ast.Attribute | ast.Subscript) and isinstance(
            one.ctx, ast.Store | ast.Del
        ):
            yield from _root(one)


def _root(target: ast.expr) -> Iterator[str]:
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    if isinstance(target, ast.Name):
        yield target.id


def _changes(statement: ast.stmt) -> bool:
    """Whether it changes an object instead of binding a name: `a.b = c`, `a[0] = c`."""
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    return any(isinstance(one, ast.Attribute | ast.Subscript) for one in targets)
