"""What speaks against the numbers: few seeds, runs that did not end well, a condition that is broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rfast_bench.analysis.cautions import ONE_SEED, misleading
from rfast_bench.analysis.cell_text import POINT
from rfast_bench.analysis.statistics import CONFIDENCE, surest
from rfast_bench.records.reading import Run
from rfast_bench.report.content.fault_words import listed
from rfast_bench.report.content.findings import Finding, point_words, points_of

_VERBS = {
    "invariant broken": ("broke its own invariant", "broke their own invariants"),
    "damaged": ("is damaged", "are damaged"),
    "diverged": ("diverged", "diverged"),
    "stalled": ("stalled", "stalled"),
    "void": ("is void", "are void"),
    "skipped": ("was skipped", "were skipped"),
}
_MEANS = {
    "invariant broken": "it did not do what it says it does, so its numbers do not count",
    "damaged": "its files are not those that the run wrote; the next `rfast-bench run` does it anew",
    "diverged": "the model blew up; whatever it touched on the way does not count",
    "stalled": "it came to a halt before the end; what it reached before counts",
    "void": "the run broke off, so its numbers do not count",
    "skipped": "it cannot run in this setting",
}


def cautions(rows: pd.DataFrame) -> list[Finding]:
    """Seeds first, then each way of ending badly, then unsound graphs."""
    found = [_about_seeds(int(rows["seeds"].min()), int(rows["seeds"].max())), *_conditional(rows)]
    for word in filter(rows.columns.__contains__, _MEANS):
        found += [Finding("caution", word, text) for text in _ended(rows, word)]
    unsound = rows[rows["status"].str.contains("no common root")]
    if len(unsound):
        labels = listed(dict.fromkeys(unsound["label"]))
        text = f"{labels} ran on graphs without a common root: the condition for converging is broken there."
        found.append(Finding("caution", "unsound", text))
    return [*found, *_at_edge(rows)]


def _conditional(rows: pd.DataFrame) -> list[Finding]:
    tuned = rows[(rows["tuned_by"] != "") & (rows["seeds"] > 1)]
    if tuned.empty:
        return []
    text = (
        "Intervals are conditional on the tuned choice: they show the spread over the reported seeds at the values "
        "that were chosen, and nothing of how else other tuning seeds might have chosen."
    )
    return [Finding("caution", "conditional", text)]


def about_settings(runs: Sequence[Run], rows: pd.DataFrame) -> list[Finding]:
    """Where a setting misleads; the seeds are told by `cautions`."""
    return [Finding("caution", about, text) for about, text in misleading(runs, rows) if about != "one seed"]


def about_links(runs: Sequence[Run]) -> list[Finding]:
    """Of links that are asked for more than they carry, once for each algorithm and point."""
    said = [(run, run.manifest["saturated"]) for run in runs if "saturated" in run.manifest]
    texts = {
        f"{run.label}{_at({POINT + key: value for key, value in run.point.items()})}: {words}."
        for run, words in said
    }
    return [Finding("caution", "link", text) for text in sorted(texts)]


def _at(point: dict[str, Any]) -> str:
    return f" at {point_words(point)}" if point else ""


def _at_edge(rows: pd.DataFrame) -> list[Finding]:
    edge = rows[rows["tuned_at_edge"] != ""]
    if edge.empty:
        return []
    labels = dict.fromkeys(f"{row['label']} ({row['tuned_at_edge']})" for _, row in edge.iterrows())
    text = f"{listed(labels)}: tuned at the edge of what was tried, so a better value may lie beyond."
    return [Finding("caution", "edge", f"{text} A lead over it proves nothing.")]


def _ended(rows: pd.DataFrame, word: str) -> list[str]:
    """Who ended so, where and why; those with the same story in one sentence."""
    stories: dict[tuple[str, str], list[str]] = {}
    for label, own in rows[rows[word] > 0].groupby("label", sort=False):
        stories.setdefault((_where(own, rows, word), _reason(own, word)), []).append(str(label))
    return [
        f"{listed(labels)} {_VERBS[word][len(labels) > 1]}{where}: {reason}."
        for (where, reason), labels in stories.items()
    ]


def _about_seeds(fewest: int, most: int) -> Finding:
    if most == 1:
        text = ONE_SEED
    elif fewest == 1:
        text = "One seed only for some: they have no interval."
    else:
        only, sure = ("Only ", surest(fewest)) if surest(fewest) < CONFIDENCE else ("", CONFIDENCE)
        text = (
            f"{only}{fewest} seeds: numbers are medians, in brackets the bootstrap interval, "
            f"which holds the true median with {sure:.0%}{' at most' if only else ''}. "
            "Speed-ups are paired, seed by seed."
        )
    return Finding("caution", "seeds", text)


def _where(own: pd.DataFrame, rows: pd.DataFrame, word: str) -> str:
    count, of = int(own[word].sum()), int(own["seeds"].sum())
    share = "" if count == of else f" in {count} of {of} runs"
    if points_of(rows) == 1 or len(own) == points_of(rows):
        return share
    return f"{share} at {listed(point_words(row) for row in own.to_dict('records'))}"


def _reason(own: pd.DataFrame, word: str) -> str:
    """The reason that the records give, else what the word means."""
    said = [part for status in own["status"] for part in str(status).split("; ") if part.startswith(word)]
    reasons = [reason for reason in dict.fromkeys(part.partition(": ")[2] for part in said) if reason]
    return "; ".join([*reasons, _MEANS[word]] if word == "diverged" or not reasons else reasons)
