"""The verdict in a word and a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rfast_bench.report.content.at_a_glance import glance


def row(label: str, time: float, speedup: Any = None, **others: Any) -> dict[str, Any]:
    """A method's time to gap 0.1, and its speed-up with both ends of the interval."""
    middle, low, high = speedup or (np.nan, np.nan, np.nan)
    return {
        **{"label": label, "baseline": "ring", "seeds": 3, "skipped": 0, "void": 0, "tuned_at_edge": ""},
        **{"time_to_gap_0.1": time, "time_to_gap_0.1_reached": 3 if np.isfinite(time) else 0},
        **{"speedup_gap_0.1": middle, "speedup_gap_0.1_low": low, "speedup_gap_0.1_high": high},
        **others,
    }


def test_each_method_has_a_word_and_a_number() -> None:
    found = glance(
        pd.DataFrame(
            [
                row("ring", 20, (1, 1, 1)),
                row("fast", 10, (2, 1.5, 2.5)),
                row("slow", 40, (0.5, 0.4, 0.6)),
                row("same", 18, (1.1, 0.9, 1.3)),
                row("never", np.nan, (np.nan, 0, 0.3)),
                row("no graph", np.nan, skipped=3),
                row("too busy", np.nan, void=3),
            ]
        )
    )
    assert found is not None
    assert found.headings == ["gap ≤ 0.1"]
    assert found.caption.startswith("At a glance against ring, by the interval of the speed-up")
    assert {label: cells[0] for label, cells in found.rows} == {
        "ring": ("", "20 s"),
        "fast": ("faster", "faster 2×"),
        "slow": ("slower", "slower 0.5×"),
        "same": ("level", "level 1.1×"),
        "never": ("missed", "missed"),
        "no graph": ("", "–"),
        "too busy": ("", "–"),
    }


def test_over_points_words_are_counted() -> None:
    points = [("fast", 10, (2, 1.5, 2.5)), ("fast", 12, (1.6, 1.2, 2)), ("mixed", 30, (0.6, 0.5, 0.9))]
    rows = [{**row(*one), "point.loss": k % 2} for k, one in enumerate(points)]
    rows.append({**row("mixed", np.nan, (np.nan, 0, 0.2)), "point.loss": 1})
    rows += [{**row("ring", 20, (1, 1, 1)), "point.loss": loss} for loss in (0, 1)]
    found = glance(pd.DataFrame(rows))
    assert found is not None
    assert "over 2 points" in found.caption
    told = {label: cells[0] for label, cells in found.rows}
    assert told["fast"] == ("faster", "faster at 2: 1.6 to 2×")
    assert told["mixed"] == ("", "slower at 1, missed at 1: 0.6×")
    assert told["ring"] == ("", "20 s")


def test_without_a_baseline_there_are_times_alone_and_without_targets_nothing() -> None:
    alone = pd.DataFrame([row("fast", 10, baseline=None)]).drop(
        columns=["speedup_gap_0.1", "speedup_gap_0.1_low", "speedup_gap_0.1_high"]
    )
    found = glance(alone)
    assert found is not None
    assert found.rows == [("fast", [("", "10 s")])]
    assert glance(alone.drop(columns=["time_to_gap_0.1", "time_to_gap_0.1_reached"])) is None


def test_one_seed_has_no_interval() -> None:
    found = glance(
        pd.DataFrame(
            [row("ring", 20, (1, np.nan, np.nan), seeds=1), row("fast", 10, (2, np.nan, np.nan), seeds=1)]
        )
    )
    assert found is not None
    assert found.caption == "At a glance against ring. missed: not reached"
    assert found.rows[1] == ("fast", [("faster", "faster 2×")])
