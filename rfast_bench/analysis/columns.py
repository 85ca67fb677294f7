"""The columns of a table that were asked for, by their names in `table.csv` or their headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rfast_bench.analysis.cell_text import PARAMETER, POINT, cell, heading, present
from rfast_bench.errors import UserError, nearest

HEADINGS: Mapping[str, str] = {
    "label": "algorithm",
    "step_size": "γ",
    "effective_step": "γ_eff",
    "tuned": "also tuned",
    "time_per_epoch": "time per epoch (s)",
    "speedup_epoch": "epoch speed-up",
    "idle_percent": "idle (%)",
    "wasted_percent": "wasted (%)",
    "bytes_sent": "sent",
}
"""How tables head the columns of a summary; the others are headed as `heading` says, or by their own names."""


ENDS = ("_low", "_high", "_min", "_max", "_above", "_below", "_reached")
"""Of the columns that say more of a number than its median."""


def column_list(text: str) -> list[str]:
    """`a, b` as names. Raises UserError for a name that is there twice."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"columns: '{twice}' is there twice")
    return names


def numbers_of(frame: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """These columns of a summary, in this order. Raises UserError."""
    headed = {shown: name for name in map(str, frame) for shown in [_heading(name)]}
    return frame[[_known(name, headed, list(map(str, frame))) for name in wanted]]


def cells_of(frame: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """These columns as a person reads them, in this order. Raises UserError.

    A column that tables show is shown as there (a median with its interval); any other as the number it is.
    """
    shown = present(frame)
    names = list(map(str, frame))
    headed = {_heading(name): name for name in names}
    found = {}
    for name in wanted:
        column = _known(name, {**headed, **{str(one): str(one) for one in shown}}, names)
        title = _heading(column) if _heading(column) in shown else column
        if title in shown:
            found[title] = shown[title]
        else:
            found[column.removeprefix(POINT).removeprefix(PARAMETER)] = frame[column].map(cell)
    return pd.DataFrame(found)


def _heading(column: str) -> str:
    return HEADINGS.get(column) or heading(column.removeprefix(POINT))


def _known(name: str, headed: Mapping[str, str], names: Sequence[str]) -> str:
    for column in (name, POINT + name, PARAMETER + name):
        if column in names:
            return column
    if name in headed:
        return headed[name]
    plain = [one for one in names if not one.endswith(ENDS)]
    meant = nearest(name, [*names, *headed]) or "."
    raise UserError(
        f"columns: found '{name}'{meant} Allowed: {', '.join(plain)}, and of numbers over seeds those with "
        f"{', '.join(ENDS)}"
    )
