"""As-if systems: compute times and networks of known set-ups, so that a small problem stands in for a large one.

A profile is a YAML file: what a scenario would say in `workers`, `compute` and `network`, and where each number comes
from. A scenario takes one by `system: NAME` or `system: path/to/profile.yaml`; what it sets itself stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from os.path import isfile
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from rfast_bench.errors import suggest
from rfast_bench.scenario.reading import read_yaml, validate
from rfast_bench.scenario.sections.compute import Compute
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.bounds import Workers
from rfast_bench.scenario.values.forms import Form

PACKAGE = "rfast_bench.scenario"
FOLDER = "system_profiles"
FILLED = ("workers", "compute", "network")
"""The keys of a scenario that a profile has something to say on."""


class Profile(Spec):
    """A profile file. `sources` and `assumptions` together account for every number, by key path."""

    description: str
    workers: Workers | None = None
    compute: Compute
    network: NetworkSpec
    sources: dict[str, str] = Field(default_factory=dict)
    """`network.bandwidth` -> where that is published or when it was measured; a key stands for all below it."""
    assumptions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _all_accounted_for(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        told = [data.get(name) or {} for name in ("sources", "assumptions")]
        if not all(isinstance(one, dict) for one in told):
            return data  # which is told as any other value of a wrong type
        named = {key: text for one in told for key, text in one.items()}
        said = {**numbers(data)}
        open_keys = [key for key in said if not account(key, named)]
        if open_keys:
            raise ValueError(
                f"sources: where does {open_keys[0]} come from? Name it in sources or assumptions"
            )
        spare = [name for name in named if not any(f"{key}.".startswith(f"{name}.") for key in said)]
        if spare:
            raise ValueError(f"sources: '{spare[0]}' is not in the profile{suggest(spare[0], said)}")
        return data


def numbers(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Every value of a profile by its key path; the kinds of distributions are not counted."""
    return {key: value for name in FILLED if name in raw for key, value in _leaves(raw[name], name)}


def account(key: str, named: Mapping[str, Any]) -> str:
    """The name in `named` that accounts for a key: itself, or the nearest above it; empty when there is none."""
    while key and key not in named:
        key = key.rpartition(".")[0]
    return key


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name != "kind":
                yield from _leaves(item, f"{key}.{name}")
    else:
        yield key, value


# ------------------------------------------------------------------------------------------------ finding
def names() -> list[str]:
    """The profiles that are installed with the package."""
    folder = files(PACKAGE) / FOLDER
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def find(system: str, folder: Path | None = None) -> Path:
    """The file of a profile: a name, or a path that starts at `folder`. Raises ValueError."""
    if system in names():
        with as_file(files(PACKAGE) / FOLDER / f"{system}.yaml") as found:
            return found
    path = (folder or Path()) / Path(system).expanduser()
    if isfile(path):
        return path.resolve()
    if path.suffix in (".yaml", ".yml"):
        raise ValueError(f"system: there is no file {path}")
    raise ValueError(f"system: unknown system '{system}'{suggest(system, names())}, or path/to/profile.yaml")


def load(path: Path) -> tuple[Profile, dict[str, Any]]:
    """A profile, checked, and what its file says. Raises UserError with the mistakes."""
    raw = read_yaml(path)
    return validate(Profile, raw, str(path), path.parent), raw


# ---------------------------------------------------------------------------------------------- expanding
def expand(raw: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """A scenario's mapping with what its `system` says filled in where it says nothing itself.

    `network` is filled key by key, `compute` too where it names no kind. Raises ValueError, UserError.
    """
    if not isinstance(raw.get("system"), str):
        return raw
    path = find(raw["system"], folder)
    known = _rooted(load(path)[1], path.parent)
    name = raw["system"] if raw["system"] in names() else str(path)
    filled = {key: known[key] for key in FILLED if key in known} | raw | {"system": name}
    for key in ("compute", "network"):
        own = raw.get(key)
        if isinstance(own, dict) and "kind" not in own and isinstance(known[key], dict):
            filled[key] = known[key] | own
    return filled


def _rooted(value: Any, folder: Path) -> Any:
    """The same values, with paths of measured times made absolute: a profile may lie anywhere."""
    if isinstance(value, dict):
        return {k: str(folder / v) if k == "path" else _rooted(v, folder) for k, v in value.items()}
    return [_rooted(v, folder) for v in value] if isinstance(value, list) else value


def left_open(scenario: Form) -> None:
    """What a scenario with a `system` need not say, in its form: the kind of `compute`, `workers` and `compute`."""
    whole = scenario["properties"]["compute"]
    known = next(form for form in whole["oneOf"] if "items" not in form)["anyOf"]
    keyless = {
        "type": "object",
        "properties": {"kind": False},
        "description": "With `system`: keys that differ from the profile's.",
    }
    told = {key: whole[key] for key in whole if key != "oneOf"}
    scenario["properties"]["compute"] = {**told, "anyOf": [*known, *whole["oneOf"][1:], keyless]}
    shipped = scenario["properties"]["system"]
    shipped["anyOf"] = [{"enum": names()}, *shipped["anyOf"]]
    needed = [key for key in scenario["required"] if key not in FILLED]
    scenario["if"] = {"properties": {"system": {"type": "string"}}, "required": ["system"]}
    scenario["else"] = {
        "required": [key for key in scenario["required"] if key in FILLED],
        "properties": {"compute": {"if": {"type": "object"}, "then": {"required": ["kind"]}}},
    }
    scenario["required"] = needed


# ------------------------------------------------------------------------------------------------ showing
def described(path: Path) -> list[tuple[str, str, str]]:
    """A profile's rows for a person: key, value, where it comes from and what is assumed. Raises UserError."""
    profile, raw = load(path)
    named = {**profile.sources, **profile.assumptions}
    rows = []
    for key, value in numbers(raw).items():
        name = account(key, named)
        assumed = f"assumed: {profile.assumptions[name]}" if name in profile.assumptions else ""
        told = [profile.sources.get(name, ""), assumed]
        rows.append((key, _shown(value), "; ".join(text for text in told if text)))
    return rows


def _shown(value: Any) -> str:
    return f"{len(value)} entries" if isinstance(value, list) else str(value)
