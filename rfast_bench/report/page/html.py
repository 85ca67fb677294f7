"""Run folders into one HTML page that needs nothing else: styles, script and drawings stand in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rfast_bench.analysis.shards import Shards
from rfast_bench.figures.looks import styles
from rfast_bench.records.reading import Run, baselines
from rfast_bench.report.page.sections import Part, part_of
from rfast_bench.report.page.svg import sample


def page(
    runs: Sequence[Run],
    baseline: str | None = None,
    dealt: Callable[[Sequence[Run]], Sequence[Shards]] = lambda runs: (),
) -> str:
    """The report of these runs as HTML text. `dealt` tells how the samples of runs were dealt to workers, which
    records do not hold.

    Raises UserError when `baseline` is no label of these runs, or a resolved scenario cannot be read.
    """
    baselines(runs, baseline)
    ordered = sorted(runs, key=Run.sort_key)
    looks = {label: (index, style) for index, (label, style) in enumerate(styles(ordered).items())}
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in ordered:
        groups.setdefault((run.scenario, run.world), []).append(run)
    parts = []
    for number, (place, group) in enumerate(groups.items(), 1):
        own = baseline if any(run.label == baseline for run in group) else None
        parts.append(part_of(group, number, _title(*place, list(groups)), looks, own, dealt(group)))
    swatches = {label: sample(style) for label, (_, style) in looks.items()}
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=", ".join(dict.fromkeys(run.scenario for run in ordered)),
            parts=parts,
            swatches=swatches,
            made=_made(ordered),
            count=_count(parts),
        )
    )


def _environment() -> Environment:
    loader = PackageLoader("rfast_bench.report.page")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _title(scenario: str, world: str, places: Sequence[tuple[str, str]]) -> str:
    both = len({other for name, other in places if name == scenario}) > 1
    return f"{scenario}, {world} world" if both or world != "simulated" else scenario


def _count(parts: Sequence[Part]) -> str:
    runs = sum(len(part.runs) for part in parts)
    return f"{runs} run{'s' if runs > 1 else ''}"


def _made(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """What the numbers depend on: packages and machines, each with all the values there are."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, value in _entries(run.manifest):
            found.setdefault(name, {})[value] = None
    return [(name, ", ".join(values)) for name, values in found.items()]


def _entries(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    entries = [(str(name), str(value)) for name, value in (manifest.get("versions") or {}).items()]
    machine = ", ".join(f"{key} {value}" for key, value in (manifest.get("machine") or {}).items())
    return [*entries, *([("made on", machine)] if machine else [])]
