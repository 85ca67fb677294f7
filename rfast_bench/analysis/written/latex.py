"""A summary's readable cells as LaTeX tables, to be put into a paper as they are. They need `booktabs`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import pandas as pd

from rfast_bench.analysis.written.tex import as_tex

Part = tuple[str, list[tuple[str, pd.DataFrame]], str]
"""A scenario's name, its titled tables, and its footnote."""
WORDS = ("algorithm", "topology", "status", "scenario", "world", "also tuned")
"""Columns of words, set from the left; numbers from the right."""
_HEADINGS = {"γ_eff": r"$\gamma_{\mathrm{eff}}$"}


def latex(parts: Sequence[Part], width: int | None = None) -> str:
    """Every table with its caption and a label `tab:<scenario>-<title>`, no two the same."""
    tables = []
    taken: dict[str, int] = {}
    for scenario, titled, note in parts:
        for title, frame in titled:
            name = reference(f"{scenario} {title}")
            taken[name] = taken.get(name, 0) + 1
            name += f"-{taken[name]}" if taken[name] > 1 else ""
            said = f"{scenario}: {title[:1].lower()}{title[1:]}. {note}" if title else f"{scenario}. {note}"
            tables.append(_table(frame, as_tex(said), f"tab:{name}"))
    return "% needs \\usepackage{booktabs}\n" + "\n".join(tables)


def reference(text: str) -> str:
    """A name for `\\ref`, of plain letters, digits and dashes.

    >>> reference("R-FAST: How fast?")
    'r-fast-how-fast'
    """
    letters = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-") or "table"


def _table(frame: pd.DataFrame, caption: str, label: str) -> str:
    names = [str(name) for name in frame]
    rows = [[_cell(str(text)) for text in row] for row in frame.itertuples(index=False, name=None)]
    lines = [
        "\\begin{table}[htbp]",
        "\\centering",
        f"\\caption{{{caption}}}",
        f"\\label{{{label}}}",
        f"\\begin{{tabular}}{{{''.join('l' if name in WORDS else 'r' for name in names)}}}",
        "\\toprule",
        _row([_HEADINGS.get(name, _cell(name)) for name in names]),
        "\\midrule",
        *map(_row, rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _cell(text: str) -> str:
    """A bracket or a star at the start of a row would belong to the line break before it."""
    safe = as_tex(text)
    return f"{{{safe[0]}}}{safe[1:]}" if safe[:1] in ("[", "*") else safe
