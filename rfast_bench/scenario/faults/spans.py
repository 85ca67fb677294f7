"""Spans of absence from a file: who died, was paused, or could not be reached over a link, from when to when."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rfast_bench.errors import suggest
from rfast_bench.files import read_text
from rfast_bench.scenario.faults.kinds import Crash, LinkDown, Pause, State, Stop
from rfast_bench.scenario.values.base import DataPath, Spec
from rfast_bench.scenario.values.bounds import LARGEST_FILE
from rfast_bench.scenario.values.units import Seconds, apart, seconds
from rfast_bench.scenario.values.wording import said

COLUMNS = ("worker", "down", "up")
MORE = ("kind", "to")
KINDS = ("crash", "pause", "link")


class FaultTrace(Spec):
    """A CSV file of absences, a line each: `worker`, `down`, `up` (empty: for good); times in seconds or with a unit.

    `kind`, where there is such a column: `crash` (also where it is empty), `pause`, or `link`, of the link between
    `worker` and `to`. The lines of one worker that dies or is paused are in order of time. `state` and `snapshot_age`
    are as those of a crash, for all.
    """

    path: DataPath
    """The CSV file."""
    state: State = "empty"
    """What workers hold that are started again: the start model, or what they held before they died."""
    snapshot_age: Seconds = 0.0
    """How long before a death its snapshot was taken."""


def too_early(fault: Stop, after: Stop) -> str:
    """What is wrong with a worker's next fault, if it comes before this one is over."""
    if fault.up is not None and fault.up < after.down:
        return ""
    again, up = apart(after.down, after.down if fault.up is None else fault.up, 6)
    until = "for good" if fault.up is None else f"until {up} s"
    return (
        f"worker {after.worker} goes down at {again} s, but it is down from {fault.down:g} s {until}; "
        "its spans must follow one another"
    )


def read_spans(trace: FaultTrace) -> Iterator[Crash | Pause | LinkDown]:
    """The faults of a file in its order. Raises ValueError that names the file and the line."""
    last: dict[int, Stop] = {}
    for line, row in _lines(trace.path):
        where = f"{trace.path}, line {line}"
        fault = _fault(row, trace, where)
        if not isinstance(fault, LinkDown):
            _follows(last.get(fault.worker), fault, where)
            last[fault.worker] = fault
        yield fault


def _follows(before: Stop | None, fault: Stop, where: str) -> None:
    if before is not None and fault.down < before.down:
        down, earlier = apart(fault.down, before.down, 6)
        raise ValueError(
            f"{where}: worker {fault.worker} goes down at {down} s, after a line with {earlier} s: "
            "time goes back; the lines of a worker are in order of time"
        )
    if before is not None and (wrong := too_early(before, fault)):
        raise ValueError(f"{where}: {wrong}")


def _fault(row: dict[str, str], trace: FaultTrace, where: str) -> Crash | Pause | LinkDown:
    for name in ("down", "up"):
        if row[name] and not _is_time(row[name]):
            raise ValueError(
                f"{where}: column '{name}': found {row[name]!r}; write a time such as 20 or 20 s"
            )
    kind = row.get("kind") or "crash"
    times = {"down": row["down"], **({"up": row["up"]} if row["up"] else {})}
    if kind not in KINDS:
        raise ValueError(f"{where}: column 'kind': found {kind!r}{suggest(kind, KINDS)}")
    try:
        if kind == "pause":
            return Pause.model_validate({"kind": kind, "worker": row["worker"], **times})
        if kind == "link":
            return LinkDown.model_validate(
                {"kind": kind, "links": [(row["worker"], row.get("to", ""))], **times}
            )
        state = {"state": trace.state, "snapshot_age": trace.snapshot_age}
        return Crash.model_validate({"worker": row["worker"], **times, **state})
    except ValidationError as problem:
        (first, *_) = problem.errors(include_url=False)
        raise ValueError(f"{where}: {_column(first, row)}{said(first)}") from problem


def _column(first: Any, row: Mapping[str, str]) -> str:
    where = first["loc"]
    if not where:
        return ""
    name = ("worker", "to")[where[-1]] if where[0] == "links" else where[0]
    return f"column '{name}' (found {row.get(str(name))!r}): "


def _is_time(text: str) -> bool:
    try:
        float(str(seconds(text)))
    except ValueError:
        return False
    return True


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The numbered rows of a table with just the columns of spans, as stripped words."""
    try:
        lines = read_text(path, LARGEST_FILE, "utf-8-sig").splitlines()
    except (OSError, ValueError) as problem:
        reason = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
        raise ValueError(f"cannot read {path}: {reason}") from problem
    rows = _told(csv.reader(lines), path)
    head = [word.strip() for word in next(rows, [])]
    for name in [*COLUMNS, *head]:
        if name not in head:
            raise ValueError(f"{path} has no column '{name}'; it has {', '.join(head) or 'nothing'}")
        if name not in COLUMNS + MORE:
            raise ValueError(f"{path}: unknown column '{name}'{suggest(name, COLUMNS + MORE)}")
    for line, row in enumerate(rows, start=2):
        words = [word.strip() for word in row]
        if any(words):
            if len(words) != len(head):
                raise ValueError(f"{path}, line {line}: found {len(words)} values; the head has {len(head)}")
            yield line, dict(zip(head, words, strict=True))


def _told(rows: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error as problem:
        raise ValueError(f"cannot read {path}: {problem}") from problem
