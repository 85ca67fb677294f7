"""Inputs read in processes of their own, with a bound on memory and time, one after the other.

A process is forked for some hundred inputs; what dies or hangs loses only the input that it was at.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from rfast_bench.errors import UserError

Maker = Callable[[np.random.Generator, Path], Callable[[], object]]
"""Writes an input into a folder and gives what reads it."""
SECONDS, MEMORY = 2.0, 2**30
PATIENCE = 30.0
"""Seconds on the clock after which a process that is at one input, and computes nothing, is ended: it waits."""
BATCH = 200
DEAR = ("manifest", "tables", "resolved", "under way", "run folders")
"""Families whose inputs take twenty times as long as others."""
ACCEPTED, REFUSED = "accepted", "refused"
FAILURES = ("traceback", "memory", "hang", "died", "escaped")


class TooLong(BaseException):
    """Two seconds of computing are over; no reader catches this."""


@dataclass(frozen=True)
class Told:
    """What became of one input."""

    number: int
    family: str
    outcome: str
    said: str
    seconds: float


def tried(families: Mapping[str, Maker], inputs: int, seed: int, work: Path) -> Iterator[Told]:
    """What becomes of so many inputs, of all families in turn. Those that fail stay in `work`, a folder each."""
    number = 0
    while number < inputs:
        for told in _batch(families, number, min(inputs, number + BATCH), seed, work):
            number = told.number + 1
            yield told


def _batch(families: Mapping[str, Maker], first: int, end: int, seed: int, work: Path) -> Iterator[Told]:
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _child(families, first, end, seed, work, sender)
    os.close(sender)
    number, waits = first, False
    with os.fdopen(receiver, "rb", buffering=0) as lines:
        for told in _lines(lines, child):
            if told is None:
                waits = True
                os.kill(child, signal.SIGKILL)
                break
            yield told
            number = told.number + 1
    _, code = os.waitpid(child, 0)
    if number < end:
        how = ("hang", "waits") if waits else ("died", f"status {code}")
        yield Told(number, family_of(families, number), *how, PATIENCE if waits else 0.0)


def family_of(families: Mapping[str, Maker], number: int) -> str:
    """In turn; the dear ones come once where the others come ten times."""
    names = [name for turn in range(10) for name in families if turn == 0 or name not in DEAR]
    return names[number % len(names)]


def _lines(pipe: IO[bytes], child: int) -> Iterator[Told | None]:
    """What the child tells until it has ended; nothing (None) as the last if it waits for ever."""
    rest, used = b"", -1
    while select.select([pipe], [], [], PATIENCE)[0] or used < (used := _ticks(child)):
        if not select.select([pipe], [], [], 0)[0]:
            continue  # it computes, on a machine that has other things to do
        more = os.read(pipe.fileno(), 65536)
        if not more:
            return
        *whole, rest = (rest + more).split(b"\n")
        for line in whole:
            yield Told(**json.loads(line))
    yield None


def _child(families: Mapping[str, Maker], first: int, end: int, seed: int, work: Path, sender: int) -> None:
    signal.signal(signal.SIGPROF, _too_long)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(work / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    limit = _size() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        for number in range(first, end):
            told = one(families, number, seed, work / f"{number}")
            os.write(sender, json.dumps(vars(told)).encode() + b"\n")
    finally:
        os._exit(0)


def one(families: Mapping[str, Maker], number: int, seed: int, folder: Path) -> Told:
    """What becomes of one input in this very process."""
    family = family_of(families, number)
    folder.mkdir(parents=True)
    began = time.process_time()
    read = families[family](np.random.default_rng([seed, number]), folder)
    began = time.process_time()
    outcome, said = _outcome(read)
    took = time.process_time() - began
    if outcome in (ACCEPTED, REFUSED) and took > SECONDS:
        outcome = "hang"
    if outcome in (ACCEPTED, REFUSED):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        (folder / "how.txt").write_text(f"{family} {seed} {number}: {outcome}\n{said}\n", errors="replace")
    return Told(number, family, outcome, said[-2000:].encode(errors="replace").decode(), took)


def _outcome(read: Callable[[], object]) -> tuple[str, str]:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        read()
    except UserError as problem:
        return _refusal(problem)
    except TooLong:
        return "hang", traceback.format_exc()
    except MemoryError:
        return "memory", traceback.format_exc()
    except Escaped:
        return "escaped", traceback.format_exc()
    except Exception:  # noqa: BLE001 - this is what is looked for
        return "traceback", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ACCEPTED, ""


class Escaped(Exception):
    """Something was executed, read or written that the input has no business with."""


def _refusal(problem: UserError) -> tuple[str, str]:
    """Refused, if there is a message, and no memory was asked for in vain on the way."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, MemoryError):
            return "memory", traceback.format_exc()
        cause = cause.__cause__
    if not str(problem).strip() or len(str(problem)) > 20_000:
        return "traceback", f"a message of {len(str(problem))} characters"
    return REFUSED, str(problem)


def _too_long(number: int, frame: object) -> None:
    raise TooLong


def _ticks(child: int) -> int:
    """What a process has computed until now."""
    after_the_name = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return int(after_the_name[11]) + int(after_the_name[12])


def _size() -> int:
    """Bytes of address space of this process."""
    if sys.platform != "linux":
        return 2**40
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
