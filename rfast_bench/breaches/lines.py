"""Where in a method's own files something happens: of an exception, of a call under way, of a coroutine that waits."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from rfast_bench.api import Algorithm

HOUSE = str(Path(__file__).parents[1])


@dataclass(frozen=True, order=True)
class Line:
    """A line of a file."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@cache
def files_of(kind: type) -> tuple[str, ...]:
    """The files of a method's classes, its own first, without the contract's."""
    found = []
    for base in kind.__mro__:
        if base in (object, Algorithm) or not (issubclass(base, Algorithm) or is_own(base)):
            continue
        file = inspect.getsourcefile(base)
        if file is not None:
            found.append(file)
    return tuple(dict.fromkeys(found))


def is_own(kind: type) -> bool:
    """Whether a method is the user's: not one that the suite brings along."""
    return not kind.__module__.startswith(("rfast_bench.", "builtins", "abc", "typing"))


def of_error(problem: BaseException, kind: type) -> Line | None:
    """The innermost line of the method's files on the way to an exception; of its own file, if that is on the way."""
    frames = [Line(f.filename, f.lineno or 0) for f in traceback.extract_tb(problem.__traceback__)]
    return _best(reversed(frames), kind)


def of_call(kind: type, frame: FrameType | None = None) -> Line | None:
    """The innermost line of the method's files in the call that is under way (or that `frame` ends)."""
    found = []
    frame = sys._getframe(1) if frame is None else frame
    while frame is not None:
        found.append(Line(frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return _best(found, kind)


def of_activity(activity: Any, kind: type) -> Line | None:
    """The line at which a coroutine waits: the innermost of the method's files on its chain of awaits."""
    found = []
    while activity is not None:
        frame = getattr(activity, "cr_frame", None) or getattr(activity, "gi_frame", None)
        if frame is not None:
            found.append(Line(frame.f_code.co_filename, frame.f_lineno))
        activity = getattr(activity, "cr_await", None) or getattr(activity, "gi_yieldfrom", None)
    return _best(reversed(found), kind)


def _best(innermost_first: Iterable[Line], kind: type) -> Line | None:
    lines = list(innermost_first)
    for files in (set(files_of(kind)[:1]), set(files_of(kind))):
        for line in lines:
            if line.file in files:
                return line
    outside = [line for line in lines if not line.file.startswith(HOUSE) and "site-packages" not in line.file]
    return next(
        (line for line in outside if line.file.endswith(".py") and is_own(kind) and _is_beside(line, kind)),
        None,
    )


def _is_beside(line: Line, kind: type) -> bool:
    """Whether a line is of a file beside the method's: a helper of its own."""
    return bool(files_of(kind)) and Path(line.file).parent == Path(files_of(kind)[0]).parent
