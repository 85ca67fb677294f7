"""The optimizer and the schedule of each method, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rfast_bench.analysis.cell_text import cell
from rfast_bench.records.reading import Run
from rfast_bench.report.content.fault_words import listed

UNITS = {"common": "epochs of all workers", "own": "epochs of the worker's own", "time": "seconds"}


def trained(runs: Sequence[Run]) -> Iterator[str]:
    """One sentence for each way of training; nothing where gradients and steps are taken as they are."""
    ways: dict[str, dict[str, None]] = {}
    for run in runs:
        parts = [_optimizer(run.optimizer), _schedule(run.schedule)]
        ways.setdefault("; ".join(part for part in parts if part), {})[run.label] = None
    for words, labels in ways.items():
        if words:
            yield f"Trained with {words}{'' if len(ways) == 1 else f' ({listed(labels)})'}."


def _optimizer(values: Mapping[str, Any]) -> str:
    said = []
    if values.get("momentum"):
        said.append(f"{'Nesterov ' * bool(values.get('nesterov'))}momentum {cell(values['momentum'])}")
    if values.get("weight_decay"):
        said.append(f"weight decay {cell(values['weight_decay'])}")
    if values.get("clip"):
        said.append(f"gradients clipped at {cell(values['clip'])}")
    return listed(said)


def _schedule(values: Mapping[str, Any]) -> str:
    said = []
    if values.get("warmup"):
        said.append(f"a warm-up to {cell(values['warmup'])}")
    if values.get("drops"):
        drops = listed(f"× {cell(factor)} at {cell(position)}" for position, factor in values["drops"])
        said.append(f"drops {drops}")
    for key, name in (("cosine", "a cosine"), ("one_cycle", "one cycle")):
        if values.get(key):
            said.append(f"{name} to {cell(values[key]['until'])}")
    if values.get("points"):
        said.append(f"a step by {len(values['points'])} points to {cell(values['points'][-1][0])}")
    unit = UNITS.get(str(values.get("by")), "")
    return f"{listed(said)} ({unit})" if said else ""
