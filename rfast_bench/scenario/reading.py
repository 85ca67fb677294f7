"""Reading a scenario file: YAML, overrides, and pydantic's findings told in the user's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rfast_bench.errors import UserError, suggest
from rfast_bench.files import read_text
from rfast_bench.scenario import yaml_text
from rfast_bench.scenario.user_files import code
from rfast_bench.scenario.values import wording

Model = TypeVar("Model", bound=BaseModel)
PLUG_IN = "(plug-in)"
"""The tag of a problem that is a class of the user's own; tags in brackets are never part of a key path."""

NOTHING: Mapping[str, str] = MappingProxyType({})
MEANT = dict.fromkeys(("by-owner", "by-client", "by-user", "by-writer", "owner", "column"), "by-column")
"""Kinds by names that they are known by elsewhere."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises UserError when there is none."""
    try:
        raw = yaml_text.load(read_text(path, 4 * yaml_text.LONGEST))
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"cannot read {path}: {_reason(problem)}") from problem
    except (yaml.YAMLError, ValueError) as problem:
        raise UserError(f"{path} is not YAML: {yaml_text.reason(problem)}") from problem
    if not isinstance(raw, dict):
        raise UserError(f"{path}: expected a mapping of keys such as 'workers:', found {type(raw).__name__}")
    return raw


def _reason(problem: OSError | UnicodeDecodeError) -> str:
    return (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)


# ------------------------------------------------------------------------------------------- overrides
def parse_override(text: str) -> tuple[str, Any]:
    """`network.loss=0.2` -> ("network.loss", 0.2); the value is read as YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set {text}: expected KEY=VALUE, for example network.loss=0.2")
    try:
        return key.strip(), yaml_text.load(value)
    except (yaml.YAMLError, ValueError) as problem:
        raise UserError(f"--set {text}: the value is not YAML: {yaml_text.reason(problem)}") from problem


def assign(raw: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of `raw` with the value at a dotted path replaced.

    In a list, a part is a position or an item's label or name: `algorithms.r-fast.step_size`.
    """
    changed = _assigned(raw, key.split("."), value, key)
    assert isinstance(changed, dict)
    return changed


def _assigned(node: Any, parts: list[str], value: Any, key: str) -> Any:
    if not parts:
        return value
    head, rest = parts[0], parts[1:]
    if isinstance(node, list | tuple):
        index = _position(node, head, key)
        return [_assigned(v, rest, value, key) if k == index else v for k, v in enumerate(node)]
    if node is None and head.isdigit():
        raise UserError(
            f"key {key}: there is no item {head}, for '{_before(parts, key)}' is not given; set the whole list"
        )
    if node is None or isinstance(node, dict):
        node = node or {}
        return {**node, head: _assigned(node.get(head), rest, value, key)}
    raise UserError(f"key {key}: '{head}' cannot be set, for what stands there is {node!r}, not a mapping")


def _before(parts: list[str], key: str) -> str:
    """The part of a key path above what is left of it."""
    return key.removesuffix(".".join(parts)).rstrip(".") or "a scenario's top"


def _position(items: Any, part: str, key: str) -> int:
    names = [[str(i.get("label", "")), str(i.get("name", ""))] if isinstance(i, dict) else [] for i in items]
    found = [k for k, own in enumerate(names) if part in own]
    if part.isdigit() and int(part) < len(items):
        found = [int(part)]
    if len(found) == 1:
        return found[0]
    known = [n for own in names for n in own if n and sum(n in other for other in names) == 1]
    if not items:
        raise UserError(f"key {key}: '{part}' is not there, for the list is empty; set the whole list")
    why = "names several items" if found else "is not there"
    places = f"a position from 0 to {len(items) - 1}"
    allowed = f"{suggest(part, known)}, or {places}" if known else f". Allowed: {places}"
    raise UserError(f"key {key}: '{part}' {why}{allowed}")


# ------------------------------------------------------------------------------------------ validation
def load_with(model: type[Model], path: Any, overrides: Iterable[str] = ()) -> Model:
    """Read, override and check a file. Raises UserError that names every mistake found."""
    path = Path(path)
    raw = read_yaml(path)
    for text in overrides:
        raw = assign(raw, *parse_override(text))
    return validate(model, raw, str(path), path.resolve().parent)


def validate(
    model: type[Model],
    raw: dict[str, Any],
    source: str,
    folder: Path | None = None,
    changed: Mapping[str, str] = NOTHING,
) -> Model:
    """Check a mapping against a model; relative data paths start at `folder`. `changed`: what put which key path in
    that the file does not have."""
    try:
        return model.model_validate(raw, context={"folder": folder} if folder else None)
    except ValidationError as problem:
        raise UserError(explain(problem, raw, source, changed=changed)) from problem


def explain(
    problem: ValidationError,
    raw: Any,
    source: str,
    prefix: tuple[str, ...] = (),
    changed: Mapping[str, str] = NOTHING,
) -> str:
    """One line for each thing that is wrong: file, key path, what was found, what is allowed."""
    lines: list[str] = []
    told: dict[tuple[str, str], int] = {}  # where the line of a value that may be of several types stands
    errors = problem.errors(include_url=False)
    for error in errors:
        if error["type"] == "too_short" and any(_inside(other["loc"], error["loc"]) for other in errors):
            continue  # pydantic counts only the items that are right
        key = ".".join((*prefix, *_key_path(error["loc"], raw, error["type"] != "unknown_key")))
        message = _message(error)
        expected = message.startswith(wording.EXPECTED)
        told_already = error["type"] == "missing" or "(found " in message
        found = "" if told_already else wording.found(error["input"], expected)
        by = _origin(key, error.get("ctx", {}).get("unknown", ""), changed)
        line = f"{source}{by}: {key + ': ' if key else ''}{message}{found}"
        place = told.setdefault((key, found), len(lines)) if expected else len(lines)
        if place == len(lines):
            lines.append(line)
        elif (other := message.removeprefix(wording.EXPECTED)) and f" {other}" not in lines[place]:
            lines[place] = f"{lines[place].removesuffix(found)}, or {other}{found}"
    return "\n".join(dict.fromkeys(lines))


def _origin(key: str, unknown: str, changed: Mapping[str, str]) -> str:
    """`, changed by --set` where a key, a part of it or what it is a part of is not from the file. `unknown`: a key of
    the mapping at `key`."""
    whole = ".".join(part for part in (key, unknown) if part)
    for other, by in changed.items():
        if f"{whole}.".startswith(f"{other}.") or other.startswith(f"{whole}."):
            return f", changed by {by}"
    return ""


def _inside(loc: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(loc) > len(other) and loc[: len(other)] == other


def _message(error: Any) -> str:
    """What one finding means; of a word that is not among those allowed also the nearest."""
    context = error.get("ctx", {})
    if error["type"] == "union_tag_not_found":
        which = "'kind', which says what sort this is"
        mapping = isinstance(error["input"], dict)
        return (
            "'kind' is missing: it says which sort this is" if mapping else f"expected a mapping with {which}"
        )
    if error["type"] == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        allowed = [tag for tag in tags if not tag.startswith("(")]
        files = ""
        if PLUG_IN in tags:
            allowed, files = [*allowed, *code.plug_ins(code.PROBLEMS)], ", or path/to/file.py:Class"
        return f"unknown kind '{context['tag']}'{suggest(_meant(context['tag'], allowed), allowed)}{files}"
    return wording.said(error)


def _meant(word: str, allowed: list[str]) -> str:
    return MEANT[word] if MEANT.get(word) in allowed else word


def _key_path(loc: tuple[int | str, ...], raw: Any, may_miss: bool) -> list[str]:
    """pydantic's location without the tags of unions: only what can be found in the file, and a last name.

    With `may_miss` the last name need not be there: it may be what is missing.
    """
    path: list[str] = []
    for k, part in enumerate(loc):
        if isinstance(part, str) and part.startswith("("):
            continue  # a tag of ours, such as (all)
        inside = part in raw if isinstance(raw, dict) else isinstance(raw, list) and part in range(len(raw))
        if inside:
            raw = raw[part]
        elif not may_miss or k < len(loc) - 1 or not isinstance(raw, dict) or raw.get("kind") == part:
            continue
        path.append(str(part))
    return path
