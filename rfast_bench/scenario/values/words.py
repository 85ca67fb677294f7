"""A bare word in place of a mapping: `digits` for `{kind: digits}`."""

from __future__ import annotations

from typing import Any

from rfast_bench.scenario.values.forms import Form, Reads

WORDS = "x-words"
"""Marks kinds that a bare word may stand for, until all of them are known."""


def bare_word(value: object) -> object:
    """The mapping that a word stands for; others as they are."""
    return {"kind": value} if isinstance(value, str) else value


BARE_WORD = Reads(lambda own: {**own, WORDS: True})
"""An annotation of kinds: the words of those that need no other key. `laid_open` puts them in."""


def laid_open(schema: Form) -> Form:
    """The same schema with the bare words of kinds beside the kinds, which are among its definitions."""
    opened: Form = _opened(schema, schema["$defs"])
    return opened


def _opened(form: Any, definitions: Form) -> Any:
    if isinstance(form, list):
        return [_opened(part, definitions) for part in form]
    if not isinstance(form, dict):
        return form
    form = {key: _opened(part, definitions) for key, part in form.items()}
    if form.pop(WORDS, False):
        kinds = [definitions[kind["$ref"].rpartition("/")[2]] for kind in form["oneOf"]]
        words = [word for kind in kinds if kind.get("required") == ["kind"] for word in _words(kind)]
        told = {"enum": words, "description": "A kind, with the defaults of all other keys."}
        form["anyOf"] = [told, *form.pop("oneOf")]
    return form


def _words(kind: Form) -> list[str]:
    said: Form = kind["properties"]["kind"]
    return [said["const"]] if "const" in said else list(said["enum"])
