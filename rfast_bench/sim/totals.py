"""What the workers of a simulated run add up to at its end: the tables beside its curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from rfast_bench.sim.worker import Worker


def worker_totals(worker: Worker, end: float) -> dict[str, float]:
    """One row of `workers.csv`; seconds, counted to the end of the run."""
    node = worker.node
    busy = worker.busy - max(0.0, worker.until - end)
    return {
        "worker": node.id,
        "gradients": node.gradients,
        "samples": worker.samples,
        "busy": busy,
        "waiting": end - busy,
        "wasted": worker.wasted,
        "age_mean": node.age_sum / node.reads if node.reads else math.nan,
        "age_max": node.age_max if node.reads else math.nan,
    }


def staleness_counts(workers: Sequence[Worker]) -> pd.DataFrame:
    """How often each worker read a message that was so many of its sender's gradients old."""
    rows = [
        (w.node.id, staleness, count)
        for w in workers
        for staleness, count in sorted(w.node.staleness.items())
    ]
    return pd.DataFrame(rows, columns=["worker", "staleness", "count"])


def timeline(workers: Sequence[Worker], end: float) -> pd.DataFrame:
    """When each worker was computing, during the first stretch of the run."""
    rows = [
        (w.node.id, start, min(until, end)) for w in workers for start, until in w.intervals if start < end
    ]
    return pd.DataFrame(rows, columns=["worker", "start", "end"])
