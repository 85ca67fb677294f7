"""The resolved scenario of many run folders as one text, and what else differs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from rfast_bench.records.reading import DAMAGED, Run, varying
from rfast_bench.records.resolved import read_resolved
from rfast_bench.records.writing import SCENARIO


def read(run: Run) -> dict[str, Any]:
    """The resolved scenario beside a manifest; empty when the folder has none or is damaged. Raises UserError."""
    return {} if run.status == DAMAGED else read_resolved(run.folder / SCENARIO)


def swept(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The values of every key that varies, in the order of the runs."""
    return {
        key: list({repr(run.point[key]): run.point[key] for run in runs if key in run.point}.values())
        for key in varying(runs)
    }


def together(runs: Sequence[Run], scenarios: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One scenario of all: the first run's, every algorithm, all seeds, the sweep."""
    algorithms: dict[str, Any] = {}
    for run, scenario in zip(runs, scenarios, strict=True):
        for algorithm in scenario.get("algorithms", ()):
            algorithms.setdefault(run.label, algorithm)
    whole = {key: value for key, value in scenarios[0].items() if key != "seed"}
    whole |= {"algorithms": list(algorithms.values())} if algorithms else {}
    whole |= {"seeds": sorted({run.seed for run in runs})}
    return whole | ({"sweep": swept(runs)} if varying(runs) else {})


def as_text(scenario: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(scenario), sort_keys=False, allow_unicode=True, width=100)


def differing(runs: Sequence[Run], scenarios: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys outside the sweep that are not the same in all runs: these should not stand in one table."""
    keys = [key.removesuffix(".kind") for key in varying(runs)]  # another kind has other keys beside it
    flat = [dict(_leaves(scenario)) for scenario in scenarios]
    names = dict.fromkeys(name for values in flat for name in values)
    return [
        name
        for name in names
        if not any(f"{name}.".startswith(f"{key}.") for key in keys)
        and len({repr(values.get(name)) for values in flat}) > 1
    ]


def _leaves(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if not above and key in ("algorithms", "seed", "name", "description", "baseline", "allow_unsound"):
            continue
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
