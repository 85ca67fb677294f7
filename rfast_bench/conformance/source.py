"""A method's source: what is seen in the text alone, and which statement a line belongs to."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from rfast_bench import api
from rfast_bench.api import Algorithm, Effect
from rfast_bench.breaches.endings import own_tree, tree_of

EFFECTS = {name for name, kind in vars(api).items() if inspect.isclass(kind) and issubclass(kind, Effect)}
USES = (ast.Expr, ast.BinOp, ast.UnaryOp, ast.AugAssign, ast.Compare, ast.Subscript, ast.Attribute)
"""Where a value is used, or dropped."""
GIVEN = (ast.Assign, ast.AnnAssign)
LOOPS = (ast.For, ast.While, ast.AsyncFor)


@dataclass(frozen=True)
class Source:
    """The file of a class, parsed."""

    file: str
    tree: ast.Module

    @staticmethod
    @cache
    def of_file(file: str) -> Source:
        return Source(file, tree_of(file))

    @staticmethod
    @cache
    def of_method(kind: type[Algorithm], file: str) -> Source:
        """A file of a method's without the other methods in it."""
        return Source(file, own_tree(kind, file))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    @cached_property
    def coroutines(self) -> set[str]:
        """Names of functions that must be awaited."""
        return {f.name for f in self.functions if isinstance(f, ast.AsyncFunctionDef)}

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What encloses a node, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def function_at(self, line: int) -> Any:
        """The function that holds a line, or None."""
        statement = self.statement(line)
        return None if statement is None else self.function_of(statement)

    def function_of(self, node: ast.AST) -> Any:
        """The function around a node, or None."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return next((up for up in self.above(node) if isinstance(up, kinds)), None)

    def statement(self, line: int) -> ast.stmt | None:
        """The innermost statement that holds a line."""
        held = [
            n
            for n in ast.walk(self.tree)
            if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or 0)
        ]
        return max(held, key=lambda n: (n.lineno, -(n.end_lineno or 0)), default=None)


def called(call: ast.Call) -> str:
    """The last part of what is called: `Gradient` of `api.Gradient(x)`."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


# ---------------------------------------------------------------------------------------- forgotten awaits
def unawaited(source: Source) -> Iterator[tuple[int, str]]:
    """Effects and coroutines that are made and not awaited: (line, what)."""
    for call in ast.walk(source.tree):
        if not isinstance(call, ast.Call):
            continue
        name = called(call)
        effect = name in EFFECTS and not _defined(source, name)
        own = name in source.coroutines and _on_self(call)
        if not (effect or own):
            continue
        parent = source.parents.get(call)
        what = (
            f"{name}(...) is made and not awaited"
            if effect
            else f"the coroutine {name} is made and not awaited"
        )
        if isinstance(parent, USES) or (isinstance(parent, GIVEN) and not _awaited_later(source, parent)):
            yield call.lineno, what


def _defined(source: Source, name: str) -> bool:
    """Whether the file has a class or a function of its own by that name."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return any(isinstance(n, kinds) and n.name == name for n in ast.walk(source.tree))


def _on_self(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) or (
        isinstance(call.func, ast.Attribute) and (isinstance(call.func.value, ast.Name | ast.Call))
    )


def _awaited_later(source: Source, statement: ast.Assign | ast.AnnAssign) -> bool:
    """Whether the name (or whatever else) that it is given to is awaited, returned or handed on somewhere."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if not all(isinstance(t, ast.Name) for t in targets):
        return True  # kept somewhere; who knows
    names = {t.id for t in targets if isinstance(t, ast.Name)}
    function = source.function_of(statement) or source.tree
    kinds = (ast.Await, ast.Return, ast.Yield, ast.YieldFrom, ast.List, ast.Tuple)
    return any(names & names_in(node) for node in ast.walk(function) if isinstance(node, kinds))


def names_in(node: ast.AST) -> set[str]:
    """The names that are read in an expression."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


# -------------------------------------------------------------------------------------------- lost updates
def reads_attribute(node: ast.AST, attribute: str) -> bool:
    """Whether `self.attribute` is read in it, be it by `getattr`."""
    return any(
        (isinstance(n, ast.Attribute) and n.attr == attribute and isinstance(n.ctx, ast.Load))
        or (isinstance(n, ast.Call) and ast.unparse(n).startswith(f"getattr(self, {attribute!r}"))
        for n in ast.walk(node)
    )


def depends(source: Source, line: int, attribute: str) -> bool:
    """Whether the statement of a line puts into `self.attribute` something made of what it was before: itself, or by a
    local name that was given in the same loop."""
    statement = source.statement(line)
    if isinstance(statement, ast.AugAssign):
        return True
    value = getattr(statement, "value", None)
    if value is None or statement is None:
        return False
    if reads_attribute(value, attribute):
        return True
    around = next(
        (up for up in source.above(statement) if isinstance(up, LOOPS)), source.function_of(statement)
    )
    wanted, seen = names_in(value), set[str]()
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        for node in ast.walk(around) if around is not None else []:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(n, ast.Name) and n.id == name for t in targets for n in ast.walk(t)):
                    if reads_attribute(node.value, attribute):
                        return True
                    wanted |= names_in(node.value)
    return False


# -------------------------------------------------------------------------------------- where to point at
def gradient_in_a_local(source: Source) -> int | None:
    """The last line that puts what was made of a gradient into a local name; where a model should have been stored."""
    found = None
    for function in source.functions:
        tainted: set[str] = set()
        for node in sorted(
            (n for n in ast.walk(function) if isinstance(n, ast.Assign)), key=lambda n: n.lineno
        ):
            asks = any(isinstance(n, ast.Await) for n in ast.walk(node.value))
            if asks or names_in(node.value) & tainted:
                names = {t.id for t in node.targets if isinstance(t, ast.Name)}
                tainted |= names
                found = node.lineno if names and not asks else found
    return found


def mixture(source: Source, attributes: set[str]) -> list[int]:
    """The lines that make what is put into one of these attributes of self: where sums begin, are added to, and end."""
    lines: list[int] = []
    for function in source.functions:
        statements = sorted(
            (n for n in ast.walk(function) if isinstance(n, ast.Assign | ast.AugAssign)),
            key=lambda n: n.lineno,
        )
        for node in statements:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not any(isinstance(t, ast.Attribute) and t.attr in attributes for t in targets):
                continue
            wanted, seen = names_in(node.value) - {"self", "node"}, set[str]()
            own = {node.lineno}
            while wanted - seen:
                name = (wanted - seen).pop()
                seen.add(name)
                for other in statements:
                    given = other.targets if isinstance(other, ast.Assign) else [other.target]
                    if any(isinstance(t, ast.Name) and t.id == name for t in given):
                        own.add(other.lineno)
                        wanted |= names_in(other.value) - {"self", "node"}
            if function.name != "__init__":
                lines += sorted(own)
    return list(dict.fromkeys(lines))


def touching(source: Source, name: str) -> list[int]:
    """The lines, outside of imports, that say a name or an attribute of that name."""
    return sorted(
        {
            n.lineno
            for n in ast.walk(source.tree)
            if (isinstance(n, ast.Name) and n.id == name) or (isinstance(n, ast.Attribute) and n.attr == name)
            if source.function_of(n) is not None
        }
    )


def accumulators(source: Source) -> dict[str, tuple[int, int]]:
    """Local names that sums are made under: (line where it begins, line where it is added to)."""
    begins: dict[str, int] = {}
    found: dict[str, tuple[int, int]] = {}
    assigned = [n for n in ast.walk(source.tree) if isinstance(n, ast.Assign | ast.AugAssign)]
    for node in sorted(assigned, key=lambda n: n.lineno):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for name in [t.id for t in targets if isinstance(t, ast.Name)]:
            adds = isinstance(node, ast.AugAssign) or name in names_in(node.value)
            looped = any(isinstance(up, ast.For) for up in source.above(node))
            if adds and looped and name in begins:
                found.setdefault(name, (begins[name], node.lineno))
            elif not adds:
                begins[name] = node.lineno
    return found
