"""What speaks against the numbers: few seeds, runs that did not end well, a condition that is broken."""

from __future__ import annotations

import pandas as pd

from rfast_bench.report.findings import Finding, point_words, points_of
from rfast_bench.report.scene import listed

FEW = 5
"""Below so many seeds a range says little."""
_VERBS = {
    "diverged": "diverged",
    "stalled": "stalled",
    "void": "is void",
    "skipped": "was skipped",
}
_MEANS = {
    "diverged": "the model blew up; whatever it touched on the way does not count",
    "stalled": "it came to a halt before the end; what it reached before counts",
    "void": "the run broke off, so its numbers do not count",
    "skipped": "it cannot run in this setting",
}


def cautions(rows: pd.DataFrame) -> list[Finding]:
    """Seeds first, then each way of ending badly, then unsound graphs."""
    found = [_about_seeds(int(rows["seeds"].min()), int(rows["seeds"].max()))]
    for word, means in _MEANS.items():
        ended = rows[rows[word] > 0]
        for label, own in ended.groupby("label", sort=False):
            found.append(
                Finding(
                    "caution",
                    word,
                    f"{label} {_VERBS[word]}{_where(own, rows, word)}: {_reason(own, word, means)}.",
                )
            )
    unsound = rows[rows["status"].str.contains("no common root")]
    for label in dict.fromkeys(unsound["label"]):
        text = f"{label} ran on graphs without a common root: its condition for converging is broken."
        found.append(Finding("caution", "unsound", text))
    return [finding for finding in found if finding.text]


def _about_seeds(fewest: int, most: int) -> Finding:
    if most == 1:
        text = (
            "One seed only: the spread between repetitions is not known, and small differences mean nothing."
        )
    elif fewest < FEW:
        text = (
            f"Only {fewest} seeds: times are medians, in brackets the smallest and the largest over the seeds. "
            "These are not confidence intervals."
        )
    else:
        text = f"Times are medians of {fewest} seeds, in brackets the smallest and the largest."
    return Finding("caution", "seeds", text)


def _where(own: pd.DataFrame, rows: pd.DataFrame, word: str) -> str:
    count, of = int(own[word].sum()), int(own["seeds"].sum())
    share = "" if count == of else f" in {count} of {of} runs"
    if points_of(rows) == 1 or len(own) == points_of(rows):
        return share
    return f"{share} at {listed(point_words(row) for row in own.to_dict('records'))}"


def _reason(own: pd.DataFrame, word: str, means: str) -> str:
    """The reason that the records give, else what the word means."""
    said = [part for status in own["status"] for part in str(status).split("; ") if part.startswith(word)]
    reasons = dict.fromkeys(part.partition(": ")[2] for part in said)
    return "; ".join(reason for reason in reasons if reason) or means
