"""The text formats that hold a summary's readable cells: a terminal, Markdown, LaTeX, HTML."""

from __future__ import annotations

import html
import io
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rfast_bench.analysis.cell_text import EDGE, NOTHING
from rfast_bench.analysis.written.latex import WORDS, latex
from rfast_bench.analysis.written.latex import Part as Part


def terminal_columns(width: int | None) -> int:
    """The width asked for, or the terminal's own, or 110 in a file."""
    return width or (Console().width if sys.stdout.isatty() else 110)


def _terminal(parts: Sequence[Part], width: int | None) -> str:
    colour = sys.stdout.isatty()
    out = io.StringIO()
    columns = terminal_columns(width)
    console = Console(file=out, width=columns, force_terminal=colour, highlight=False)
    for scenario, tables, note in parts:
        for title, frame in tables:
            named = f"{scenario}: {title.lower()}" if title else scenario
            console.print(_rich_table(named, frame, columns))
        console.print(Text(note, style="dim"), soft_wrap=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _rich_table(title: str, frame: pd.DataFrame, width: int) -> Table:
    table = Table(
        title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    frame = _labels_in_lines(frame, width)
    widths = _widths(frame, width)
    for name in map(str, frame):
        justify: Literal["left", "right"] = "left" if name in WORDS else "right"
        heading = Text(_folded(name, frame[name]))
        whole = name == "algorithm" and not widths  # other words are broken before a label is
        table.add_column(heading, justify=justify, overflow="fold", width=widths.get(name), no_wrap=whole)
    rows = list(frame.itertuples(index=False, name=None))
    lead = list(frame).index("algorithm") if "algorithm" in frame else 0
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        last_of_point = after is None or row[:lead] != after[:lead]
        table.add_row(*(Text(text, style=_style(text)) for text in row), end_section=last_of_point)
    return table


def _folded(heading: str, cells: pd.Series[str]) -> str:
    """The heading over as many lines as make it no wider than its cells, words and the names in a key kept whole."""
    apart = re.sub(r"(?<=[a-z_]\.)(?=[a-z])", f"{_JOINT} ", heading)
    folded = textwrap.fill(apart, max(_longest_word(apart), *map(len, cells), 8))
    return folded.replace(f"{_JOINT} ", "").replace(_JOINT, "")


_JOINT = "\u2060"
"""Where a heading may be folded without a space."""
_STATUS_ROOM = 24
_LABEL_ROOM = 40
"""Letters of a label on one line, where there is room."""


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def fits(frame: pd.DataFrame, width: int) -> bool:
    """Whether nothing but the status needs to wrap."""
    wanted = _whole(_labels_in_lines(frame, width))
    return sum({**wanted, **_short_status(wanted)}.values()) <= _room(frame, width)


def holds(frame: pd.DataFrame, width: int) -> bool:
    """Whether no word needs to be broken."""
    return sum(_words(_labels_in_lines(frame, width)).values()) <= _room(frame, width)


def _short_status(wanted: Mapping[str, int]) -> dict[str, int]:
    return {name: min(wide, _STATUS_ROOM) for name, wide in wanted.items() if name == "status"}


def _room(frame: pd.DataFrame, width: int) -> int:
    """Without what stands between the columns."""
    return width - 2 * len(frame.columns) - 1


def _whole(frame: pd.DataFrame) -> dict[str, int]:
    """How wide each column is when none of its cells is folded."""
    lines = {str(name): [_folded(str(name), frame[name]), *frame[name]] for name in frame}
    return {name: max(map(len, "\n".join(texts).split("\n"))) for name, texts in lines.items()}


def _words(frame: pd.DataFrame) -> dict[str, int]:
    """How wide each column is when it is folded at its spaces; a label's lines stay as they are."""
    widths = {str(name): max(map(_longest_word, frame[name]), default=0) for name in frame}
    widths |= {
        name: max(map(_longest_line, frame[name]), default=0) for name in widths if name == "algorithm"
    }
    return {name: max(wide, _longest_line(_folded(name, frame[name]))) for name, wide in widths.items()}


def _longest_line(text: str) -> int:
    return max(map(len, text.split("\n")))


def _labels_in_lines(frame: pd.DataFrame, width: int) -> pd.DataFrame:
    """The same with labels that would leave no room to the numbers on several lines."""
    if "algorithm" not in frame:
        return frame
    room = min(_LABEL_ROOM, max(_LABEL_ROOM // 2, width // 3))
    return frame.assign(algorithm=[textwrap.fill(label, room) or label for label in frame["algorithm"]])


def _widths(frame: pd.DataFrame, width: int) -> dict[str, int]:
    """Of each column where the terminal is too narrow for all; no word is broken while there is room for the words.

    What does not fit is folded at its spaces: as few columns as can be, then the status. Empty where all is well, and
    where the words alone are too wide: then they are broken.
    """
    wanted, widths, room = _whole(frame), _words(frame), _room(frame, width)
    if sum(wanted.values()) <= room or sum(widths.values()) > room:
        return {}
    if sum({**widths, **_short_status(wanted)}.values()) <= room:
        widths |= _short_status(wanted)
    for name in sorted(wanted, key=lambda name: (name == "status", wanted[name] - widths[name])):
        lacking, spare = wanted[name] - widths[name], room - sum(widths.values())
        widths[name] += lacking if lacking <= spare else spare if name == "status" else 0
    return widths


def _style(text: str) -> str:
    if any(word in text for word in ("diverged", "broken", "void", "no common root")):
        return "red"
    if any(word in text for word in ("reach", "stalled", "edge", "caution")) or text.endswith(EDGE):
        return "yellow"
    return "dim" if text.startswith(("skipped", NOTHING)) else ""


def _markdown(parts: Sequence[Part], width: int | None) -> str:
    blocks = []
    for scenario, tables, note in parts:
        blocks.append(f"## {scenario}")
        for title, frame in tables:
            safe = frame.rename(columns=_cell).map(_cell)
            blocks += [f"**{title}**"] if title else []
            blocks.append(safe.to_markdown(index=False, disable_numparse=True))
        blocks.append(note)
    return "\n\n".join(blocks) + "\n"


def _cell(text: str) -> str:
    """Text whose every sign stands for itself in a cell of a Markdown table.

    >>> _cell("a|b *c* <i>d"), _cell("< 0.7×")
    ('a\\\\|b \\\\*c\\\\* \\\\<i>d', '< 0.7×')
    """
    return re.sub(r"[|*`]|<(?=[A-Za-z/!?])", r"\\\g<0>", text).replace("\n", " ")


_CSS = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; margin: 0.5em 0 1.5em; }
th, td { padding: 0.3em 0.8em; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap; }
thead th { border-bottom: 2px solid #444; }
tbody tr:hover { background: #f4f6f8; }
.note { color: #666; }
"""


def _html(parts: Sequence[Part], width: int | None) -> str:
    blocks = []
    for scenario, tables, note in parts:
        blocks.append(f"<h1>{html.escape(scenario)}</h1>")
        blocks += [(f"<h2>{title}</h2>\n" if title else "") + _html_table(frame) for title, frame in tables]
        blocks.append(f'<p class="note">{html.escape(note)}</p>')
    names = html.escape(", ".join(scenario for scenario, _, _ in parts))
    head = f'<head><meta charset="utf-8"><title>{names}</title><style>{_CSS}</style></head>'
    body = "\n".join(blocks)
    return f'<!doctype html>\n<html lang="en">\n{head}\n<body>\n{body}\n</body>\n</html>\n'


def _html_table(frame: pd.DataFrame) -> str:
    with pd.option_context("display.max_colwidth", None):
        return frame.to_html(index=False, escape=True, border=0)


WRITERS: Mapping[str, Callable[[Sequence[Part], int | None], str]] = {
    "terminal": _terminal,
    "md": _markdown,
    "latex": latex,
    "html": _html,
}
