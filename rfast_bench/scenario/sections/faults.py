"""Workers that die and perhaps come back: what a scenario may say of them, and spans of absence from a file."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from rfast_bench.errors import suggest
from rfast_bench.files import read_text
from rfast_bench.scenario.values.base import DataPath, Spec
from rfast_bench.scenario.values.bounds import LARGEST_FILE
from rfast_bench.scenario.values.units import PositiveSeconds, Seconds, seconds

State = Literal["empty", "snapshot"]
COLUMNS = ("worker", "down", "up")


class Fault(Spec):
    """Worker `worker` dies at `down`, with all it knew and all that is under way to it.

    Started again at `up` it holds the start model (`empty`), or what it held `snapshot_age` before it died.
    """

    worker: int = Field(ge=0)
    down: PositiveSeconds
    up: PositiveSeconds | None = None
    state: State = "empty"
    snapshot_age: Seconds = 0.0

    @model_validator(mode="after")
    def _up_after_down(self) -> Fault:
        if self.up is not None and self.up <= self.down:
            raise ValueError(f"up ({self.up} s) must come after down ({self.down} s)")
        if self.snapshot_age > self.down:
            raise ValueError(f"snapshot_age ({self.snapshot_age} s) reaches before the start")
        return self


class FaultTrace(Spec):
    """A CSV file of absences, a line each: `worker`, `down`, `up` (empty: for good); times in seconds or with a unit.

    The lines of one worker are in order of time. `state` and `snapshot_age` are as those of a fault, for all.
    """

    path: DataPath
    state: State = "empty"
    snapshot_age: Seconds = 0.0


def wrong_faults(faults: Sequence[Fault], workers: int | None) -> str:
    """What is wrong with them together, if anything."""
    for k, fault in enumerate(faults):
        if workers is not None and fault.worker >= workers:
            return f"fault {k} names worker {fault.worker}; workers are 0 to {workers - 1}"
    ordered = sorted(faults, key=lambda fault: (fault.worker, fault.down))
    for fault, after in pairwise(ordered):
        if fault.worker == after.worker and (wrong := _too_early(fault, after)):
            return wrong
    return "" if workers is None else _nobody_left(faults, workers)


def _nobody_left(faults: Sequence[Fault], workers: int) -> str:
    """When all workers are down at once, which leaves no run and nothing to measure."""
    for last in faults:
        down = {f.worker for f in faults if f.down <= last.down < (math.inf if f.up is None else f.up)}
        if len(down) == workers:
            return f"at {last.down:g} s all {workers} workers are down at once; at least one has to stay up"
    return ""


def _too_early(fault: Fault, after: Fault) -> str:
    """What is wrong with a worker's next fault, if it comes before this one is over."""
    if fault.up is not None and fault.up < after.down:
        return ""
    until = "for good" if fault.up is None else f"until {fault.up:g} s"
    return (
        f"worker {after.worker} goes down at {after.down:g} s, but it is down from {fault.down:g} s {until}; "
        "its spans must follow one another"
    )


# ------------------------------------------------------------------------------------------------ from a file
def _from_file(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, dict):
        return value
    return tuple(read_spans(FaultTrace.model_validate(value, context=info.context)))


Faults = Annotated[tuple[Fault, ...], BeforeValidator(_from_file)]
"""A list of faults, or a file of them."""


def read_spans(trace: FaultTrace) -> Iterator[Fault]:
    """The faults of a file in its order. Raises ValueError that names the file and the line."""
    last: dict[int, Fault] = {}
    for line, row in _lines(trace.path):
        where = f"{trace.path}, line {line}"
        fault = _fault(row, trace, where)
        before = last.get(fault.worker)
        if before is not None and fault.down < before.down:
            raise ValueError(
                f"{where}: worker {fault.worker} goes down at {fault.down:g} s, after a line with {before.down:g} s: "
                "time goes back; the lines of a worker are in order of time"
            )
        if before is not None and (wrong := _too_early(before, fault)):
            raise ValueError(f"{where}: {wrong}")
        last[fault.worker] = fault
        yield fault


def _fault(row: dict[str, str], trace: FaultTrace, where: str) -> Fault:
    up = row["up"]
    said = {"worker": row["worker"], "down": row["down"], **({"up": up} if up else {})}
    for name in ("down", "up"):
        if name in said and not _is_time(said[name]):
            raise ValueError(
                f"{where}: column '{name}': found {said[name]!r}; write a time such as 20 or 20 s"
            )
    try:
        return Fault.model_validate({**said, "state": trace.state, "snapshot_age": trace.snapshot_age})
    except ValidationError as problem:
        (first, *_) = problem.errors(include_url=False)
        column = f"column '{first['loc'][0]}' (found {first['input']!r}): " if first["loc"] else ""
        raise ValueError(f"{where}: {column}{str(first['msg']).removeprefix('Value error, ')}") from problem


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
    try:
        rows = [[word.strip() for word in row] for row in csv.reader(lines)]
    except csv.Error as problem:
        raise ValueError(f"cannot read {path}: {problem}") from problem
    head = rows[0] if rows else []
    for name in [*COLUMNS, *head]:
        if name not in head:
            raise ValueError(f"{path} has no column '{name}'; it has {', '.join(head) or 'nothing'}")
        if name not in COLUMNS:
            raise ValueError(f"{path}: unknown column '{name}'{suggest(name, COLUMNS)}")
    for line, row in enumerate(rows[1:], start=2):
        if any(row):
            if len(row) != len(head):
                raise ValueError(f"{path}, line {line}: found {len(row)} values; the head has {len(head)}")
            yield line, dict(zip(head, row, strict=True))
