"""Runs that are under way: what a table may show of them, in a hidden folder beside where the record will be.

    .seed-0.unfinished/unfinished.json   what runs, as in a manifest, and its stop rule
    .seed-0.unfinished/curves.csv        its evaluations until now; of a real run, how far it is

`find_runs` looks into no hidden folder, and there is no manifest, so that nobody counts it. It goes when the record is
written (`writing.py`). A run that was killed leaves it, and starting it again clears it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from rfast_bench.errors import UserError
from rfast_bench.files import write_text
from rfast_bench.records.writing import COLUMNS, ENDING, FAILURE, as_json, as_text, unfinished_of

EVERY = 5.0
"""Seconds between snapshots, at least, and from a run's start to the first."""
SHARE = 50
"""As many times as long as a snapshot took, the next one waits: it costs 2 % of the time at most."""
ABOUT, CURVES = "unfinished.json", "curves.csv"


class _About(BaseModel, extra="allow"):
    """What is needed of it; all else is kept as it is."""

    scenario: str
    world: str
    point: dict[str, Any]
    label: str
    seed: int
    order: int
    purpose: str
    stop: dict[str, float | dict[str, Any] | None]


SHOWN = {"time", "epoch", "iterations_mean"}
"""Columns that say how far a run is."""


class Snapshot:
    """Keeps the newest snapshot of one run. Files appear whole or not at all."""

    def __init__(self, folder: Path, about: Callable[[], Mapping[str, Any]]) -> None:
        """`folder`: of the record to be. `about` says what is run; it is called once, for the first snapshot."""
        self._home, self._about = unfinished_of(folder), about
        shutil.rmtree(self._home, ignore_errors=True)  # of an earlier start that did not end
        self._next = time.monotonic() + EVERY
        self._begun = False

    def take(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write these rows if it is time. What cannot be written is left: the record itself will tell."""
        began = time.monotonic()
        if began < self._next:
            return
        with suppress(OSError, UserError):
            self._write(rows)
        now = time.monotonic()
        self._next = now + max(EVERY, SHARE * (now - began))

    def _write(self, rows: Sequence[Mapping[str, float]]) -> None:
        frame = pd.DataFrame([dict(row) for row in rows])
        whole = [*COLUMNS["curves"], *(name for name in frame if name not in COLUMNS["curves"])]
        if not self._begun:
            self._home.mkdir(parents=True, exist_ok=True)
            write_text(self._home / ABOUT, as_json(self._about()))
            self._begun = True
        write_text(self._home / CURVES, as_text(frame.reindex(columns=whole)))


@dataclass(frozen=True)
class Unfinished:
    """A run that has not left a record yet."""

    folder: Path
    """Where that will be."""
    about: dict[str, Any]
    last: dict[str, float]
    """Its newest row: time (s), epoch, loss, ...; NaN is not known."""
    age: float
    """Seconds since that was written."""
    failed: bool
    """Whether it has failed meanwhile."""

    @property
    def share(self) -> float:
        """How much of the run was done, from 0 to 1, by its stop rule."""
        stop = self.about["stop"]
        limits = {"time": "time", "iterations": "iterations_mean", "epochs": "epoch"}
        done = [self.last[column] / stop[rule] for rule, column in limits.items() if stop.get(rule)]
        return min(1.0, max(done, default=0.0))

    def sort_key(self) -> tuple[Any, ...]:
        """The order of tables, roughly."""
        return (
            *(str(self.about[key]) for key in ("scenario", "world", "point")),
            self.about["order"],
            self.folder,
        )


def find_unfinished(paths: Iterable[Path]) -> list[Unfinished]:
    """Every unfinished run in or below `paths`, which may be the folders of their records to be."""
    homes = {home.resolve(): home for path in paths for home in _homes(Path(path))}
    found = [run for home in homes.values() if (run := _read(home)) is not None]
    return sorted(found, key=Unfinished.sort_key)


def _homes(place: Path) -> Iterator[Path]:
    if place.name and (beside := unfinished_of(place)).is_dir():
        yield beside
    for folder, below, _ in os.walk(place):
        hidden = [name for name in below if name.startswith(".")]
        yield from (Path(folder, name) for name in hidden if name.endswith(ENDING))
        below[:] = [name for name in below if name not in hidden]


def _read(home: Path) -> Unfinished | None:
    """None where it is gone by now, was just begun, or is none of ours."""
    try:
        about = _About.model_validate_json((home / ABOUT).read_bytes()).model_dump()
        curves = home / CURVES
        written, frame = curves.stat().st_mtime, pd.read_csv(curves)
        last = {
            str(name): float(value) for row in frame.tail(1).to_dict("records") for name, value in row.items()
        }
    except (OSError, ValueError):
        return None
    if not last.keys() >= SHOWN:
        return None
    folder = home.with_name(home.name.removeprefix(".").removesuffix(ENDING))
    failure = folder / FAILURE
    failed = failure.exists() and failure.stat().st_mtime >= written
    return Unfinished(folder, about, last, max(0.0, time.time() - written), failed)
