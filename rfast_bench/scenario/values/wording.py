"""pydantic's findings in the words of the suite: what is expected, and what stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rfast_bench.errors import nearest
from rfast_bench.scenario.values.base import NO_NUMBER

EXPECTED = "expected "
"""How a message starts that says what is allowed; a value of several types gets one such message for each."""
BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_WANTED = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "finite_number": "a finite number",
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), "a word or text"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"),
        "a mapping of keys",
    ),
    "none_required": "nothing",
    "path_type": "the name of a file",
    "string_pattern_mismatch": "text such as {pattern}",
}
_PATTERNS = {
    "^[A-Za-z0-9][A-Za-z0-9._-]*$": "a name of letters, digits, '.', '_' and '-' that begins with a letter or digit"
}
LONGEST = 200
"""Characters of what was found, in a message."""


def said(error: Mapping[str, Any]) -> str:
    """What one finding means: `expected a number above 0`, or what a validator of the suite says."""
    kind, context = error["type"], {key: _plain(value) for key, value in (error.get("ctx") or {}).items()}
    if isinstance(error["input"], bool) and kind in BOUNDS:
        return NO_NUMBER
    if kind == "missing":
        return "this key is missing"
    if kind in ("too_short", "too_long"):
        return _counted(kind, context)
    if kind in ("literal_error", "enum"):
        return _one_of(str(context["expected"]), error["input"])
    if kind == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return EXPECTED + _PATTERNS[context["pattern"]]
    if kind in _WANTED:
        return EXPECTED + _WANTED[kind].format_map(context)
    return re.sub(r"^(Value error, |Input should be )", lambda start: _START[start[1]], str(error["msg"]))


def _plain(value: Any) -> Any:
    """0.0 as 0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_START = {"Value error, ": "", "Input should be ": EXPECTED}


def _counted(kind: str, context: Mapping[str, Any]) -> str:
    count = context["min_length" if kind == "too_short" else "max_length"]
    most = "at least" if kind == "too_short" else "at most"
    return f"{EXPECTED}{most} {count} {'entry' if count == 1 else 'entries'}"


def _one_of(allowed: str, found: Any) -> str:
    words = re.findall(r"'([^']*)'", allowed)
    return f"{EXPECTED}{allowed}{nearest(found, words) if isinstance(found, str) else ''}"


def found(value: Any, expected: bool) -> str:
    """` (found 3)`: what stands there. A mapping is told where something is `expected` in its place, else nothing."""
    if isinstance(value, dict):
        return " (found a mapping of keys)" if expected else ""
    words = {True: "true", False: "false", None: "nothing"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return f" (found {text if len(text) <= LONGEST else text[:LONGEST] + ' ...'})"


def first_of(problem: ValidationError) -> str:
    """What is told first, of a value that stands alone, and the value."""
    error = problem.errors(include_url=False)[0]
    message = said(error)
    return message if repr(error["input"]) in message else message + found(error["input"], expected=True)
