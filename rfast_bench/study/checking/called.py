"""What `rfast-bench check` is asked for: a method or a problem, by file and class or by name, with parameters."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rfast_bench.conformance.check import check
from rfast_bench.conformance.notes import Finding
from rfast_bench.conformance.wrong_problems import problem_findings
from rfast_bench.errors import UserError
from rfast_bench.plan import registry
from rfast_bench.problems.base import Problem
from rfast_bench.scenario import yaml_text
from rfast_bench.scenario.reading import explain
from rfast_bench.scenario.user_files import code
from rfast_bench.study.checking import miniature


def checked(
    what: str, given: Iterable[str], folder: Path, processes: bool = True
) -> tuple[list[Finding], str]:
    """The findings of a method or a problem, and what it is called. Raises UserError where there is none such."""
    parameters = _read(given)
    if code.is_file(what):
        what = code.rooted(what, folder, "class")
        found = code.from_file(what, folder, "class")
        if inspect.isclass(found) and issubclass(found, Problem):
            return problem_findings(what, parameters), f"problem {found.__name__}"
    kind = registry.find(what, folder)
    _valid(kind, parameters)
    worlds = [miniature.simulated, *([miniature.real] if processes else [])]
    return check(
        kind, parameters, [partial(world, name=what) for world in worlds]
    ), f"algorithm {kind.__name__}"


def _read(given: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not (name and equals):
            raise UserError(f"--parameters: found '{one}'; expected KEY=VALUE")
        try:
            found[name] = yaml_text.load(text)
        except (yaml.YAMLError, ValueError) as problem:
            told = yaml_text.reason(problem)
            raise UserError(f"--parameters: '{one}' cannot be read: {told}") from problem
    return found


def _valid(kind: Any, parameters: Mapping[str, Any]) -> None:
    trial = {"step_size": 0.05, **parameters}
    try:
        registry.parameters(kind).model_validate(trial)
    except ValidationError as problem:
        raise UserError(explain(problem, trial, "--parameters", ())) from problem
