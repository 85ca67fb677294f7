"""Which of many runs are compared, in which order, and under which names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rfast_bench.errors import UserError, nearest
from rfast_bench.records.reading import Run, baselines


def chosen(
    runs: Sequence[Run], labels: Sequence[str] = (), names: Mapping[str, str] | None = None
) -> list[Run]:
    """The runs of these labels, in their order (all runs where none is given), those in `names` under other names.

    Raises UserError for a label that no run has, one that is given twice, and where two would have one name.
    """
    names = names or {}
    known = list(dict.fromkeys(run.label for run in runs))
    for option, label in [*(("--select", one) for one in labels), *(("--rename", one) for one in names)]:
        if label not in known:
            raise UserError(
                f"{option}: found '{label}'; the labels are {', '.join(known)}{nearest(label, known)}"
            )
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise UserError(f"--select: '{twice}' is there twice")
    kept = [run for run in runs if not labels or run.label in labels]
    shown = list(dict.fromkeys(run.label for run in kept))
    given = [names.get(label, label) for label in shown]
    same = next((name for name in given if given.count(name) > 1), None)
    if same is not None:
        both = " and ".join(label for label in shown if names.get(label, label) == same)
        raise UserError(f"--rename: {both} would both be called '{same}'")
    place = {label: at for at, label in enumerate(labels)}
    own = baselines(runs) if names else {}  # the one that nobody named keeps its part under another name
    told = [
        replace(
            run,
            label=names.get(run.label, run.label),
            baseline=names.get(base, base) if (base := run.baseline or own.get(run.scenario)) else base,
            order=place.get(run.label, run.order),
        )
        for run in kept
    ]
    return sorted(told, key=Run.sort_key)


def left_out(runs: Sequence[Run], labels: Sequence[str], baseline: str | None = None) -> list[str]:
    """The baselines, this one or the scenarios' own, that were not chosen with `labels`: speed-ups need them."""
    known = {run.label for run in runs}
    base = [baseline] if baseline else baselines(runs).values()
    return [name for name in dict.fromkeys(base) if labels and name in known and name not in labels and name]


def label_list(text: str) -> list[str]:
    """`a, b` as labels."""
    return [part.strip() for part in text.split(",") if part.strip()]


def renamed(pairs: Sequence[str]) -> dict[str, str]:
    """`OLD=NEW` as a mapping. Raises UserError."""
    found: dict[str, str] = {}
    for pair in pairs:
        old, sign, new = pair.partition("=")
        if not (old.strip() and sign and new.strip()):
            raise UserError(f"--rename: found '{pair}'; expected OLD=NEW, such as r-fast=R-FAST")
        if old.strip() in found:
            raise UserError(f"--rename: '{old.strip()}' is there twice")
        found[old.strip()] = new.strip()
    return found
