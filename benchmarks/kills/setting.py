"""What is run, and the bounds that follow from those of the suite.

A run may take `startup_timeout` to start and has `stop.time`; whoever is silent after it is killed `LEAVE` seconds
after its end, `GRACE` seconds where it had begun to leave. `SLACK` is for imports, evaluation and a busy machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rfast_bench.real.launch.silence import GRACE, LEAVE

STARTUP, TIME, SLACK = 45.0, 3.0, 30.0
STOPPED = max(STARTUP, TIME + LEAVE, GRACE) + SLACK
"""Until a run must be over of whose processes one was stopped for good."""
LONG = 300.0
"""Until an undisturbed run must have ended, or have workers."""
PAUSE = (0.5, 3.0)
WORKERS = 4
SCENARIO: Mapping[str, Any] = {
    "name": "kills",
    "world": "real",
    "workers": WORKERS,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"},
    "compute": "20 ms",
    "network": {"silence_timeout": "1 s"},
    "stop": {"time": TIME},
    "evaluate": {"every": "0.5 s"},
    "real": {"startup_timeout": STARTUP},
}
ALGORITHMS: Sequence[Mapping[str, Any]] = (
    {"name": "r-fast", "step_size": 0.05},
    {"name": "ring-allreduce", "step_size": 0.5},
)


@dataclass
class Seen:
    """What came of a trial."""

    after: str = ""
    """In which part of the run's life it was done."""
    seconds: float = 0.0
    """From the harm to the end."""
    record: str = ""
    breaches: list[str] = field(default_factory=list)


class TooLate(Exception):
    """The run was over before anything was done to it."""


def scenario(home: Path, algorithm: Mapping[str, Any], seeds: int) -> Path:
    """A file of a command's runs, in a folder that is made."""
    home.mkdir(parents=True)
    path = home / "kills.yaml"
    path.write_text(yaml.safe_dump({**SCENARIO, "algorithms": [dict(algorithm)], "seeds": seeds}))
    return path
