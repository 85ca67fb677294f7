"""Recorded runs as one trace file for Perfetto: each run a process, each worker a thread."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from rfast_bench.conditions.compute_times import timeline_of
from rfast_bench.errors import UserError
from rfast_bench.records.reading import Run
from rfast_bench.sim.recorder import Recorder
from rfast_bench.study.replay import planned, replay
from rfast_bench.trace.events import Event, Picture, Span, events_of

FIRST_PROCESS = 1_000_000
"""Above any worker's number: a viewer takes the thread that has its process's number for the main one."""


def trace(runs: Sequence[Run], until: float | None, say: Callable[[str], object]) -> str:
    """The trace of `runs` up to `until` seconds (None: the stretch that their timelines show), as JSON text.

    `say` is told what is left out. Raises UserError when a run cannot be done again, or none is left.
    """
    events: list[Event] = []
    about = []
    for pid, run in enumerate(runs, start=FIRST_PROCESS):
        if run.curves().empty:
            say(f"{run.folder}: left out, for it was {run.status}: {run.reason}")
            continue
        picture, note = picture_of(run, until)
        say(f"{picture.title}: {note}")
        events += events_of(picture, pid)
        about.append({"pid": pid, "run": picture.title, "hash": run.hash, "note": note})
    if not events:
        raise UserError("there is nothing to trace: no run of these has begun")
    other = {
        "made_by": f"rfast-bench {version('rfast-bench')}",
        "clock": "microseconds of the run",
        "runs": about,
    }
    return _as_json(events, other)


def _as_json(events: Sequence[Event], other: dict[str, Any]) -> str:
    """One event a line."""
    lines = ",\n".join(json.dumps(event, ensure_ascii=False, allow_nan=False) for event in events)
    rest = json.dumps(other, ensure_ascii=False, allow_nan=False)
    return f'{{"displayTimeUnit": "ms",\n"otherData": {rest},\n"traceEvents": [\n{lines}\n]}}\n'


def picture_of(run: Run, until: float | None) -> tuple[Picture, str]:
    """What there is to show of a run, and in words how much that is."""
    return _of_real(run, until) if run.world == "real" else _of_simulated(run, until)


def _of_simulated(run: Run, until: float | None) -> tuple[Picture, str]:
    length = float(run.curves()["time"].iloc[-1])
    wanted = timeline_of(planned(run).scenario) if until is None else until
    end = min(wanted, length)
    outcome, recorder = replay(run, wanted)
    picture = Picture(
        _title(run),
        run.workers_count,
        end,
        outcome.frames["timeline"],
        run.curves(),
        recorder.letters,
        recorder.reduces,
        {worker: list(_down(recorder, worker, end)) for worker in range(run.workers_count)},
    )
    return picture, f"{_how_much(end, length)}, {len(recorder.letters):,} messages"


def _down(recorder: Recorder, worker: int, end: float) -> Iterator[Span]:
    """From each death to the next return, or to the end."""
    returns = [time for number, time in recorder.returns if number == worker]
    for number, death in recorder.deaths:
        if number == worker:
            yield death, min([end, *(time for time in returns if time >= death)])


def _of_real(run: Run, until: float | None) -> tuple[Picture, str]:
    """Real runs cannot be done again; of their messages nothing is recorded but counts."""
    timeline = run.timeline()
    length = float(run.curves()["time"].iloc[-1])
    end = min(length, float(timeline["end"].max()), math.inf if until is None else until)
    timeline = timeline[timeline["start"] < end]
    picture = Picture(_title(run), run.workers_count, end, timeline, run.curves())
    return picture, f"{_how_much(end, length)}; a real run, whose records hold no messages, so none are shown"


def _how_much(end: float, length: float) -> str:
    return f"all of {length:g} s" if end == length else f"the first {end:g} s of {length:g} s"


def _title(run: Run) -> str:
    point = "".join(f", {key.rpartition('.')[2]} {value}" for key, value in run.point.items())
    world = " (real)" if run.world == "real" else ""
    return f"{run.scenario}{world}: {run.label}{point}, seed {run.seed}"
