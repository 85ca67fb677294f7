"""The table of runs with those that are under way beside it: told apart, and counted nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from rfast_bench.analysis.cell_text import NOTHING, cell
from rfast_bench.analysis.formats import WRITERS, Part
from rfast_bench.analysis.tables import render
from rfast_bench.errors import UserError
from rfast_bench.records.reading import Run, any_runs, find_runs
from rfast_bench.records.unfinished import EVERY, Unfinished, find_unfinished
from rfast_bench.scenario.values.units import percent_done

SHOWN = ("terminal", "md")
"""Formats in which unfinished runs have a table of their own."""
NOTE = (
    "Unfinished runs as they were when last seen; they count in no other table and no figure. A run shows up with its "
    f"first evaluation after {EVERY:g} s. One that is not seen any more was stopped; the same command starts it anew."
)
MEASURED = {"loss": "loss", "gap": "gap", "accuracy": "accuracy", "local_accuracy": "local accuracy"}


def render_all(
    places: Sequence[Path],
    format: str,
    baseline: str | None = None,
    width: int | None = None,
    table: Callable[[Sequence[Run]], str] | None = None,
) -> tuple[str, str]:
    """The table of all runs below `places`, finished ones as `render` (or `table`) has them; and what is to be said
    beside it.

    Raises UserError where there is none at all.
    """
    table = table or partial(render, format=format, baseline=baseline, width=width)
    runs, under_way = parted(places)
    text = table(runs) if runs else ""
    if not under_way:
        return text, ""
    if format in SHOWN:
        return text + ("\n" if text else "") + tell(under_way, format, width), ""
    beside = f"{_count(under_way)} not in this table; --format {' or '.join(SHOWN)} shows them"
    if not runs:
        raise UserError(f"no run has finished yet, and {beside}")
    return text, beside


def parted(places: Sequence[Path]) -> tuple[list[Run], list[Unfinished]]:
    """The runs below `places`, and those under way. Raises UserError where there is none at all."""
    under_way = find_unfinished(places)
    if not under_way:
        return find_runs(places), []
    begun = {run.folder for run in under_way}
    there = [place for place in places if place.exists() or place not in begun]
    return find_runs(there) if any_runs(there) else [], list(under_way)


def numbers(run: Unfinished) -> dict[str, Any]:
    """One that is under way, for programs: what runs, the share that is done, seconds since it was seen, its last
    evaluation."""
    about = {name: run.about[name] for name in ("scenario", "world", "point", "label", "seed", "purpose")}
    return {**about, "failed": run.failed, "share": run.share, "seen_ago": run.age, "last": dict(run.last)}


def _count(under_way: Sequence[Unfinished]) -> str:
    return "1 unfinished run is" if len(under_way) == 1 else f"{len(under_way)} unfinished runs are"


def tell(under_way: Sequence[Unfinished], format: str = "terminal", width: int | None = None) -> str:
    """A table of unfinished runs alone, in one of the formats `SHOWN`; nothing without any."""
    parts: list[Part] = [
        (scenario, [("unfinished, not counted", _present(list(runs)))], NOTE)
        for scenario, runs in groupby(under_way, key=lambda run: str(run.about["scenario"]))
    ]
    return WRITERS[format](parts, width) if parts else ""


def _present(runs: Sequence[Unfinished]) -> pd.DataFrame:
    """A row a run, every cell words; columns that say nothing are left out."""
    rows = [_row(run) for run in runs]
    names = dict.fromkeys(name for row in rows for name in row)
    both = len({run.about["world"] for run in runs}) > 1
    kept = [
        name
        for name in names
        if name in ("algorithm", "status") or any(row.get(name, NOTHING) != NOTHING for row in rows)
    ]
    kept = [name for name in kept if name != "world" or both]
    return pd.DataFrame([{name: row.get(name, NOTHING) for name in kept} for row in rows])


def _row(run: Unfinished) -> dict[str, str]:
    about = run.about
    last = partial(_known, run.last)
    return {
        "world": str(about["world"]),
        **{str(key): cell(value) for key, value in about["point"].items()},
        "algorithm": str(about["label"]) + (" (tuning)" if about["purpose"] == "tuning" else ""),
        "seed": str(about["seed"]),
        "time reached (s)": last("time"),
        "done": percent_done(run.share),
        "epoch": last("epoch"),
        **{heading: last(name) for name, heading in MEASURED.items()},
        "status": _status(run),
    }


def _known(last: dict[str, float], name: str) -> str:
    return cell(last.get(name), 4)


def _status(run: Unfinished) -> str:
    word = "failed" if run.failed else "unfinished"
    after = "; losses are known after it" if run.about["world"] == "real" and not run.failed else ""
    return f"{word}, seen {ago(run.age)} ago{after}"


def ago(seconds: float) -> str:
    """`4 s`, `3 min`, `2 h`, `5 days`."""
    steps: list[tuple[float, str, Any]] = [(120, "s", 1), (7200, "min", 60), (172800, "h", 3600)]
    for most, unit, size in steps:
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
