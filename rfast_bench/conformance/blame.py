"""Which line breaks a ledger: lines that are run only where it breaks, or are left out only there."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import numpy as np

from rfast_bench.breaches.lines import Line
from rfast_bench.conformance.source import Source, accumulators
from rfast_bench.conformance.trials import SIZES, Method, noise

TRIALS = 40


def breaking(method: Method) -> tuple[Line | None, str]:
    """The line to look at, and words for it: of the steps after which the residual had changed, against the others."""
    file, source = method.file, method.source
    good, bad = _steps(method, file)
    if not bad:
        return None, ""
    common = set[int].intersection(*bad)
    only_bad = common - set[int]().union(*good)
    only_good = set[int]().union(*good) - set[int]().union(*bad)
    busy = {source.function_at(k) for k in set[int]().union(*bad)}
    only_good = {k for k in only_good if source.function_at(k) in busy}
    if good and only_bad:
        return Line(file, min(only_bad)), f"; lines {_words(only_bad)} run only where it breaks"
    if only_good:
        return Line(
            file, _decided_at(source, min(only_good))
        ), f"; lines {_words(only_good)} run only where it holds"
    return (Line(file, min(common)), f"; it breaks in lines {_words(common)}") if common else (None, "")


def _steps(method: Method, file: str) -> tuple[list[set[int]], list[set[int]]]:
    """The lines of each step that left the residual as it was, and of each that did not."""
    chosen = method.graph(SIZES[0])
    world = None if chosen is None else method.world(*chosen, np.zeros(2), noise(3))
    good: list[set[int]] = []
    bad: list[set[int]] = []
    for k in range(0 if world is None else TRIALS * SIZES[0]):
        assert world is not None
        before = _residual(world)
        lines = _lines_of(file, partial(world.step, k % SIZES[0]))
        changed = float(np.abs(_residual(world) - before).max()) > 1e-12
        (bad if changed else good).append(lines)
        while world.wire and k % 3:
            world.deliver()
    return good, bad


def _residual(world: Any) -> Any:
    return np.asarray(type(world.workers[0]).residual(world.workers), float)


def _words(lines: set[int]) -> str:
    return ", ".join(map(str, sorted(lines)))


def _lines_of(file: str, step: Any) -> set[int]:
    """The lines of a file that are run in a step."""
    found: set[int] = set()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        if event == "line":
            found.add(frame.f_lineno)
        return trace

    _traced(trace, step)
    return found


def _traced(trace: Callable[[FrameType, str, Any], Any], step: Callable[[], object]) -> None:
    """Do a step, every line of which is shown to `trace`."""
    old = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
    finally:
        sys.settrace(old)


def _decided_at(source: Source, line: int) -> int:
    """The line of the branch by which a line is left out."""
    statement = source.statement(line)
    for up in [] if statement is None else source.above(statement):
        if isinstance(up, ast.If):
            return up.lineno
    return line


# ------------------------------------------------------------------------------------------ weights of a mixture
def weighing(method: Method, start: Any) -> int | None:
    """The line where a sum of weighted models goes wrong: with equal models a sum is its weights' sum times one.

    Where the sum begins, if what is added to it is right; where it is added to, if the beginning is; else neither.
    """
    chosen = method.graph(SIZES[0])
    file, sums = method.file, accumulators(method.source)
    world = None if chosen is None else method.world(*chosen, start, lambda i, at, k: np.zeros(2))
    if world is None or not sums:
        return None
    seen: dict[str, list[float]] = {name: [] for name in sums}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        for name, values in seen.items():
            value = frame.f_locals.get(name)
            if isinstance(value, np.ndarray) and value.shape == start.shape:
                values.append(float(value[0] / start[0]))
        return trace

    _traced(trace, partial(world.step, 0))
    own = float(world.nodes[0].W.get(0, np.nan))
    for name, values in seen.items():
        begins, adds = sums[name]
        if values and abs(values[-1] - 1) > 1e-9:
            added_right = abs(values[-1] - values[0] - (1 - own)) < 1e-9
            return begins if added_right or abs(values[0] - own) > 1e-9 else adds
    return None
