"""How much sooner the first to a target is than the second: the summary's numbers with a paired lead beside them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rfast_bench.analysis.cell_text import POINT, target_names
from rfast_bench.analysis.tables import summarise
from rfast_bench.records.reading import Run, varying
from rfast_bench.report.content.findings import ranked


def judged(runs: Sequence[Run], baseline: str | None = None) -> pd.DataFrame:
    """The summary of runs of one scenario and world, with the columns `lead_<target>`, `..._low`, `..._high`.

    They stand in the row of who is first at a point: the second's time over its own, seed by seed, with its interval.
    """
    rows = summarise(runs, baseline)
    keys = varying(runs)
    for part in points(rows):
        here = [run for run in runs if _is_at(run, part.iloc[0], keys)]
        for name in target_names(rows):
            _add(rows, ranked(part, name), name, here)
    return rows


def points(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each sweep point; all of them where nothing varies."""
    keys = [str(name) for name in rows if str(name).startswith(POINT)]
    return [part for _, part in rows.groupby(keys, sort=False, dropna=False)] if keys else [rows]


def _is_at(run: Run, row: pd.Series, keys: Sequence[str]) -> bool:
    return all(run.point.get(key) == row[POINT + key] for key in keys)


def _add(rows: pd.DataFrame, order: pd.DataFrame, name: str, runs: Sequence[Run]) -> None:
    if len(order) < 2 or order.iloc[0]["seeds"] < 2:
        return
    first, second = order["label"].iloc[:2]
    both = summarise([run for run in runs if run.label in (first, second)], str(second))
    own = both[both["label"] == first].iloc[0]
    for end in ("", "_low", "_high"):
        rows.loc[order.index[0], f"lead_{name}{end}"] = own[f"speedup_{name}{end}"]
