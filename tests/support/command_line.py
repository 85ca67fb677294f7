"""A small scenario in a file, and `rfast-bench` called in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from rfast_bench.cli.commands import main

SMALL: dict[str, Any] = {
    "name": "small",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 3, "noise": 0.1},
    "compute": {"kind": "lognormal", "mean": "100 ms", "sigma": 0.3},
    "stragglers": [{"worker": 1, "slowdown": 3}],
    "network": {"latency": "10 ms", "loss": 0.2},
    "algorithms": [
        {"name": "r-fast", "step_size": 0.05, "topology": "line"},
        {"name": "ring-allreduce", "step_size": 0.2},
        {"name": "ad-psgd", "step_size": 0.1, "topology": "ring"},
    ],
    "stop": {"time": "10 s"},
    "evaluate": {"every": "1 s", "targets": {"gap": [0.1]}},
    "seeds": 2,
}


def write(folder: Path, **changes: Any) -> str:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return str(path)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def files_of(folder: Path, ending: str = ".csv") -> dict[str, bytes]:
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob(f"*{ending}"))}
    assert found
    return found
