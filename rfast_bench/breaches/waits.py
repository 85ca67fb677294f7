"""Nobody can go on: who waits for whom, on which channel and at which line; or whose activities have all ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import Line

MOST = 3
"""Groups of waits that are named; and workers of a group whose senders are."""


@dataclass(frozen=True)
class Wait:
    """An activity of a worker that waits. `effect`: `Receive('model')`; `missing`: the workers whose messages it lacks,
    which may be all its `neighbours`."""

    worker: int
    effect: str
    line: Line | None
    missing: tuple[int, ...] = ()
    neighbours: bool = False


@dataclass(frozen=True)
class Ended:
    """An activity of a worker that is over. `line`: where its loop ends."""

    worker: int
    line: Line | None


def to_plain(found: Wait | Ended) -> dict[str, Any]:
    """For a file of JSON."""
    line = None if found.line is None else [found.line.file, found.line.number]
    return {**vars(found), "line": line, "kind": type(found).__name__}


def from_plain(plain: dict[str, Any]) -> Wait | Ended:
    """What `to_plain` made."""
    own = {**plain, "line": None if plain["line"] is None else Line(*plain["line"])}
    if own.pop("kind") == "Ended":
        return Ended(**own)
    return Wait(**{**own, "missing": tuple(own["missing"])})


def stalled(waits: Sequence[Wait], ended: Sequence[Ended]) -> Broken | None:
    """The rule that a method broke which came to a halt, nobody having died; None where nothing is known of it.

    Where a worker has no activity left, the others may well wait for it.
    """
    over = sorted({one.worker for one in ended} - {one.worker for one in waits})
    if over:
        line = next((one.line for one in ended if one.worker == over[0]), None)
        others = f"; {_waits(waits)}" if waits else ""
        return Broken(
            "endings", f"all activities of {names(over)} have ended{others}; nothing is under way", line
        )
    if not waits:
        return None
    return Broken("deadlock", f"{_waits(waits)}; nothing is under way", waits[0].line)


def names(workers: Sequence[int]) -> str:
    """`worker 2`, `workers 0 to 3`, `workers 0, 2 and 5`."""
    found = sorted(set(workers))
    if len(found) == 1:
        return f"worker {found[0]}"
    if found == list(range(found[0], found[-1] + 1)) and len(found) > 2:
        return f"workers {found[0]} to {found[-1]}"
    return f"workers {', '.join(map(str, found[:-1]))} and {found[-1]}"


def _waits(waits: Sequence[Wait]) -> str:
    groups: dict[tuple[str, Line | None], list[Wait]] = {}
    for one in waits:
        groups.setdefault((one.effect, one.line), []).append(one)
    said = [_group(effect, line, group) for (effect, line), group in groups.items()]
    left = len(said) - MOST
    return "; ".join(said[:MOST]) + (f"; and {left} more" if left > 0 else "")


def _group(effect: str, line: Line | None, group: Sequence[Wait]) -> str:
    workers = names([one.worker for one in group])
    verb = "waits" if len({one.worker for one in group}) == 1 else "wait"
    at = "" if line is None else f" at {line}"
    return f"{workers} {verb} in {effect}{at}{_for_whom(group)}"


def _for_whom(group: Sequence[Wait]) -> str:
    if not any(one.missing for one in group):
        return ""
    if all(one.neighbours for one in group):
        return " for their neighbours" if len(group) > 1 else " for its neighbours"
    if len(group) == 1:
        return f" for {names(group[0].missing)}"
    each = [f"{one.worker} for {', '.join(map(str, one.missing))}" for one in group[:MOST]]
    return f" ({'; '.join(each)}{'; …' if len(group) > MOST else ''})"
