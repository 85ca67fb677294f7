"""The resolved scenario beside a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rfast_bench.errors import UserError
from rfast_bench.files import read_text
from rfast_bench.scenario import yaml_text


def read_resolved(path: Path) -> dict[str, Any]:
    """What it says; empty where there is none. Raises UserError."""
    try:
        found = yaml_text.load(read_text(path, 4 * yaml_text.LONGEST), quick=True)
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise UserError(f"{path}: cannot be read: {problem.strerror}") from problem
    except (ValueError, yaml.YAMLError) as problem:
        raise UserError(f"{path}: cannot be read: {yaml_text.reason(problem)}") from problem
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected a mapping, found {type(found).__name__}")
    algorithms = found.get("algorithms", [])
    if not (isinstance(algorithms, list) and all(isinstance(one, dict) for one in algorithms)):
        raise UserError(f"{path}: algorithms: expected a list of mappings")
    return found
