"""What make runs, read from the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

MAKEFILE = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """What make runs for a target, with its variables put in."""
    values = dict(re.findall(r"^(\w+) \??:?= ?(.+)$", MAKEFILE, re.MULTILINE))
    text = re.split(rf"^{re.escape(target)}:.*$", MAKEFILE, maxsplit=1, flags=re.MULTILINE)[1].split("\n\n")[
        0
    ]
    while re.search(r"\$\(\w+\)", text):
        text = re.sub(r"\$\((\w+)\)", lambda found: str(values[found[1]]), text)
    return [line.strip() for line in text.strip().splitlines()]
