"""What a link between two hosts of the laboratory does to packets."""

from __future__ import annotations

from rfast_bench.scenario.values.base import Spec
from rfast_bench.scenario.values.units import BytesPerSecond, Probability, Seconds


class Link(Spec):
    """What the link of every host does to packets, in each direction."""

    loss: Probability = 0.0
    rate: BytesPerSecond | None = None
    """None is as fast as the kernel."""
    latency: Seconds = 0.0
    """Between any two hosts, one way."""

    def __str__(self) -> str:
        parts = [f"{100 * self.loss:g} % packet loss" if self.loss else ""]
        parts += [f"{8 * self.rate / 1e6:g} Mbit/s" if self.rate else ""]
        parts += [f"{1000 * self.latency:g} ms latency" if self.latency else ""]
        return ", ".join(filter(None, parts)) or "clean"
