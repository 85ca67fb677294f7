"""A forgotten `await`: coroutines that were made and dropped, as Python warns of them; effects that a file drops."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.endings import own_tree
from rfast_bench.breaches.lines import Line, files_of
from rfast_bench.breaches.telling import EFFECTS

NEVER = "coroutine '.*' was never awaited"
_NAME = re.compile(r"coroutine '(.*)' was never awaited")
_ORIGIN = re.compile(r'File "(.*)", line (\d+), in ')


class Dropped:
    """The coroutines of a method that nobody awaited. To be listened to in a `with` block around its run.

    `found` is called with each, in the thread that dropped it; the others are there for `check`.
    """

    def __init__(self, kind: type[Algorithm], found: Callable[[Broken], object] | None = None) -> None:
        self._files, self._tell = set(files_of(kind)), found
        self._found: dict[Line, str] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Python warns of such a coroutine when it is dropped; every other warning is shown as ever."""
        depth = sys.get_coroutine_origin_tracking_depth()
        with warnings.catch_warnings():
            warnings.filterwarnings("always", NEVER, RuntimeWarning)
            shown = warnings.showwarning

            def note(message: Any, category: Any, filename: str, lineno: int, *more: Any) -> None:
                if not (category is RuntimeWarning and self._note(str(message))):
                    shown(message, category, filename, lineno, *more)

            warnings.showwarning = note  # type: ignore[assignment]
            sys.set_coroutine_origin_tracking_depth(1)
            try:
                yield
            finally:
                sys.set_coroutine_origin_tracking_depth(depth)

    def check(self) -> None:
        """Raises Broken for the first of them, if there is any."""
        for line, name in self._found.items():
            raise _dropped(name, line)

    def _note(self, text: str) -> bool:
        name, origin = _NAME.search(text), _ORIGIN.search(text)
        if name is None or origin is None or origin[1] not in self._files:
            return False
        line = Line(origin[1], int(origin[2]))
        self._found.setdefault(line, name[1])
        if self._tell is not None:
            self._tell(_dropped(name[1], line))
        return True


def _dropped(name: str, line: Line) -> Broken:
    return Broken("await", f"the coroutine `{name}` is made and dropped: nobody awaits it", line)


def check_effects(kind: type[Algorithm]) -> None:
    """Raises Broken for an effect of a method's files that is made as a statement of its own, without `await`."""
    for file in files_of(kind):
        tree = own_tree(kind, file)
        names = dict(_imported(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                effect = names.get(ast.unparse(node.value.func))
                if effect is not None:
                    seen = f"the effect {effect} is made and dropped: nobody awaits it"
                    raise Broken("await", seen, Line(file, node.lineno))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """How a file calls effects, and which they are."""
    effects = [kind.__name__ for kind in EFFECTS]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "rfast_bench.api":
            yield from ((one.asname or one.name, one.name) for one in node.names if one.name in effects)
        elif isinstance(node, ast.ImportFrom) and node.module == "rfast_bench":
            places = [one.asname or one.name for one in node.names if one.name == "api"]
            yield from ((f"{place}.{name}", name) for place in places for name in effects)
        elif isinstance(node, ast.Import):
            places = [one.asname or one.name for one in node.names if one.name == "rfast_bench.api"]
            yield from ((f"{place}.{name}", name) for place in places for name in effects)
