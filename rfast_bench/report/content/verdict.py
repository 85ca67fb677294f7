"""The verdict on one sweep point in sentences, from the numbers of a summary. Pure functions.

Who reached a target first, whether that is more than the spread over seeds, what it is against the baseline; who
reached it with some seeds only, who never. `overview.py` says it over many points, `cautions.py`
what speaks against it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rfast_bench.analysis.cell_text import cell, larger_is_better, target_names, target_words
from rfast_bench.analysis.outcomes import absent
from rfast_bench.report.content.fault_words import listed
from rfast_bench.report.content.findings import (
    Finding,
    Row,
    baseline_of,
    contested,
    level,
    ranked,
    with_interval,
)


def at_point(rows: pd.DataFrame) -> list[Finding]:
    """Of the rows of one scenario, world and sweep point: each target, or the final values when there is none."""
    names = [name for name in target_names(rows) if rows[f"time_to_{name}_reached"].notna().any()]
    return [finding for name in names for finding in of_target(rows, name)] if names else of_finals(rows)


# ------------------------------------------------------------------------------------------------ a target
def of_target(rows: pd.DataFrame, name: str) -> list[Finding]:
    rows = rows[rows[f"time_to_{name}_reached"].notna()]  # others have other targets
    order = ranked(rows, name)
    about = target_words(name)
    found = [Finding("result", about, _first(order, name, len(rows) > 1))] if len(order) else []
    found += [Finding("result", about, text) for text in _against(rows, order, name)]
    found += [Finding("miss", about, text) for text in _missing(rows, name, len(order) == 0)]
    return found


def _first(order: pd.DataFrame, name: str, rivals: bool) -> str:
    first = order.iloc[0]
    column = f"time_to_{name}"
    after = f"after {with_interval(first, column, ' s')}"
    if not rivals:
        return f"{first['label']} reached it {after}."
    together = level(order, name)
    if len(together) > 1:
        others = order.iloc[len(together) :]
        text = _together(order.iloc[: len(together)], column)
        if len(others):
            text += (
                f"; next is {others.iloc[0]['label']}, after {with_interval(others.iloc[0], column, ' s')}"
            )
        return f"{text}."
    text = f"{first['label']} is the first, {after}"
    if len(order) == 1:
        return f"{text}; no other reached it{' with every seed' if first['seeds'] > 1 else ''}."
    second = order.iloc[1]
    text += f"; next is {second['label']}, after {with_interval(second, column, ' s')}."
    if contested(order, name):
        lead = with_interval(first, f"lead_{name}", "×", 2)
        text += f" Seed by seed its lead is {lead}: take the order of these two as open."
    return text


def _together(tied: pd.DataFrame, column: str) -> str:
    """`one and other are together, after 0.4 s`; each with its interval where these differ."""
    times = list(dict.fromkeys(with_interval(row, column, " s") for _, row in tied.iterrows()))
    if len(times) > 1:
        times = [f"{with_interval(row, column, ' s')} ({row['label']})" for _, row in tied.iterrows()]
    return f"{listed(tied['label'])} are together the first, after {listed(times)}"


def _against(rows: pd.DataFrame, order: pd.DataFrame, name: str) -> list[str]:
    """Speed-ups over the baseline: faster ones, slower ones, ones that are neither."""
    base = baseline_of(rows)
    column = f"speedup_{name}"
    if base is None or column not in rows:
        return []
    its = rows[rows["label"] == base].iloc[0]
    reached = its[f"time_to_{name}_reached"]
    if reached != its["seeds"]:
        how = (
            f"reached it with {reached:.0f} of {its['seeds']} seeds only"
            if reached > 0
            else "did not reach it"
        )
        return [f"The baseline {base} {how}, so no speed-up is given."] if len(order) else []
    others = order[(order["label"] != base) & np.isfinite(order[column])]
    low, high = (others[column + end].fillna(others[column]) for end in ("_low", "_high"))
    faster, slower = others[low > 1], others[high < 1]
    even = others.drop([*faster.index, *slower.index])
    groups = ((faster, "faster than"), (slower, "slower than"), (even, "not clearly faster or slower than"))
    return [_compared(group, words, base, its, name) for group, words in groups if len(group)]


def _compared(group: pd.DataFrame, words: str, base: str, its: Row, name: str) -> str:
    """The speed-ups of those that are faster, slower or neither, with what the first of them means."""
    each = listed(
        f"{row['label']} {with_interval(row, f'speedup_{name}', '×', 2)}" for _, row in group.iterrows()
    )
    text = f"{_upper(words)} the baseline {base}{', seed by seed' if its['seeds'] > 1 else ''}: {each}."
    share = 1 / group.iloc[0][f"speedup_{name}"]
    mean = f" {group.iloc[0]['label']} needs {cell(100 * share, 2)} % of the time that {base} needs"
    return f"{text}{mean} ({cell(its[f'time_to_{name}'])} s)." if words == "faster than" else text


def _missing(rows: pd.DataFrame, name: str, nobody: bool) -> list[str]:
    reached, took_part = rows[f"time_to_{name}_reached"], rows["seeds"] - absent(rows)
    some = rows[(reached > 0) & (reached < rows["seeds"])]
    never = rows[(reached == 0) & (took_part > 0)]
    said = [
        f"{row['label']} reached it with {row[f'time_to_{name}_reached']:.0f} of {row['seeds']} seeds only "
        f"({_reached(row, name)} s where it did); it is not ranked."
        for _, row in some.iterrows()
    ]
    if nobody and len(some) == 0:
        return [f"Nobody reached it{_best_gap(never, name)}."]
    return said + (
        [f"Not reached by {listed(_ended(row, name) for _, row in never.iterrows())}."] if len(never) else []
    )


def _reached(row: Row, name: str) -> str:
    low, high = (cell(row[f"time_to_{name}{end}"]) for end in ("_min", "_max"))
    return low if low == high else f"{low} to {high}"


def _ended(row: Row, name: str) -> str:
    """`osgp (> 60 s, ended at 0.05)`: stopped after so long; `osgp (diverged)`."""
    metric = name.rpartition("_")[0]
    final, above = row.get(f"final_{metric}", np.nan), row.get(f"time_to_{name}_above", np.nan)
    for word in ("invariant broken", "diverged", "void"):
        if row.get(word) == row["seeds"]:
            return f"{row['label']} ({word})"
    said = (
        [f"> {cell(above)} s"]
        if np.isfinite(above)
        else ["stalled"]
        if row["stalled"] == row["seeds"]
        else []
    )
    said += [f"ended at {cell(final)}"] if np.isfinite(final) else []
    return f"{row['label']}" + (f" ({', '.join(said)})" if said else "")


def _best_gap(rows: pd.DataFrame, name: str) -> str:
    metric = name.rpartition("_")[0]
    if f"final_{metric}" not in rows:
        return ""
    known = rows[rows[f"final_{metric}"].notna()].sort_values(f"final_{metric}", kind="stable")
    if known.empty:
        return ""
    best = known.iloc[-1 if larger_is_better(metric) else 0]
    return f"; the closest is {best['label']}, which ended at {cell(best[f'final_{metric}'])}"


# ------------------------------------------------------------------------------------------- without target
def of_finals(rows: pd.DataFrame) -> list[Finding]:
    """Where each ended, when the scenario names no target."""
    metric = "gap" if rows["final_gap"].notna().any() else "loss"
    column = f"final_{metric}"
    order = rows[rows[column].notna()].sort_values(column, kind="stable")
    if order.empty:
        return [Finding("miss", f"final {metric}", "No run ended well: there is nothing to rank.")]
    first = order.iloc[0]
    text = f"{first['label']} ends {'lowest, ' if len(order) > 1 else ''}at {with_interval(first, column)}"
    others = [f"{row['label']} {with_interval(row, column)}" for _, row in order.iloc[1:].iterrows()]
    text += f"; the others: {listed(others)}." if others else "."
    if others and first[f"{column}_high"] >= order.iloc[1][f"{column}_low"]:
        text += f" Its interval and that of {order.iloc[1]['label']} overlap."
    return [
        Finding("result", f"final {metric}", text + " No target was set, so there are no times to compare.")
    ]


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
