"""Who held which samples, as a table whose cells are shaded by how many of a class they count."""

from __future__ import annotations

from dataclasses import dataclass

from rfast_bench.analysis.shards import MOST_COLUMNS, Shards, all_row, headings, row, summary

MOST_WORKERS = 64
"""Rows of a table; of more workers the first."""


@dataclass(frozen=True)
class Holdings:
    """One way in which samples were dealt."""

    title: str
    lines: list[str]
    headings: list[str]
    rows: list[list[tuple[str, int]]]
    """Cells, each with its shade: 0 for none to 100 for the most samples of one class that a worker holds."""


def holdings(shards: Shards) -> Holdings:
    """The table of these shards."""
    shown = min(shards.workers, MOST_WORKERS)
    rows = [_shaded(shards, worker) for worker in range(shown)]
    lines = [*summary(shards), *([f"the first {shown} workers are shown"] if shown < shards.workers else [])]
    rows.append([(cell, 0) for cell in all_row(shards)])
    return Holdings(f"{shards.title}, seed {shards.seed}", lines, headings(shards), rows)


def _shaded(shards: Shards, worker: int) -> list[tuple[str, int]]:
    cells = row(shards, worker)
    if shards.counts is None or len(shards.classes) > MOST_COLUMNS:
        return [(cell, 0) for cell in cells]
    before, most = len(cells) - len(shards.classes), int(shards.counts.max())
    shades = [0] * before + [round(100 * int(count) / most) for count in shards.counts[worker]]
    return list(zip(cells, shades, strict=True))
