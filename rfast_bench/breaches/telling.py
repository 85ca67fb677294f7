"""An error that came out of a method's code, told as the rule that it broke or as the line of its file that made it."""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from rfast_bench.api import (
    Activity,
    Algorithm,
    AllReduceMean,
    Gradient,
    MeanGradient,
    Receive,
    ReceiveAny,
    Sent,
)
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.endings import made_at
from rfast_bench.breaches.inherited import inherited
from rfast_bench.breaches.lines import Line, files_of, of_activity, of_error
from rfast_bench.errors import UserError

EFFECTS = (Gradient, Receive, ReceiveAny, Sent, AllReduceMean, MeanGradient)
_NAMES = "|".join([*(kind.__name__ for kind in EFFECTS), "coroutine"])
_UNAWAITED = re.compile(rf"'({_NAMES})'|\b({_NAMES}) object\b")
_NO_EFFECT = re.compile(r"object (\S+) can't be used in 'await' expression|'(\S+)' object can't be awaited")
_SHAPES = re.compile(r"shape|broadcast|dimension|mismatch|size of tensor|same size|length", re.IGNORECASE)
MOST_VALUES = 8
"""Of which a message gives the shapes."""


class Mistake(UserError):
    """A method's code raised an error that is no rule's; `str(error)` gives the line, the error and the worker."""

    exit_code = 1


@dataclass(frozen=True)
class Where:
    """A worker, and whom it lacks: `which has no in-neighbours in W`, or nothing."""

    worker: int
    lacks: str = ""

    def __str__(self) -> str:
        return f"worker {self.worker}" + (f", {self.lacks}" if self.lacks else "")


def where(node: Any, needs: str) -> Where:
    """Of a node of either world."""
    if node.n == 1:
        return Where(node.id, "which is the only one")
    graphs = {"nothing": (), "pair": ("W", "A"), "trees": ("W", "A")}.get(needs, ("W",))
    lacking = [
        f"no {side}-neighbours in {graph}"
        for graph in graphs
        for side in ("in", "out")
        if not getattr(node, f"{side}_{graph}")
    ]
    return Where(node.id, f"which has {' and '.join(lacking)}" if lacking else "")


@contextmanager
def begun(algorithm: Algorithm, node: Any) -> Iterator[list[Activity]]:
    """A worker's coroutines, to be started in the block; when one of them fails in it, the others end with it.

    Raises Broken where `activities` gives anything but coroutines, each of them once.
    """
    found = _coroutines(algorithm, node)
    try:
        yield found
    except BaseException:
        _close(found)
        raise


def _close(found: Iterable[Any]) -> None:
    """End coroutines, which nobody is to hear of as never awaited."""
    for one in found:
        if inspect.iscoroutine(one) or inspect.isgenerator(one):
            one.close()


def _coroutines(algorithm: Algorithm, node: Any) -> list[Activity]:
    kind = type(algorithm)
    given: Any = algorithm.activities(node)
    line = Line(inspect.getsourcefile(kind.activities) or "", kind.activities.__code__.co_firstlineno)
    if not isinstance(given, Iterable):
        _close([given])
        seen = f"activities gives a {type(given).__name__}, and not a list of coroutines"
        raise Broken("contract", seen, line)
    found = list(given)
    for one in found:
        if not (inspect.iscoroutine(one) or inspect.isgenerator(one)):
            _close(found)
            call = "; it is to be called: `self.work(node)`" if callable(one) else ""
            raise Broken(
                "contract", f"activities gives a {type(one).__name__}, which is no coroutine{call}", line
            )
    if len({id(one) for one in found}) < len(found):
        raise Broken("one-reader", "activities gives the same coroutine twice", line)
    return found


def explained(problem: BaseException, kind: type[Algorithm], at: Where) -> BaseException:
    """The same as a `Broken` or a `Mistake`; as it is where the method's files are not on its way."""
    line = of_error(problem, kind)
    if isinstance(problem, Broken):
        line = line or of_activity(activity_of(problem), kind)
        return problem if problem.line or line is None else Broken(problem.rule.name, problem.seen, line)
    if isinstance(problem, UserError):
        return problem
    broken = _rule_of(problem, line, at)
    if broken is not None:
        return broken
    if line is None:
        waits = of_activity(activity_of(problem), kind)
        return Mistake(f"{waits}: {_words(problem)}, of what is awaited here, on {at}") if waits else problem
    own, hint = inherited(line, kind)
    words = f"{own}: {_words(problem)}, on {at}{_shapes(problem, line)}{hint}"
    return Mistake(f"{words}. The line says: {_source(line)}")


def _rule_of(problem: BaseException, line: Line | None, at: Where) -> Broken | None:
    text = str(problem)
    if isinstance(problem, TypeError | AttributeError) and (found := _UNAWAITED.search(text)):
        name = found[1] or found[2]
        what = "a coroutine" if name == "coroutine" else f"the effect {name}"
        made = None if line is None else made_at(line, [kind.__name__ for kind in EFFECTS])
        return Broken("await", f"{what} is used as a value, `await` is missing: {text}", made)
    if line is None:
        return None
    if isinstance(problem, TypeError) and (found := _NO_EFFECT.search(text)):
        return Broken("contract", f"a {found[1] or found[2]} is awaited, which is no effect", line)
    if isinstance(problem, ValueError) and "read-only" in text:
        return Broken("in-place", f"`{_source(line)}` changes an array that others hold: {text}", line)
    empty = isinstance(problem, KeyError | IndexError | ZeroDivisionError) or "empty" in text
    if at.lacks and empty:
        return Broken("any-graph", f"{_words(problem)}: it fails on {at}", line)
    return None


def _words(problem: BaseException) -> str:
    text = str(problem).strip()
    return type(problem).__name__ + (f": {text}" if text else "")


def _source(line: Line) -> str:
    return linecache.getline(line.file, line.number).partition("  #")[0].strip()


# ------------------------------------------------------------------------------------------ shapes of values
def _shapes(problem: BaseException, line: Line) -> str:
    """`; there x is float64 (13,)`: the vectors at hand, where the error is about shapes."""
    frame = _frame_at(problem, line)
    if frame is None or not _SHAPES.search(str(problem)):
        return ""
    known = dict.fromkeys(f"{name} is {form}" for name, form in _vectors(frame.f_locals))
    return f"; there {', '.join(list(known)[:MOST_VALUES])}" if known else ""


def _frame_at(problem: BaseException, line: Line) -> FrameType | None:
    found, trace = None, problem.__traceback__
    while trace is not None:
        if Line(trace.tb_frame.f_code.co_filename, trace.tb_lineno) == line:
            found = trace.tb_frame
        trace = trace.tb_next
    return found


def _vectors(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Algorithm):
            yield from ((f"{name}.{key}", form) for key, form in _vectors(vars(value)))
        elif hasattr(value, "shape") and hasattr(value, "dtype"):
            yield name, f"{value.dtype} {tuple(value.shape)}"
        elif isinstance(value, dict | list | tuple):
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            for key, part in list(parts)[:2]:
                if hasattr(part, "shape") and hasattr(part, "dtype"):
                    yield f"{name}[{key!r}]", f"{part.dtype} {tuple(part.shape)}"


def activity_of(problem: BaseException) -> Any:
    """The coroutine that a driver was serving when it happened, as the innermost of its frames has it."""
    activity, trace = None, problem.__traceback__
    while trace is not None:
        held = trace.tb_frame.f_locals.get("activity")
        if hasattr(held, "cr_frame"):
            activity = held
        trace = trace.tb_next
    return activity


def own_frame(frame: FrameType | None, kind: type) -> FrameType | None:
    """The outermost frame of a call under way that runs a method's own code; None while none does."""
    files, found = set(files_of(kind)), None
    while frame is not None:
        if frame.f_code.co_filename in files:
            found = frame
        frame = frame.f_back
    return found
