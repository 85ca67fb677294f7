"""What a scenario may say under `real:`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.units import Bytes, PositiveSeconds


class RealSpec(Spec):
    """How the real world is run; a simulated run does not look at it."""

    compute: Literal["measured", "emulated"] = "emulated"
    """`emulated`: a real gradient, then sleep until the drawn compute time is over. `measured`: its true time."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where models live: `cuda` spreads the workers over the GPUs of their machine."""
    collectives: Literal["device", "host"] = "device"
    """Where means over all workers are formed: on their GPUs by NCCL, which needs one a worker, or in host memory by
    gloo, for workers that share a GPU. On the CPU both are the same."""
    host: str = "127.0.0.1"
    """The address that a worker's sockets are bound to and that the others reach it by. Under an external
    launcher every machine takes the address by which it reaches the store instead."""
    startup_timeout: PositiveSeconds = Field(default=120.0, validate_default=True)
    """Until every worker has loaded its data and found the others."""
    process_group_timeout: PositiveSeconds = Field(default=60.0, validate_default=True)
    """How long a collective may take."""
    stall_timeout: PositiveSeconds = Field(default=60.0, validate_default=True)
    """A run in which no worker completes a gradient for so long ends as stalled."""
    restart_after: PositiveSeconds | None = None
    """So long after a worker was killed it is started again, with the start model; None: it is not."""
    samples_memory: Bytes = 2.5e8
    """Bytes of models that a worker keeps in memory for evaluation after the run; what is beyond goes to its folder
    while the run goes on. No part of what a run is."""
