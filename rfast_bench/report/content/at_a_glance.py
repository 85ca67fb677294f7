"""The verdict for a reader in a hurry: for each method and target a word and a number against the baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rfast_bench.analysis.cell_text import cell, label, pace, target_names, target_words
from rfast_bench.analysis.outcomes import absent
from rfast_bench.report.content.findings import Row, baseline_of, points_of

WORDS = ("faster", "level", "slower", "missed")


@dataclass(frozen=True)
class Glance:
    """A small table, a row a label, a column a target; each cell one of `WORDS`, or none, and its text."""

    caption: str
    headings: list[str]
    rows: list[tuple[str, list[tuple[str, str]]]]


def glance(rows: pd.DataFrame) -> Glance | None:
    """Of a summary of one scenario and world; None where no target was set."""
    names = target_names(rows)
    if not names:
        return None
    base, many = baseline_of(rows), points_of(rows)
    told = [
        (label(dict(own.iloc[0])), [_cell(own, name, base, many > 1) for name in names])
        for _, own in rows.groupby("label", sort=False)
    ]
    several = bool((rows["seeds"] > 1).any())
    against = f" against {base}{', by the interval of the speed-up' * several}" if base else ""
    points = f" over {many} points" if many > 1 else ""
    words = "level: the interval contains 1" if base and several else ""
    missed = f"missed: not reached{' by the median seed' * several}"
    caption = f"At a glance{against}{points}. {f'{words}; ' if words else ''}{missed}"
    return Glance(caption, [target_words(name) for name in names], told)


def _cell(own: pd.DataFrame, name: str, base: str | None, many: bool) -> tuple[str, str]:
    nothing = absent(own) + own["void"] >= own["seeds"]
    taking_part = own[own[f"time_to_{name}_reached"].notna() & ~nothing]
    if taking_part.empty:
        return "", "–"
    words = [_word(row, name, base) for _, row in taking_part.iterrows()]
    return _over_points(taking_part, words, name) if many else _alone(taking_part.iloc[0], words[0], name)


def _word(row: Row, name: str, base: str | None) -> str:
    """One of `WORDS`; empty for the baseline, and where nothing can be compared."""
    if not np.isfinite(row.get(f"time_to_{name}", np.nan)):
        return "missed"
    low, high = (row.get(f"speedup_{name}{end}", np.nan) for end in ("_low", "_high"))
    low, high = (row.get(f"speedup_{name}", np.nan) if np.isnan(end) else end for end in (low, high))
    if row["label"] == base or np.isnan(low) or (low <= 0 and np.isinf(high)):
        return ""
    return pace(low, high)


def _alone(row: Row, word: str, name: str) -> tuple[str, str]:
    speedup, time = (row.get(f"{kind}_{name}", np.nan) for kind in ("speedup", "time_to"))
    if word == "missed":
        return word, "missed"
    number = f"{cell(speedup, 2)}×" if word and np.isfinite(speedup) else f"{cell(time)} s"
    return word, f"{word} {number}".strip()


def _over_points(own: pd.DataFrame, words: list[str], name: str) -> tuple[str, str]:
    """`faster at 3, missed at 9` with the range of what is known; the word that all share, if they do."""
    counts = {word: words.count(word) for word in WORDS if word in words}
    alone = next(iter(counts)) if len(counts) == 1 and len(set(words)) == 1 else ""
    kind = "speedup" if counts.keys() - {"missed"} else "time_to"
    known = own.get(f"{kind}_{name}", pd.Series(dtype=float))
    known = known[np.isfinite(known)]
    unit = "×" if kind == "speedup" else " s"
    ends = list(dict.fromkeys(cell(end, 2 if kind == "speedup" else 3) for end in (known.min(), known.max())))
    shares = ", ".join(f"{word} at {count}" for word, count in counts.items())
    numbers = f"{' to '.join(ends)}{unit}" if len(known) else ""
    return alone, ": ".join(filter(None, (shares, numbers)))
