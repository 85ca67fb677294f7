"""Curves for TensorBoard, as they come: a folder of event files a run, `DIR/NAME/[POINT/]LABEL/seed-S`.

A scalar's step is the number of gradients that all workers have completed, its wall time the run's clock in seconds: of
two runs, equal steps are equal work, and TensorBoard's horizontal axis "Relative" is simulated time.

The package `tensorboard` is an extra. Only its writer of event files is imported, which needs neither TensorFlow nor
torch.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import pandas as pd

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Row

INSTALL = 'pip install "rfast-bench[tensorboard]"'
STEP = "gradients"
COUNTED = ("epoch", "iterations_min", "iterations_mean", "iterations_max")
SENT = ("messages_sent", "messages_lost", "messages_superseded", "bytes_sent")
SOON = 2
"""Seconds until a row is on disk, at most."""
EVENTS = "events.out.tfevents.*"
"""What the files are called."""


def check_installed() -> None:
    """Raises UserError where the package is missing."""
    _import("summary.writer.event_file_writer")


def _import(module: str) -> Any:
    try:
        return importlib.import_module(f"tensorboard.{module}")
    except ImportError as problem:
        raise UserError(
            f"--tensorboard needs the package tensorboard, which is not installed ({problem}): {INSTALL}"
        ) from problem


def folder_of(run: Run, home: Path | None) -> Path | None:
    """Where a run's curves go; runs of tuning have none."""
    return None if home is None or run.point.purpose != "report" else home / run.folder


class Board:
    """The curves of one run, replacing those that an earlier start of it left."""

    def __init__(self, folder: Path) -> None:
        for older in folder.glob(EVENTS):
            older.unlink()
        writing = _import("summary.writer.event_file_writer")
        self._proto = _import("compat.proto.event_pb2"), _import("compat.proto.summary_pb2")
        self._writer = writing.EventFileWriter(str(folder), flush_secs=SOON)

    def add(self, row: Row) -> None:
        """Write a row of `curves.csv`, which is on disk soon; what does not exist (NaN) is left out."""
        events, summaries = self._proto
        values = [
            summaries.Summary.Value(tag=tag(name), simple_value=value)
            for name, value in row.items()
            if name not in ("time", STEP) and not math.isnan(value)
        ]
        summary = summaries.Summary(value=values)
        event = events.Event(wall_time=float(row["time"]), step=int(row[STEP]), summary=summary)
        self._writer.add_event(event)

    def add_all(self, curves: pd.DataFrame) -> None:
        """Write whole curves."""
        for row in curves.to_dict("records"):
            self.add({str(name): value for name, value in row.items()})

    def close(self) -> None:
        """All is on disk."""
        self._writer.close()


def tag(name: str) -> str:
    """A column of `curves.csv` as TensorBoard groups it: what was measured of models under its own name."""
    return f"progress/{name}" if name in COUNTED else f"traffic/{name}" if name in SENT else name
