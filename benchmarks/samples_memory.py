"""Memory of a real run whose models are kept for evaluation: what many looks add to that of two, beside the budget.

    python -m benchmarks.samples_memory [--weights 25000000] [--looks 50] [--budget 250e6] [--workers 2]

A network of one float32 parameter, whose gradient costs next to nothing, is trained by D-PSGD on real processes; every
look is at another model. Two runs of as many iterations, each by a launcher of its own: one of two looks, one of
many. A worker's memory may
grow by the budget at most, plus one model that is on its way, and the launcher's by the models of one look.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

MODULE = """
import torch
from torch import nn


class Wide(nn.Module):
    def __init__(self, weights: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(weights))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] * self.weights.mean()
"""


def scenario(folder: Path, weights: int, rounds: int, every: int, budget: float, workers: int) -> Path:
    """A scenario file of one run of so many iterations that looks at its models every so many."""
    (folder / "wide.py").write_text(MODULE)
    said = {
        "name": "samples-memory",
        "world": "real",
        "workers": workers,
        "problem": {
            **{"kind": "torch", "model": "wide.py:Wide", "model_args": {"weights": weights}, "loss": "mse"},
            **{"dataset": "diabetes", "metric": "none", "batch_size": 8},
        },
        "compute": "1 ms",
        "algorithms": [{"name": "d-psgd", "step_size": 0.01}],
        "stop": {"iterations": rounds},
        "evaluate": {"every": f"{every} iterations"},
        "real": {"compute": "measured", "samples_memory": budget, "startup_timeout": "600 s"},
    }
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(said))
    return path


def one(path: Path) -> dict[str, Any]:
    """Do the run of a scenario here: its memory in bytes, and for how long its workers stood still for the disk."""
    from rfast_bench.plan.runs import load_points, plan
    from rfast_bench.records.peak_memory import peak
    from rfast_bench.study.run import perform

    (run,) = plan(load_points(path))
    record = perform(run, None)
    processes = record.manifest["real"]["processes"]
    return {
        "workers": [process["largest_memory"] for process in processes],
        "waited": [process["waited_for_disk"] for process in processes],
        "launcher": peak(),
        "looks": len(record.frames["curves"]),
        "status": record.manifest["status"],
        "seconds": record.manifest["wall_seconds"],
    }


def measure(weights: int, looks: int, budget: float, workers: int) -> dict[str, Any]:
    """The figures of both runs, in bytes; `left`: what the runs left in the folder where their models were."""
    with tempfile.TemporaryDirectory(prefix="samples-memory-") as name:
        folder = Path(name)
        temporary = folder / "tmp"
        temporary.mkdir()
        rounds = looks - 1
        few, many = (
            _apart(scenario(folder, weights, rounds, every, budget, workers), temporary)
            for every in (rounds, 1)
        )
        return {
            "model": 4 * weights,
            "budget": budget,
            "few": few,
            "many": many,
            "added": [after - before for after, before in zip(many["workers"], few["workers"], strict=True)],
            "launcher_added": many["launcher"] - few["launcher"],
            "left": sorted(path.name for path in temporary.rglob("*") if "models" in path.name),
        }


def _apart(path: Path, temporary: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.samples_memory", "--one", str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(temporary)}
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=int, default=25_000_000)
    parser.add_argument("--looks", type=int, default=50)
    parser.add_argument("--budget", type=float, default=2.5e8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        print(json.dumps(one(asked.one)))
        return
    found = measure(asked.weights, asked.looks, asked.budget, asked.workers)
    print(
        f"a model of {found['model'] / 1e6:.0f} MB, budget {found['budget'] / 1e6:.0f} MB, {asked.workers} workers"
    )
    for name in ("few", "many"):
        run = found[name]
        workers = ", ".join(f"{size / 1e6:.0f}" for size in run["workers"])
        print(
            f"{run['looks']} looks: peak of the workers {workers} MB, of the launcher {run['launcher'] / 1e6:.0f} MB; "
            f"they stood still for the disk {max(run['waited']):.1f} s; {run['seconds']:.0f} s in all, {run['status']}"
        )
    added = ", ".join(f"{size / 1e6:.0f}" for size in found["added"])
    print(f"looks added {added} MB to the workers, {found['launcher_added'] / 1e6:.0f} MB to the launcher")


if __name__ == "__main__":
    main()
