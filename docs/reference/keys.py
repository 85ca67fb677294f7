"""Writes the page of all scenario keys from the JSON Schema of scenarios: `python -m docs.reference.keys`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rfast_bench.scenario.values.forms import DESCRIBED, UNIT

os.environ[DESCRIBED] = "yes"  # before the models are imported
from rfast_bench.plan.scenario_schema import scenario_schema

PAGE = Path(__file__).with_name("scenario-keys.md")
HEAD = """# Scenario keys

Every key that a scenario file may have, with its type, unit, default and meaning. What they do together:
[Scenario files](../scenarios.md). The same for editors: [Scenarios in an editor](../editors.md).

A number is in the unit that is named. Where a *time*, a *size* or a *bandwidth* is wanted, `20 ms`, `100 MB` or
`10 Gbit/s` may stand too. A dash is no default: the meaning says what then holds.

Written by `.venv/bin/python -m docs.reference.keys` from the models that read scenarios; a test holds it current.
"""
COLUMNS = ("key", "type", "unit", "default", "meaning")
WORDS = ("bandwidth", "size", "time")
KINDS = {
    "PlugInSpec": "of your own",
    "AlgorithmOfYourOwn": "of your own",
    "FaultTrace": "a file",
    "Tuned": "`tune`",
    "Effective": "`effective`",
}
"""What tells a part from others under the same key, where no word of the file does."""
ONLY_IN_RECORDS = ("AlgorithmAsRecorded",)
Form = dict[str, Any]


class Reference:
    """The page, made by following a schema from its first key to the last."""

    def __init__(self, schema: Form) -> None:
        self.definitions: Form = schema["$defs"]
        self.titles: dict[str, str] = {}
        self.text: list[str] = []
        self._names(schema, "")
        self.section(schema, "The whole file", 2)
        done: set[str] = set()
        for key, form in schema["properties"].items():
            self.below(form, key, done)

    # ---------------------------------------------------------------------------------------- which parts there are
    def parts(self, form: Any) -> Iterator[str]:
        """The definitions of mappings that a value may be, itself or within lists."""
        if isinstance(form, list):
            for part in form:
                yield from self.parts(part)
        if not isinstance(form, dict):
            return
        if "$ref" in form:
            name = form["$ref"].rpartition("/")[2]
            if name not in ONLY_IN_RECORDS:
                yield from [name] if self.mapping(name) else self.parts(self.definitions[name])
            return
        for key in ("anyOf", "oneOf", "allOf", "items", "prefixItems"):
            yield from self.parts(form.get(key))
        if "properties" in form and "required" in form:
            yield from self.parts(list(form["properties"].values()))
        if isinstance(form.get("additionalProperties"), dict):
            yield from self.parts(form["additionalProperties"])

    def mapping(self, name: str) -> Form | None:
        """The mapping of a definition, bare words beside it left out."""
        whole = self.definitions[name]
        forms = [whole, *whole.get("anyOf", ())]
        return next((form for form in forms if form.get("type") == "object" and "properties" in form), None)

    def _names(self, form: Form, path: str) -> None:
        """A title for each part, by the first key that it stands under."""
        for key, inner in form["properties"].items():
            place = f"{path}.{key}" if path else key
            for name in self.parts(inner):
                if name not in self.titles:
                    kind = self.kind(name)
                    self.titles[name] = f"`{place}`" + (f": {kind}" if kind else "")
                    self._names(self.mapping(name) or {}, place)

    def kind(self, name: str) -> str:
        """What tells it from others under the same key."""
        properties = (self.mapping(name) or {})["properties"]
        said = properties.get("kind", properties.get("name", {}))
        words = [said["const"]] if "const" in said else said.get("enum", [])
        if words and len(words) < 6:
            return ", ".join(f"`{word}`" for word in words)
        return KINDS.get(name, "")

    # ------------------------------------------------------------------------------------------------------ the text
    def below(self, form: Form, path: str, done: set[str]) -> None:
        """The sections of all parts that stand first under a key."""
        for name in self.parts(form):
            if name in done:
                continue
            done.add(name)
            mapping = self.mapping(name) or {}
            self.section(mapping, self.titles[name], min(4, 2 + path.count(".")))
            for key, inner in mapping["properties"].items():
                self.below(inner, f"{path}.{key}", done)

    def section(self, form: Form, title: str, level: int) -> None:
        """One table."""
        self.text += ["", f"{'#' * level} {title}", ""]
        if form.get("description") and level > 1 and title != "The whole file":
            self.text += [form["description"], ""]
        self.text += [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
        for key, inner in form["properties"].items():
            if not inner.get("deprecated"):
                cells = (
                    f"`{key}`",
                    self.type(inner),
                    self.unit(inner),
                    self.default(form, key),
                    inner["description"],
                )
                self.text.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")

    def unit(self, form: Any) -> str:
        """The base unit that a form names somewhere."""
        found = dict.fromkeys(self._units(form))
        return next(iter(found), "")

    def _units(self, form: Any) -> Iterator[str]:
        if isinstance(form, list):
            for part in form:
                yield from self._units(part)
        elif isinstance(form, dict):
            if UNIT in form:
                yield form[UNIT]
            for key in ("anyOf", "allOf", "items", "prefixItems"):
                yield from self._units(form.get(key))

    def default(self, whole: Form, key: str) -> str:
        """As a scenario would say it."""
        form = whole["properties"][key]
        if key in whole.get("required", ()):
            return "required"
        if key in whole.get("else", {}).get("required", ()):
            return "required without `system`"
        if "default" not in form and "name" in whole["properties"]:
            return "required unless tuned or swept"
        value = form.get("default")
        if value is None or value in ({}, [], ""):  # null, or nothing
            return "–"
        if isinstance(value, dict):
            bare = {k: v for k, v in value.items() if v is not None and k != "kind"}
            plain = len(bare) == 1 and value.get("kind") in ("constant", "independent")
            if not plain and len(bare) > 0:
                return "see there"
            value = next(iter(bare.values())) if plain else value["kind"]
        return f"`{value if isinstance(value, str) else json.dumps(value)}`"

    def type(self, form: Form) -> str:
        """In words, every form once."""
        words = list(dict.fromkeys(word for word in self._types(form) if word))
        linked = {part for word in words for part in re.findall(r"`[^`]+`", word) if "](" in word}
        words = [word for word in words if word not in linked]
        lists = [word for word in words if word.startswith("list of ")]
        alone = [word for word in words if word not in lists and word != "mapping"]
        if lists and alone and lists[0].removeprefix("list of ") == ", ".join(alone):
            words = [*(word for word in words if word not in lists), "or a list of them"]
        return ", ".join(words) or "anything"

    def _types(self, form: Any) -> Iterator[str]:
        if "$ref" in form:
            name = form["$ref"].rpartition("/")[2]
            if name in WORDS:
                yield name
            elif name in self.titles:
                yield self.link(name)
                yield from self._words_beside(name)
            elif name not in ONLY_IN_RECORDS:
                yield from self._types(self.definitions[name])
        elif "const" in form or "enum" in form:
            words = [form["const"]] if "const" in form else form["enum"]
            yield from (f"`{word}`" for word in words if word is not None and word not in (0, 1))
        elif any(key in form for key in ("anyOf", "oneOf", "allOf")):
            for part in next(form[key] for key in ("anyOf", "oneOf", "allOf") if key in form):
                yield from self._types(part)
        else:
            yield self._plain(form)

    def _words_beside(self, name: str) -> Iterator[str]:
        for part in self.definitions[name].get("anyOf", ()):
            if "properties" not in part:
                yield from self._types(part)

    def link(self, name: str) -> str:
        """To the section of a part."""
        title = self.titles[name]
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        return f"[{title.partition(': ')[2] or title}](#{anchor})"

    def _plain(self, form: Form) -> str:
        kind = form.get("type")
        if kind in ("number", "integer"):
            least = [f"≥ {form['minimum']}"] if "minimum" in form else []
            above = [f"> {form['exclusiveMinimum']}"] if "exclusiveMinimum" in form else []
            most = [f"≤ {form['maximum']}"] if form.get("maximum", 1e9) < 1e9 else []
            below = [f"< {form['exclusiveMaximum']}"] if "exclusiveMaximum" in form else []
            return " ".join([kind, *least, *above, *most, *below])
        if kind == "array":
            inner = self.type(form.get("items", {})) if "items" in form else "values"
            return "pair" if "prefixItems" in form else f"list of {inner}"
        if kind == "string":
            return self._text(form)
        if kind == "object" and len(form.get("properties", ())) == 1 and "required" in form:
            return f"`{{{next(iter(form['properties']))}: ...}}`"
        return {"object": "mapping", "boolean": "`true`, `false`"}.get(str(kind), "")

    def _text(self, form: Form) -> str:
        examples = form.get("examples", ())
        words = any(form is self.definitions.get(name) for name in self.definitions)
        return "" if words else f"text such as `{examples[0]}`" if examples else "text"


def page() -> str:
    """The text of the page."""
    return HEAD + "\n".join(Reference(scenario_schema()).text) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
