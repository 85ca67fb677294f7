"""The progress bars of a terminal: one for all runs, and one for each that is under way."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from rfast_bench.plan.runs import Run
from rfast_bench.processes.folders import folder_of_own
from rfast_bench.scenario.values.units import few_digits, percent_done
from rfast_bench.study.watching.watch import DONE, FIELDS, Place, open_numbers

LOOK = 0.2
"""Seconds between looks at the runs' numbers."""
AFTER = "losses are known after it"
"""What is said of a run on real processes: its workers keep their models, and nobody disturbs them for a loss."""


@contextmanager
def progress_bars(
    runs: Sequence[Run], console: Console, tensorboard: Path | None = None
) -> Iterator[tuple[Place, Callable[[int], None]]]:
    """A bar for all runs and one for each that is under way, where the console is a terminal or a notebook's.

    Yields where runs tell how far they are, each in its line, and what marks a line as done.
    """
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6, max_width=40)),
        TextColumn("{task.fields[done]}", justify="right"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[seen]}", table_column=Column(no_wrap=True)),
    )
    shown = console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
    with folder_of_own() as folder:
        place = Place(folder / "numbers.npy", tensorboard, shown)
        numbers, stop = open_numbers(place.numbers, len(runs)), threading.Event()
        with Progress(*columns, console=console, transient=True, disable=not shown, expand=True) as bars:
            watch = threading.Thread(target=_watch, args=(bars, runs, numbers, stop), daemon=True)
            watch.start()
            try:
                yield place, lambda line: numbers.__setitem__((line, 0), DONE)
            finally:
                stop.set()
                watch.join()


def _watch(bars: Progress, runs: Sequence[Run], numbers: np.ndarray, stop: threading.Event) -> None:
    overall = bars.add_task("all runs", total=len(runs), done=f"0/{len(runs)}", seen="")
    shown: dict[int, TaskID] = {}
    while not stop.wait(LOOK):
        now = numbers.copy()
        shares = now[:, 0]
        over = int((shares == DONE).sum())
        bars.update(overall, completed=over, done=f"{over}/{len(runs)}")
        for k in np.flatnonzero((shares >= 0) & (shares <= 1)).tolist():
            if k not in shown:
                shown[k] = bars.add_task(title(runs[k]), total=1.0, done="", seen="")
            share = float(shares[k])
            bars.update(shown[k], completed=share, done=percent_done(share), seen=seen(runs[k], now[k, 1:]))
        for k in [k for k in shown if shares[k] == DONE]:
            bars.remove_task(shown.pop(k))


def title(run: Run) -> str:
    """What a run is called: `  r-fast loss=0.1 seed 0`."""
    point = f" {run.point.slug}" if run.point.slug else ""
    return f"  {run.algorithm.label}{point} seed {run.seed}"


def seen(run: Run, numbers: Sequence[float] | np.ndarray) -> str:
    """`12.5 s, epoch 4.1, loss 0.21, accuracy 0.93`: of FIELDS what is known."""
    known = {name: few_digits(float(x)) for name, x in zip(FIELDS, numbers, strict=True) if not math.isnan(x)}
    if not known:
        return "starting"
    parts = [f"{known.pop('time')} s", *(f"{name} {digits}" for name, digits in known.items())]
    if run.scenario.world == "real":
        parts.append(AFTER)
    return ", ".join(parts)
