"""How a worker's process ends that fails: what it says to its log, and what the launcher makes of that."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import Line
from rfast_bench.errors import UserError
from rfast_bench.processes.tied import tie

TOLD = 3
"""Exit code of a process whose log ends with words for the user: what the method did."""
_MARK = "\n--- the method ---\n"


class MethodFailed(UserError):
    """A method's code raised an error on a real worker; `str(error)` is what is to be said."""

    exit_code = 1


def told(problem: BaseException) -> int:
    """Say to the log why this process ends; its exit code."""
    traceback.print_exception(problem)
    whole = isinstance(problem, UserError) and problem.exit_code == MethodFailed.exit_code
    if whole:
        print(f"{_MARK}{json.dumps(_plain(problem))}", file=sys.stderr)
    sys.stderr.flush()
    return TOLD if whole else 1


def _plain(problem: BaseException) -> dict[str, Any]:
    if not isinstance(problem, Broken):
        return {"text": str(problem)}
    line = None if problem.line is None else [problem.line.file, problem.line.number]
    return {"rule": problem.rule.name, "seen": problem.seen, "line": line}


def of_log(said: str) -> str:
    """The last words of a process that ended with `TOLD`, for `error`."""
    return said.rpartition(_MARK)[2].strip()


def error(words: str) -> UserError:
    """What such a process ended with."""
    found = json.loads(words)
    if "text" in found:
        return MethodFailed(found["text"])
    return Broken(found["rule"], found["seen"], None if found["line"] is None else Line(*found["line"]))


def detach(log: Path) -> None:
    """Become a session of one's own that writes to a file, and end when the process dies that this one was forked for:
    nobody would hear of it any more."""
    tie()
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
