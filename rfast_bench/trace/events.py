"""Chrome trace events of one run, as Perfetto reads them: `X` work, `i` messages, `s` and `f` arrows, `C` curves.

A viewer counts nanoseconds and takes what overlaps by one for an error; so times are rounded to nanoseconds before
durations are formed. An arrow hangs on the slice that its event follows in the file: order matters.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

Event = dict[str, Any]
Span = tuple[float, float]
COUNTERS = ("gap", "loss", "accuracy")


class Message(Protocol):
    """What is known of one message (`rfast_bench.sim.network.letters.Letter`). Seconds; infinite is never."""

    sender: int
    to: int
    channel: Any
    bytes: float
    asked: float
    leaves: float
    arrival: float
    tries: int
    superseded: float
    dropped: float
    read: float
    staleness: int

    @property
    def lost(self) -> bool: ...


@dataclass(frozen=True)
class Picture:
    """What a trace shows of one run, up to `end` seconds."""

    title: str
    workers: int
    end: float
    computing: pd.DataFrame
    """worker, start, end: ascending, without overlaps."""
    curves: pd.DataFrame
    messages: Sequence[Message] = ()
    reduces: Iterable[tuple[int, float]] = ()
    """(worker, when it asked for an all-reduce)"""
    down: Mapping[int, Sequence[Span]] = field(default_factory=dict)
    """By worker: from when to when it was dead."""


def events_of(picture: Picture, pid: int) -> list[Event]:
    """All events of a run, as the process `pid`, in the order of time; its names come first."""
    units = [*_work(picture), *_messages(picture), *_curves(picture)]
    units.sort(key=lambda unit: unit[:2])
    timed = [event for _, _, group in units for event in group]
    return [_placed(event, pid) for event in [*_names(picture), *timed]]


def _placed(event: Event, pid: int) -> Event:
    """In its process; the numbers of arrows must differ between processes too."""
    return {**event, "pid": pid, **({"id": (pid << 32) + event["id"]} if "id" in event else {})}


Unit = tuple[int, int, list[Event]]
"""Nanoseconds, rank among what happens at once, events that stay together."""
WORK, CURVE, READ, SENT, READ_AT_ONCE = range(5)


def nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def microseconds(nanos: int) -> float:
    """The smallest number that viewers turn back into so many nanoseconds: they multiply by 1000 and cut off."""
    value = nanos / 1000
    return math.nextafter(value, math.inf) if int(value * 1000) < nanos else value


def thread(worker: int) -> int:
    """A viewer takes a thread 0 for another name of the main one."""
    return worker + 1


def _event(phase: str, name: str, category: str, worker: int, at: int, **more: Any) -> Event:
    return {"ph": phase, "name": name, "cat": category, "ts": microseconds(at), "tid": thread(worker), **more}


# ------------------------------------------------------------------------------------------------- names
def _names(picture: Picture) -> Iterator[Event]:
    start: Event = {"ph": "M", "ts": 0, "tid": thread(0)}
    yield {**start, "name": "process_name", "args": {"name": picture.title}}
    for worker in range(picture.workers):
        own = {**start, "tid": thread(worker)}
        yield {**own, "name": "thread_name", "args": {"name": f"worker {worker}"}}
        yield {**own, "name": "thread_sort_index", "args": {"sort_index": worker}}


# -------------------------------------------------------------------------------------------------- work
def _work(picture: Picture) -> Iterator[Unit]:
    """Of each worker, without a gap: gradients, times when it was dead, and waits in between."""
    computing: dict[int, list[Span]] = defaultdict(list)
    for worker, start, end in picture.computing.itertuples(index=False):
        computing[int(worker)].append((start, min(end, picture.end)))
    culprits, reduces = _culprits(picture.messages), set(picture.reduces)
    for worker in range(picture.workers):
        spans = [(span, "gradient", k) for k, span in enumerate(computing[worker], start=1)]
        spans += [(span, "down", 0) for span in picture.down.get(worker, ())]
        now = 0.0
        for (start, end), name, number in [*sorted(spans), ((picture.end, picture.end), "", 0)]:
            reducing = (worker, now) in reduces
            what = " for all-reduce" if reducing else culprits.get((worker, start), "")
            yield from _slice(f"waiting{what}", "waiting", worker, now, start)
            yield from _slice(
                name, name, worker, start, end, **({"args": {"number": number}} if number else {})
            )
            now = max(now, end)


def _slice(name: str, category: str, worker: int, start: float, end: float, **more: Any) -> Iterator[Unit]:
    begin, done = nanoseconds(start), nanoseconds(end)
    if done > begin:
        event = _event("X", name, category, worker, begin, dur=microseconds(done - begin), **more)
        yield begin, WORK, [event]


def _culprits(messages: Iterable[Message]) -> dict[tuple[int, float], str]:
    """(worker, when it went on) -> for whose message it had waited: the one that came last."""
    last: dict[tuple[int, float], tuple[float, int]] = {}
    for message in messages:
        going_on = message.to, message.read
        last[going_on] = max(last.get(going_on, (-math.inf, 0)), (message.arrival, message.sender))
    return {going_on: f" for worker {sender}" for going_on, (_, sender) in last.items()}


# ---------------------------------------------------------------------------------------------- messages
def _messages(picture: Picture) -> Iterator[Unit]:
    """Where a message is handed over and where it is read for the first time, joined by an arrow if it got there."""
    for number, message in enumerate(picture.messages):
        arrow = {"name": "message", "cat": "message", "id": number}
        fate = _fate(message, picture.end)
        asked = nanoseconds(message.asked)
        what = f"{message.channel} → {message.to}{fate and ' ' + fate}"
        handed = _event("i", what, fate or "message", message.sender, asked, s="t", args=_about(message))
        if fate:
            yield asked, SENT, [handed]
            continue
        there = message.read if message.read <= picture.end else message.arrival
        end = nanoseconds(there)
        begun = {"ph": "s", "ts": handed["ts"], "tid": thread(message.sender), **arrow}
        yield asked, SENT, [handed, begun]
        unread = "" if message.read <= picture.end else " unread"
        staleness = {} if unread else {"staleness": message.staleness}
        args = {**staleness, "age_us": microseconds(end - asked)}
        name = f"{message.channel} ← {message.sender}{unread}"
        ended = {"ph": "f", "bp": "e", "ts": microseconds(end), "tid": thread(message.to), **arrow}
        rank = READ if end > asked else READ_AT_ONCE
        yield end, rank, [_event("i", name, "message", message.to, end, s="t", args=args), ended]


def _fate(message: Message, end: float) -> str:
    """What kept a message from its receiver; empty when it is there."""
    if message.lost:
        return "lost"
    if message.superseded <= end:
        return "superseded"
    if message.dropped <= end and message.read > end:
        return "dropped"
    return "" if min(message.read, message.arrival) <= end else "under way"


def _about(message: Message) -> dict[str, Any]:
    """A message's details, as far as there are any."""
    times = {"leaves": message.leaves, "arrives": message.arrival, "superseded": message.superseded}
    times["dropped"] = message.dropped
    found = {f"{name}_us": microseconds(nanoseconds(t)) for name, t in times.items() if t < math.inf}
    return {"bytes": round(message.bytes), "tries": message.tries, **found}


# ------------------------------------------------------------------------------------------------ curves
def _curves(picture: Picture) -> Iterator[Unit]:
    """What was measured of the mean model; what does not exist, or is not finite, is left out."""
    curves = picture.curves[picture.curves["time"] <= picture.end]
    for name in COUNTERS:
        for time, value in zip(curves["time"], curves[name], strict=True):
            if math.isfinite(value):
                yield _counter(name, time, value)
                if name == "gap" and value > 0:
                    yield _counter("log10 gap", time, math.log10(value))


def _counter(name: str, time: float, value: float) -> Unit:
    at = nanoseconds(time)
    return at, CURVE, [_event("C", name, "curve", 0, at, args={"value": float(value)})]
