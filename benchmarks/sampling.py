"""Where CPU time goes, by part of the simulated world: a sampling profiler that knows the modules.

A timer interrupts every two milliseconds of CPU time. The CPU time since the previous sample is charged to the part
that the stack is in. A call into C is not interrupted, but charged in full when it returns, since it is time that
is counted and not ticks. Each share is right to about ± 1/√samples; the timer itself costs under one percent.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TICK = 0.002
PARTS = ("clock", "network", "algorithm", "gradient", "evaluation")
PLACES = (
    ("rfast_bench/problems/evaluation", "evaluation"),
    ("rfast_bench/problems/", "gradient"),
    ("rfast_bench/sim/gradients", "gradient"),
    ("/algorithms/", "algorithm"),
    ("rfast_bench/sim/network/", "network"),
    ("rfast_bench/conditions/links", "network"),
    ("rfast_bench/conditions/outgoing", "network"),
    ("rfast_bench/conditions/payload", "network"),
    ("rfast_bench/scenario/sections/network", "network"),
)
"""The innermost of these that a stack holds is where it is; but an evaluation is one to its last leaf."""


def part_of(frame: FrameType | None) -> str:
    """The part that a stack is in; `clock` is all that is none of the others: events, driver, start-up."""
    found = ""
    while frame is not None:
        name = frame.f_code.co_filename.replace("\\", "/")
        part = next((part for place, part in PLACES if place in name), "")
        if part == "evaluation":
            return part
        found = found or part
        frame = frame.f_back
    return found or "clock"


@contextmanager
def sampled() -> Iterator[dict[str, float]]:
    """Seconds of CPU time by part, filled while the block runs; `samples` is how many there were."""
    seconds = dict.fromkeys((*PARTS, "samples"), 0.0)
    last = time.process_time()

    def charge(_: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.process_time()
        seconds[part_of(frame)] += now - last
        seconds["samples"] += 1
        last = now

    before = signal.signal(signal.SIGPROF, charge)
    signal.setitimer(signal.ITIMER_PROF, TICK, TICK)
    try:
        yield seconds
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
