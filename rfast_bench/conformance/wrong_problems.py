"""A problem of the user's own, held to the rules of `problems/base.py`, with the lines of its file."""

from __future__ import annotations

import ast
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rfast_bench.breaches.lines import Line
from rfast_bench.breaches.rules import Rule
from rfast_bench.breaches.watchdog import Endless, Watchdog
from rfast_bench.conformance.notes import Finding
from rfast_bench.errors import UserError
from rfast_bench.problems import conformance
from rfast_bench.problems.base import Problem
from rfast_bench.problems.plug_in import plugged_in
from rfast_bench.scenario.problem.kinds import PlugInSpec
from rfast_bench.scenario.reading import explain
from rfast_bench.scenario.user_files.code import from_file, rooted

PAGE = "docs/writing-a-problem.md"
WORKERS = (3, 1)
PATIENCE = 10.0
"""Seconds of processor time that a call may take."""
MEANT: Mapping[str, tuple[str, ...]] = {
    "derivative": ("gradients", "gradient"),
    "read-only": ("gradients", "gradient"),
    "order": ("gradients",),
    "together": ("gradients",),
    "weights": ("weights", "size"),
    "pooled": ("weights", "gradients"),
    "pass": ("sampler",),
    "covering": ("sampler",),
    "sampler": ("sampler",),
    "counted": ("size",),
    "same": ("__init__",),
    "start": ("__init__",),
}
"""The function that a rule is about."""


def problem_findings(what: str, parameters: Mapping[str, Any]) -> list[Finding]:
    """Every rule that a problem breaks, on one worker and on some."""
    found: dict[str, Finding] = {}
    for workers in WORKERS:

        def make(workers: int = workers) -> Problem:
            spec = PlugInSpec.model_validate({"kind": rooted(what, None, "problem"), **parameters})
            return plugged_in(spec, workers, 0, "problem")

        kind: Any = from_file(what, None, "problem")
        watchdog = Watchdog(kind, lambda: None, thread=threading.get_ident())
        watchdog.patience = PATIENCE
        try:
            with watchdog:
                wrong = conformance.check(make(), make)
        except Endless:
            rule = Rule(
                "endless-loop", "Every call of a problem comes to its end.", "Look at the loop.", PAGE
            )
            seen = f"a call has computed for {PATIENCE:g} s and more"
            return [Finding(rule, seen, watchdog.line)]
        except SystemExit as problem:
            wrong = [
                conformance.Finding("start", f"it ends the process: SystemExit: {problem}", "Raise an error.")
            ]
        except ValidationError as problem:
            raise UserError(explain(problem, dict(parameters), what, ())) from problem
        except UserError as problem:
            wrong = [
                conformance.Finding(
                    "start", str(problem), "See problems/base.py for what a problem must give."
                )
            ]
        for one in wrong:
            rule = Rule(
                one.rule, "A problem keeps the rules at the head of problems/base.py.", one.mend, PAGE
            )
            seen = f"{one.seen}, with {workers} worker{'s'[: workers != 1]}"
            found.setdefault(one.rule, Finding(rule, seen, _line(what, one.rule)))
    return list(found.values())


def _line(what: str, rule: str) -> Line | None:
    """Where the function begins that a rule is about, or the class."""
    file, _, name = rooted(what, None, "problem").rpartition(":")
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    owner = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if owner is None:
        return None
    functions = {n.name: n.lineno for n in owner.body if isinstance(n, ast.FunctionDef)}
    lines = [functions[f] for f in MEANT.get(rule, ()) if f in functions]
    return Line(file, lines[0] if lines else owner.lineno)
