"""The JSON Schema of whole scenarios: what the models of the parts say, and which algorithms and graphs there are."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.plan import parameters, registry, training
from rfast_bench.scenario import json_schema
from rfast_bench.scenario.algorithms import TOPOLOGY, AlgorithmSpec
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.topology import FILE, TopologySpec
from rfast_bench.scenario.sections.tuning import GridLike
from rfast_bench.scenario.user_files import code
from rfast_bench.scenario.values.forms import Form, text
from rfast_bench.topology import graphs

WORDS = {
    "S": "Gradients that make a step, at least; null: one for every worker.",
    "buckets": "Pieces in which a vector travels: how many, or the size of one such as `25 MB`.",
    "compensated": "Whether rounding is kept from adding up; null: where numbers are shorter than float64.",
    "delivery": "Whether lost pushes are sent again: `reliable`, or `datagram`.",
    "forward_share": "The share of a gradient's time that is the forward pass, in which nothing can be sent yet.",
    "interrupt": "A newer point ends the gradient under way; otherwise it goes on to its end.",
    "local_steps": "Steps of each worker between two means over all workers.",
    "m": "Gradients that make a step; null: one for every worker.",
    "outer_momentum": "Momentum of the outer step; below 1.",
    "outer_step": "Step size of the outer step.",
    "own_share": "The share that a worker keeps of what it gives away; between 0 and 1.",
    "own_share_a": "The share of the gradient mass that a worker keeps, a_ii; null: as its weights have it.",
    "own_share_w": "The weight of a worker's own model when it mixes, w_ii; null: as its weights have it.",
    "pivot": "The number of the worker that holds the model.",
    "step_size": "The step size: a number, `{effective: number}`, or `{tune: values}`.",
    "tau": "Rounds that a message may be late before its receiver waits.",
    "weighting": "What a step is multiplied with: `elapsed`, the time since the last one, or `none`.",
}
"""A sentence on each parameter of the shipped algorithms."""
TUNED, EFFECTIVE, COMPLETE, FROM_FILE = "Tuned", "Effective", "Complete", "AlgorithmOfYourOwn"
RECORDED = "AlgorithmAsRecorded"


def scenario_schema() -> Form:
    """As `$schema` of scenario files. Algorithms of installed packages are among those it knows."""
    schema = json_schema.of(Scenario)
    definitions: Form = schema["$defs"]
    _with_graphs(definitions[TopologySpec.__name__])
    definitions |= _tuning() | _algorithms(definitions)
    schema["allOf"] = [_with_steps()]
    order = sorted(definitions)
    return {
        "$schema": json_schema.DRAFT,
        "title": "A scenario of rfast-bench",
        **{key: value for key, value in schema.items() if key != "$defs"},
        "$defs": {name: definitions[name] for name in order},
    }


def _ref(name: str) -> Form:
    return {"$ref": f"#/$defs/{name}"}


def _with_graphs(topology: Form) -> None:
    """The names of graphs, in place of any word."""
    word, mapping = topology["anyOf"]
    word["enum"] = sorted(graphs.KINDS)
    mapping["properties"]["kind"]["enum"] = [*sorted(graphs.KINDS), FILE]


def _tuning() -> Form:
    grid = {
        **json_schema.of(GridLike),
        "description": "The values that are tried, as under `tune.parameters`.",
    }
    del grid["$defs"]
    number = {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "How far the mean model moves for a gradient.",
    }
    return {TUNED: _only("tune", grid), EFFECTIVE: _only("effective", number)}


def _only(key: str, form: Form) -> Form:
    return {"type": "object", "properties": {key: form}, "required": [key], "additionalProperties": False}


# ------------------------------------------------------------------------------------------- algorithms
def _algorithms(definitions: Form) -> Form:
    """An entry of `algorithms`, which is of a known algorithm, or of one in a file."""
    beside = _beside(definitions)
    found: Form = {}
    for name in registry.names():
        model = json_schema.of(registry.parameters(registry.find(name)))
        found |= model.pop("$defs")
        found[name] = _entry(name, registry.find(name), model["properties"], beside)
    names = registry.names()
    own_name = {
        **text(code.IS_FILE, "my_method.py:MyMethod"),
        "description": "A class in a file of your own.",
    }
    found[FROM_FILE] = _mapping(
        {"name": own_name, **beside}, "An algorithm of your own; its other keys are its parameters."
    )
    found[FROM_FILE]["additionalProperties"] = True
    any_name = {"anyOf": [{"enum": names}, own_name], "description": "Which algorithm."}
    inner = {"type": "object", "description": "The parameters, below a key of their own."}
    found[RECORDED] = _mapping(
        {"name": any_name, **beside, "parameters": inner}, "An entry as records have it."
    )
    found[RECORDED]["required"] += ["parameters"]
    bare: Form = {"anyOf": [{"enum": names}, own_name], "description": "An algorithm with its defaults."}
    entries = [bare, *map(_ref, (*names, FROM_FILE, RECORDED))]
    return {**found, AlgorithmSpec.__name__: {"anyOf": entries}}


def _beside(definitions: Form) -> Form:
    """What every entry may say beside its parameters, whose keys may be tuned."""
    keys: Form = definitions[AlgorithmSpec.__name__]["properties"]
    parts = {}
    for part, model in training.MODELS.items():
        name = f"Own{model.__name__}"
        whole = definitions[model.__name__]
        *words, mapping = whole.get("anyOf", [whole])
        tuned = {
            key: {**_said(form), "anyOf": [form, _ref(TUNED)]} for key, form in mapping["properties"].items()
        }
        definitions[name] = {"anyOf": [*words, {**mapping, "properties": tuned}]}
        parts[part] = {"anyOf": [_ref(name), {"type": "null"}], "description": keys[part]["description"]}
    graph = {**keys[TOPOLOGY], "anyOf": [*keys[TOPOLOGY]["anyOf"], _ref(TUNED)]}
    return {"label": keys["label"], TOPOLOGY: graph, **parts}


def _said(form: Form) -> Form:
    return {key: form[key] for key in ("description", "default") if key in form}


def _mapping(properties: Form, about: str) -> Form:
    inner = "|".join(sorted(name.replace(".", r"\.") for name in training.NAMES))
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "patternProperties": {f"^(?:{inner})$": True},
        "required": ["name"],
        "additionalProperties": False,
    }


def _entry(name: str, kind: type[Algorithm], own: Form, beside: Form) -> Form:
    about = (inspect.getdoc(kind) or name).split("\n\n")[0]
    called = {"const": name, "description": " ".join(about.split())}
    return _mapping(
        {"name": called, **{key: _parameter(key, own[key]) for key in own}, **beside}, called["description"]
    )


def _parameter(name: str, form: Form) -> Form:
    plain = {key: value for key, value in form.items() if key not in ("description", "default")}
    forms = [plain, _ref(TUNED), *([_ref(EFFECTIVE)] if name == parameters.STEP else [])]
    told = form.get("description") or WORDS.get(name) or "A parameter of its own."
    default = {"default": form["default"]} if "default" in form else {}
    return {"anyOf": forms, "description": told, **default}


def _with_steps() -> Form:
    """Where nothing is tuned or swept, every algorithm has all the parameters that it needs."""
    needed: dict[tuple[str, ...], list[str]] = {}
    for name in registry.names():
        fields = registry.parameters(registry.find(name)).model_fields.items()
        if required := tuple(key for key, field in fields if field.is_required()):
            needed.setdefault(required, []).append(name)
    bare = {"not": {"enum": [name for names in needed.values() for name in names]}}
    entry = {"allOf": [bare, *(_needs(keys, names) for keys, names in needed.items())]}
    later: list[Form] = [{"required": [key]} for key in ("tune", "sweep")]
    return {"if": {"not": {"anyOf": later}}, "then": {"properties": {"algorithms": {"items": entry}}}}


def _needs(keys: Iterable[str], names: list[str]) -> Form:
    named: Any = {
        "properties": {"name": {"enum": names}},
        "required": ["name"],
        "not": {"required": ["parameters"]},
    }
    return {"if": {"type": "object", **named}, "then": {"required": list(keys)}}
