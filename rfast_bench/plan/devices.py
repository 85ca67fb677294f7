"""Whether the GPUs that a scenario asks for are there, said before any run is started."""

from __future__ import annotations

import os

from rfast_bench.errors import CannotRun, UserError
from rfast_bench.scenario.schema import Scenario


def check(scenario: Scenario, collectives: bool, source: str) -> None:
    """`collectives`: whether the algorithm awaits them, which in the real world takes one GPU a worker. Messages of
    all others go through host memory, so their workers may share a GPU.

    Raises UserError when there is no GPU, CannotRun when two workers of a collective would share one.
    """
    key, device = _device(scenario)
    if device == "cpu":
        return
    count = gpus()
    if count == 0:
        raise UserError(f"{source}: {key} is {device}, but this machine shows no GPU; allowed here: cpu")
    by_nccl = collectives and scenario.real.collectives == "device"
    if scenario.world == "real" and by_nccl and _workers_here(scenario) > count:
        raise CannotRun(
            f"{_workers_here(scenario)} workers would share {count} GPU{'s' if count > 1 else ''}, and for means over "
            f"all workers NCCL needs one GPU a worker; run at most {count} workers a machine, or set real.collectives "
            f"to host, or {key} to cpu"
        )


def gpus() -> int:
    """How many GPUs this machine shows to torch."""
    import torch  # takes a second or more

    return torch.cuda.device_count()


def _device(scenario: Scenario) -> tuple[str, str]:
    if scenario.world == "real":
        return "real.device", scenario.real.device
    return "simulation.device", scenario.simulation.device


def _workers_here(scenario: Scenario) -> int:
    """All of them, unless a launcher like torchrun says how many are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", scenario.workers))
