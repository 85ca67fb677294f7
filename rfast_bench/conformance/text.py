"""Findings for people and for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from rfast_bench.conformance.notes import Finding


def as_text(findings: Sequence[Finding], title: str) -> str:
    """A paragraph for each finding, what is wrong before what is only to be known, and a last line that sums up."""
    wrong = [one for one in findings if not one.caution]
    aside = [one for one in findings if one.caution]
    parts = [_paragraph(one, "") for one in wrong] + [_paragraph(one, "caution: ") for one in aside]
    parts.append(f"{title}: {_count(len(wrong), len(aside))}")
    return "\n\n".join(parts)


def _paragraph(one: Finding, before: str) -> str:
    where = "" if one.line is None else f"{_near(one.line.file)}:{one.line.number}: "
    return (
        f"{where}{before}{one.seen}.\n"
        f"  Rule `{one.rule.name}`: {one.rule.says}\n"
        f"  Mend: {one.rule.mend} ({one.rule.page})"
    )


def _near(file: str) -> str:
    """The path from the current folder, where the file lies below it."""
    here = Path.cwd()
    return os.path.relpath(file, here) if Path(file).is_relative_to(here) else file


def _count(wrong: int, aside: int) -> str:
    more = "" if not aside else f", {aside} caution{'s'[: aside != 1]}"
    return ("keeps every rule that was tried" if not wrong else f"{wrong} wrong") + more


def as_data(findings: Sequence[Finding]) -> str:
    """A list of findings as JSON."""
    return json.dumps([one.plain for one in findings], indent=2)
