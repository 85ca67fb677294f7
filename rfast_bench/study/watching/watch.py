"""One run as it goes: what its process tells of it, and keeps where bars, tables and TensorBoard find it.

All of it happens at the evaluations of models, in the run's own process; the run itself knows nothing of it. Only
where a terminal shows bars, a thread looks at the counters a few times a second, for evaluations may be minutes apart.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Row, Watcher, Where
from rfast_bench.records.unfinished import Snapshot
from rfast_bench.study.watching.tensorboard import Board, folder_of

FIELDS = ("time", "epoch", "loss", "gap", "accuracy")
"""What bars show of a run, beside the share that is done."""
WAITING, DONE = -1.0, 2.0
"""What stands in the place of the share before a run starts and after it has ended, well or not."""
PULSE = 0.3
"""Seconds between looks at the counters."""


@dataclass(frozen=True)
class Place:
    """Where things are kept; it travels to the processes of runs."""

    numbers: Path
    """A file with a line a run: its share, then FIELDS; NaN is not known."""
    tensorboard: Path | None = None
    live: bool = False
    """Whether somebody sees the bars."""


def open_numbers(file: Path, lines: int | None = None) -> NDArray[np.float64]:
    """The file of numbers, shared with whoever else has it open; made anew for so many `lines`."""
    if lines is None:
        found: NDArray[np.float64] = np.lib.format.open_memmap(file, mode="r+")
        return found
    shape = (max(1, lines), 1 + len(FIELDS))
    made: NDArray[np.float64] = np.lib.format.open_memmap(file, mode="w+", dtype=np.float64, shape=shape)
    made[:] = math.nan
    made[:, 0] = WAITING
    return made


class Watch(Watcher):
    """To be used in a `with` block around a run."""

    def __init__(
        self, run: Run, out: Path, place: Place, line: int, about: Callable[[], Mapping[str, Any]]
    ) -> None:
        """`line`: the run's in the file of numbers. `about` is its manifest before it starts."""
        self._numbers = open_numbers(place.numbers)[line]
        self._numbers[:] = [0.0] + [math.nan] * len(FIELDS)
        self._snapshot = Snapshot(out / run.folder, lambda: {**about(), "stop": stop_of(run)})
        board = folder_of(run, place.tensorboard)
        self._board = None if board is None else Board(board)
        self._rows: list[Row] = []
        self._live, self._over = place.live, threading.Event()
        self._pulse: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._pulse is not None:
            self._pulse.join()
        if self._board is not None:
            self._board.close()

    def begin(self, where: Where) -> None:
        """See `Watcher`."""
        if self._live:
            self._pulse = threading.Thread(target=self._follow, args=(where,), daemon=True)
            self._pulse.start()

    def _follow(self, where: Where) -> None:
        while not self._over.wait(PULSE):
            share, now = where()
            self._numbers[:3] = share, now["time"], now["epoch"]

    def look(self, share: float, row: Row) -> None:
        """See `Watcher`."""
        self._numbers[0] = share
        for k, name in enumerate(FIELDS, start=1):
            if name in row:
                self._numbers[k] = row[name]
        if "loss" in row:
            self._keep(row)
        if row:
            self._snapshot.take(self._rows or [row])

    def _keep(self, row: Row) -> None:
        """Of two looks at one moment, the end's at a point of the grid, the second counts."""
        twice = bool(self._rows) and self._rows[-1]["time"] == row["time"]
        before = self._rows.pop() if twice else None
        self._rows.append(row)
        if self._board is not None and (before is None or before["gradients"] != row["gradients"]):
            self._board.add(row)

    def finish(self, curves: pd.DataFrame) -> None:
        """The run is over, and these are its curves: those of a real run were not known before."""
        if self._board is not None and not self._rows:
            self._board.add_all(curves)


def stop_of(run: Run) -> dict[str, Any]:
    """The limits by which the share of a run that is done is known."""
    return run.scenario.stop.model_dump(mode="json", include={"time", "iterations", "epochs"})
