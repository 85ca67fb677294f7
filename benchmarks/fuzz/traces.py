"""Files that a scenario names: measured times, latencies and bandwidths of links, spans of absence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.fuzz import hostile, scenarios
from benchmarks.fuzz.huge import huge_text

Rng = hostile.Rng
TIMES = "device,seconds\n" + "".join(f"{k % 3},{0.1 * k + 0.01}\n" for k in range(9))
LINKS = "0, 1 ms, inf, 2\n1,0,3 ms,1\n# far\n1,2,0,1\n1,1,1,0\n"
SPANS = "worker,down,up\n1,0.1 s,0.2 s\n2,0.3,\n1,0.5,0.6\n"


def _file(path: Path, text: str, rng: Rng) -> None:
    path.write_text(text)
    if rng.integers(12) == 0:
        path.write_text(huge_text(rng))
    elif rng.integers(12) == 0:
        head, *_ = text.splitlines()
        path.write_text(f"{head}\n" + f"{','.join([hostile.pick(rng, hostile.WORDS)] * 3)}\n" * 3)
    else:
        hostile.damaged(path, rng)


def _planned(folder: Path, **changes: Any) -> Callable[[], object]:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**scenarios.SMALL, **changes}))
    return lambda: scenarios.planned(path)


def times(rng: Rng, folder: Path) -> Callable[[], object]:
    """Of gradients, by device or not."""
    _file(folder / "times.csv", TIMES, rng)
    by = {"by": "device"} if rng.integers(2) else {}
    mean = {"mean": "1 s"} if rng.integers(3) == 0 else {}
    return _planned(
        folder, compute={"kind": "empirical", "path": "times.csv", "column": "seconds", **by, **mean}
    )


def links(rng: Rng, folder: Path) -> Callable[[], object]:
    """All links of four workers."""
    _file(folder / "links.csv", LINKS, rng)
    key = hostile.pick(rng, ("latency_matrix", "bandwidth_matrix"))
    return _planned(folder, network={key: "links.csv"})


def spans(rng: Rng, folder: Path) -> Callable[[], object]:
    """Who is absent when."""
    _file(folder / "spans.csv", SPANS, rng)
    return _planned(
        folder, faults={"path": "spans.csv", "state": "empty"}, network={"silence_timeout": "1 s"}
    )


FAMILIES = {"times": times, "links": links, "absences": spans}
