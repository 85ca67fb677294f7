"""What may stand in a file for a value, said in JSON Schema: what readers accept beside what pydantic knows of.

A reader that takes `20 ms` for a number of seconds is a function, of which pydantic says nothing. Its form stands
beside it in an annotation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

DESCRIBED = "RFAST_BENCH_DESCRIBED"
"""An environment variable: with it, models learn what their keys mean, for the JSON Schema and the page of keys. To
read that in the sources takes as long as half of all imports, so that nobody else waits for it."""
Form = dict[str, Any]
UNIT = "x-unit"
"""The key of a form that says its base unit; validators do not know it, the reference of keys does."""

DIGITS = r"[0-9]+\.?[0-9]*|\.[0-9]+"
PLAIN = rf"(?:{DIGITS})(?:[eE][-+]?[0-9]+)?"
NUMBER = rf"^\s*[-+]?(?:{PLAIN})\s*$"
"""A number in quotes, or one that YAML takes for a word, such as `1e-3`."""
POSITIVE = rf"^\s*\+?(?:{PLAIN})\s*$"
WHOLE = r"^\s*[-+]?[0-9]+(?:\.0*)?\s*$"
TRUTH = (
    r"^(?:[01tTfFyYnN]|[oO][nN]|[oO][fF][fF]|[yY][eE][sS]|[nN][oO]|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$"
)

_SMALL = "nano|micro|milli|centi|deci|[numcdµ]"
_LARGE = "kilo|mega|giga|tera|peta|exa|[kMGTPE]"
_BINARY = "kibi|mebi|gibi|tebi|pebi|Ki|Mi|Gi|Ti|Pi"
TIME = (
    rf"(?:{_SMALL}|{_LARGE})?(?:seconds?|secs?|s)|minutes?|mins?|min|hours?|hrs?|h|days?|d|weeks?|fortnights?|months?|"
    "years?|yr|a|century|centuries|millennium|millennia|eons?"
)
SIZE = rf"(?:{_LARGE}|{_BINARY})?(?:bytes?|B|octets?|bits?|b)"
RATE = rf"(?:{_LARGE})?(?:bps|baud|Bd)|(?:{SIZE})(?: ?/ ?| per )(?:{TIME})"


def quantity(unit: str) -> str:
    """The pattern of a number with a unit or without one."""
    return rf"^\s*\+?(?:{PLAIN})\s*(?:{unit})?\s*$"


@dataclass(frozen=True)
class Reads:
    """An annotation: what is read by a function before pydantic sees it, made of what pydantic says."""

    make: Callable[[Form], Form]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Form:
        return self.make(handler(core))


def any_of(*forms: Form) -> Form:
    """One of several, those that are themselves one of several laid open."""
    parts = [part for form in forms for part in (form["anyOf"] if set(form) == {"anyOf"} else [form])]
    return {"anyOf": parts}


def text(pattern: str, *examples: str, title: str = "") -> Form:
    """A word of a pattern; one with a title stands once in a schema."""
    said = {"title": title, "examples": list(examples)}
    return {"type": "string", "pattern": pattern, **{key: value for key, value in said.items() if value}}


def also(*forms: Form) -> Reads:
    """What else is read."""
    return Reads(lambda own: any_of(own, *forms))


def instead(form: Form) -> Reads:
    """What is read, where pydantic does not know it at all."""
    whole = {"allOf": [form]} if "title" in form else form  # beside what is said of the key
    return Reads(lambda own: whole)


def with_unit(name: str, pattern: str, base: str, example: str) -> Reads:
    """A number in the base unit, or a quantity in words."""

    def make(own: Form) -> Form:
        number = next((part for part in own.get("anyOf", [own]) if part.get("type") == "number"), own)
        return {"anyOf": [number, text(quantity(pattern), example, title=name)], UNIT: base}

    return Reads(make)


def in_unit(base: str) -> Reads:
    """A number whose unit is said."""
    return Reads(lambda own: {**own, UNIT: base})


# ------------------------------------------------------------------------------------------- of whole mappings
def given(*keys: str) -> list[Form]:
    """One form for each key: it is there, and not null."""
    return [{"required": [key], "properties": {key: {"not": {"type": "null"}}}} for key in keys]


def some_of(*keys: str) -> Form:
    """At least one of the keys is given."""
    return {"anyOf": given(*keys)}


def one_of(*keys: str) -> Form:
    """Exactly one of the keys is given."""
    return {"oneOf": given(*keys)}


def kind_said(form: Form) -> None:
    """`kind` has a default for what Python makes, but in a file it must be said."""
    form["required"] = ["kind", *(key for key in form.get("required", ()) if key != "kind")]
    form["properties"]["kind"].pop("default", None)


def kind_unsaid(form: Form) -> None:
    """`kind` need not be said: the key above it does."""
    form["required"] = [key for key in form["required"] if key != "kind"]


def or_else(core: CoreSchema, handler: GetJsonSchemaHandler, other: Form) -> Form:
    """A model's form, of which another may stand in its place."""
    own = handler(core)
    in_place(handler.resolve_ref_schema(own), lambda mapping: {"anyOf": [other, mapping]})
    return own


def in_place(form: Form, make: Callable[[Form], Form]) -> None:
    """A model's form made into another, where it stands, so that what refers to it has the new one."""
    own = {key: part for key, part in form.items() if key != "title"}
    form.clear()
    form.update(make(own))
