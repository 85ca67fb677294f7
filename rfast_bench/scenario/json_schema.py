"""The JSON Schema of a part of a scenario, from the models that read it: what editors complete and check."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from rfast_bench.scenario.values.forms import NUMBER, POSITIVE, TRUTH, WHOLE, Form, text
from rfast_bench.scenario.values.words import laid_open

DRAFT = "https://json-schema.org/draft/2020-12/schema"


class _Forms(GenerateJsonSchema):
    """Numbers and truths may be words, as readers take them; no titles, which say a key's name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def float_schema(self, schema: core_schema.FloatSchema) -> Form:
        own = super().float_schema(schema)
        least = own.get("minimum", own.get("exclusiveMinimum"))
        if isinstance(least, int | float) and least >= 0:
            return {"anyOf": [own, text(POSITIVE, title="positive-number-in-words")]}
        return {"anyOf": [own, text(NUMBER, title="number-in-words")]}

    def int_schema(self, schema: core_schema.IntSchema) -> Form:
        return {"anyOf": [super().int_schema(schema), text(WHOLE, title="whole-number-in-words")]}

    def bool_schema(self, schema: core_schema.BoolSchema) -> Form:
        return {"anyOf": [super().bool_schema(schema), text(TRUTH, title="truth-in-words"), {"enum": [0, 1]}]}

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> Form:
        return {"oneOf": super().tagged_union_schema(schema)["oneOf"]}


def of(kind: Any) -> Form:
    """The schema of a model or an annotated type, with its definitions below `$defs`."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    found = adapter.json_schema(schema_generator=_Forms)
    definitions: Form = found.pop("$defs", {})
    for name in list(definitions):
        definitions[name] = _parts(definitions[name], definitions)
    whole = _parts(found, definitions)
    return laid_open({**whole, "$defs": dict(sorted(definitions.items()))})


def _parts(form: Form, definitions: Form) -> Form:
    """The same where whatever has a title stands among the definitions, and text is without the breaks of its lines."""
    return {
        key: _part(part, key, definitions)
        for key, part in form.items()
        if key != "title" or isinstance(part, dict)
    }


def _part(value: Any, key: str, definitions: Form) -> Any:
    if key == "description" and isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, list):
        return [_part(part, "", definitions) for part in value]
    if not isinstance(value, dict) or key in ("default", "enum"):
        return value
    title = value.get("title")
    if not isinstance(title, str):
        return _parts(value, definitions)
    if title not in definitions:
        definitions[title] = {}  # it may refer to itself
        definitions[title] = _parts(value, definitions)
    return {"$ref": f"#/$defs/{title}"}
