"""What tuning chose, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rfast_bench.analysis.cell_text import EDGE, cell
from rfast_bench.figures.style import by_label
from rfast_bench.records.reading import Run
from rfast_bench.report.content.fault_words import listed

How = dict[str, Any]


def tuning(runs: Sequence[Run]) -> Iterator[str]:
    """By what, on which seeds and where values were chosen; then each label's own, of how many."""
    hows = [how for run in runs for how in run.tuned.values()]
    for objective in dict.fromkeys(str(how["objective"]) for how in hows):
        told = [how for how in hows if how["objective"] == objective]
        seeds = listed(dict.fromkeys(str(seed) for how in told for seed in how["seeds"]))
        yield f"Tuned by {objective}, on seeds {seeds} that are not reported{_where(told)}: {_values(runs)}."


def _where(hows: Sequence[How]) -> str:
    places = dict.fromkeys(
        ", ".join(f"{key} = {cell(value)}" for key, value in how["anchor"].items()) for how in hows
    )
    named = [place for place in places if place]
    return f", at {'; '.join(named)}" if named else ""


def _values(runs: Sequence[Run]) -> str:
    said = []
    for label, own in by_label(runs).items():
        for name in dict.fromkeys(name for run in own for name in run.tuned):
            hows = [run.tuned[name] for run in own if name in run.tuned]
            said.append(f"{label}{EDGE * any(how['edge'] for how in hows)} {_words(name)} {_chosen(hows)}")
    return "; ".join(said)


def _words(name: str) -> str:
    return "γ" if name == "step_size" else name


def _chosen(hows: Sequence[How]) -> str:
    """`0.16 of 8 values from 0.01 to 1.28`, `0.1, 0.2 of ...` where it was tuned more than once."""
    values = ", ".join(dict.fromkeys(cell(how["value"]) for how in hows))
    effective = " effective" if hows[0].get("effective") else ""
    tried = list(dict.fromkeys(value for how in hows for value in how["tried"]))
    numbers = [value for value in tried if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(tried):
        return f"{values} of {', '.join(map(str, tried))}"
    return f"{values}{effective} of {len(tried)} from {cell(min(numbers))} to {cell(max(numbers))}"
