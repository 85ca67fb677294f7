"""All faults of one run: those that the scenario lists, and those that are drawn from the run's seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.scenario.faults.kinds import (
    Burst,
    Corruption,
    Crash,
    Duplication,
    Fault,
    Kind,
    LinkDown,
    Partition,
    Pause,
    RandomFaults,
)
from rfast_bench.scenario.schema import Scenario


def schedule(scenario: Scenario, seed: int) -> tuple[Fault, ...]:
    """The faults of a run in the order of their beginnings."""
    found: list[Fault] = []
    for fault in scenario.faults:
        if isinstance(fault, RandomFaults):
            until = fault.until or scenario.stop.time
            assert until is not None
            found += _drawn(fault, until, scenario.workers, seed)
        else:
            found.append(fault)
    return tuple(sorted(found, key=lambda fault: fault.down))


def described(faults: Sequence[Fault]) -> dict[str, Any]:
    """The manifest's part: the faults of a run that has any."""
    return {"faults": [fault.model_dump(mode="json") for fault in faults]} if faults else {}


def _drawn(spec: RandomFaults, until: float, workers: int, seed: int) -> list[Fault]:
    found = [fault for worker in range(workers) for fault in _of_worker(spec, until, worker, workers, seed)]
    found.sort(key=lambda fault: fault.down)
    return list(_somebody_left(found, workers))


def _of_worker(spec: RandomFaults, until: float, worker: int, workers: int, seed: int) -> Iterator[Fault]:
    """One worker's, one after another."""
    rng, end = stream(seed, "faults", worker), 0.0
    while spec.rate > 0:
        begin = end + float(rng.exponential(1 / spec.rate))
        end = begin + float(rng.exponential(spec.lasts))
        kind = spec.kinds[int(rng.integers(len(spec.kinds)))]
        other = (worker + int(rng.integers(1, max(2, workers)))) % workers
        half = rng.permutation(workers)[: int(rng.integers(1, max(2, workers)))]
        if begin >= until:
            return
        end = min(end, until)
        if 0 < begin < end and (workers > 1 or kind == "pause"):
            yield _made(spec, kind, begin, end, worker, other, [int(i) for i in half], workers)


def _made(
    spec: RandomFaults,
    kind: Kind,
    down: float,
    up: float,
    worker: int,
    other: int,
    half: Sequence[int],
    workers: int,
) -> Fault:
    links = tuple((worker, j) for j in range(workers) if j != worker)
    match kind:
        case "crash":
            return Crash(worker=worker, down=down, up=up, state=spec.state)
        case "pause":
            return Pause(kind=kind, worker=worker, down=down, up=up)
        case "link":
            return LinkDown(kind=kind, links=((worker, other),), down=down, up=up)
        case "isolation":
            return Partition(kind="partition", groups=((worker,),), down=down, up=up)
        case "partition":
            return Partition(kind=kind, groups=(tuple(sorted(half)),), down=down, up=up)
        case "burst":
            return Burst(kind=kind, loss=spec.loss, links=links, down=down, up=up)
        case "duplicate":
            return Duplication(kind=kind, share=spec.share, delay=spec.delay, links=links, down=down, up=up)
        case "corrupt":
            return Corruption(kind=kind, share=spec.share, links=links, down=down, up=up)


def _somebody_left(faults: Sequence[Fault], workers: int) -> Iterator[Fault]:
    """All but the crashes that would leave nobody up."""
    crashes: list[Crash] = []
    for fault in faults:
        if isinstance(fault, Crash):
            crashes = [crash for crash in crashes if crash.on(fault.down)]
            if len(crashes) + 1 >= workers:
                continue
            crashes.append(fault)
        yield fault
