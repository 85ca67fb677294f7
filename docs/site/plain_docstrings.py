"""Docstrings are plain text with words in single backticks: marks that mean more to Sphinx are left as they are."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

MARK = re.compile(r"(?<!\*)\*(?!\w[\w ]*\*)(?<!\w\*)|\||(?<=\w)_(?!\w)")
"""A star that begins or ends no word, a bar, an underscore at the end of a word."""


def _plain(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    for k, line in enumerate(lines):
        parts = line.split("`")
        lines[k] = "`".join(
            part if number % 2 else MARK.sub(r"\\\g<0>", part) for number, part in enumerate(parts)
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _plain)
    return {"parallel_read_safe": True}
