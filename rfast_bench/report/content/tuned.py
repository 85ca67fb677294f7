"""What tuning chose: by what in a sentence, and of which values in rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rfast_bench.analysis.cell_text import EDGE, cell
from rfast_bench.figures.style import by_label
from rfast_bench.records.reading import Run
from rfast_bench.report.content.fault_words import listed

How = dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """A parameter of a label, what was chosen for it, and of what."""

    label: str
    name: str
    value: str
    tried: str


def tuning(runs: Sequence[Run]) -> Iterator[str]:
    """By what, on which seeds and where values were chosen."""
    hows = [how for run in runs for how in run.tuned.values()]
    for objective in dict.fromkeys(str(how["objective"]) for how in hows):
        told = [how for how in hows if how["objective"] == objective]
        seeds = listed(dict.fromkeys(str(seed) for how in told for seed in how["seeds"]))
        yield f"Tuned by {objective}, on seeds {seeds} that are not reported{_where(told)}."


def _where(hows: Sequence[How]) -> str:
    places = dict.fromkeys(
        ", ".join(f"{key} = {cell(value)}" for key, value in how["anchor"].items()) for how in hows
    )
    named = [place for place in places if place]
    return f", at {'; '.join(named)}" if named else ""


def chosen(runs: Sequence[Run]) -> Iterator[Chosen]:
    """Each label's own values; several where it was tuned more than once."""
    for label, own in by_label(runs).items():
        for name in dict.fromkeys(name for run in own for name in run.tuned):
            hows = [run.tuned[name] for run in own if name in run.tuned]
            values = ", ".join(dict.fromkeys(cell(how["value"]) for how in hows))
            edge = EDGE * any(how["edge"] for how in hows)
            effective = " (effective)" if hows[0].get("effective") else ""
            yield Chosen(label, _words(name) + effective, values + edge, _tried(hows))


def _words(name: str) -> str:
    return "γ" if name == "step_size" else name


def _tried(hows: Sequence[How]) -> str:
    """`8 from 0.01 to 1.28`, or the values themselves where they are no numbers."""
    tried = list(dict.fromkeys(value for how in hows for value in how["tried"]))
    numbers = [value for value in tried if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(tried):
        return ", ".join(map(str, tried))
    return f"{len(tried)} from {cell(min(numbers))} to {cell(max(numbers))}"
