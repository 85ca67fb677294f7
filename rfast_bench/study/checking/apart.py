"""The check of a file of the user's own, in a process of its own: whatever ends it, that is told."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

from rfast_bench.breaches.rules import RULES
from rfast_bench.conformance.notes import Finding
from rfast_bench.errors import UserError
from rfast_bench.processes.isolated import Died, forked, tidy
from rfast_bench.scenario.user_files import code
from rfast_bench.study.checking.called import checked

Answer = tuple[list[Finding], str]


def checked_apart(what: str, given: Iterable[str], folder: Path, processes: bool = True) -> Answer:
    """As `checked`. Raises UserError."""
    if not code.is_file(what):
        return checked(what, given, folder, processes)
    try:
        with tidy() as living:
            answer = forked(living, _answered, what, list(given), folder, processes)
    except Died as problem:
        ended = Finding(RULES["exceptions"], f"it ended the process that tried it: {problem}", None)
        return [ended], what.rpartition(":")[2]
    if isinstance(answer, UserError):
        raise answer
    found: Answer = answer
    return found


def _answered(what: str, given: list[str], folder: Path, processes: bool) -> Answer | UserError:
    try:
        with redirect_stdout(sys.stderr):  # what a method prints is no finding
            return checked(what, given, folder, processes)
    except UserError as problem:
        return problem
