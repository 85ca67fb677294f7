"""From the workers' samples and logs to the tables that every world leaves; evaluates the models, after the run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rfast_bench.api import Algorithm
from rfast_bench.conditions.faults.sides import Sides, sides_of
from rfast_bench.problems.evaluation import Divergence, Evaluator, largest, reached
from rfast_bench.real.samples.results import Result
from rfast_bench.real.samples.sampler import COUNTED
from rfast_bench.scenario.faults.kinds import Fault
from rfast_bench.scenario.schema import Scenario

GRADIENTS, ITERATIONS, SAMPLES, SENT, LOST, SUPERSEDED, BYTES = range(len(COUNTED))


@dataclass(frozen=True)
class Look:
    """One row to be: a time, and which of each worker's samples it shows."""

    time: float
    samples: list[int]


class Shown:
    """A sampled model in the place of the algorithm that had it."""

    def __init__(self, model: NDArray[Any]) -> None:
        self.model = model

    @classmethod
    def residual(cls, workers: Sequence[Any]) -> None:
        return None


# -------------------------------------------------------------------------------------------- which samples
def looks(results: Sequence[Result], scenario: Scenario, synchronous: bool, epoch: int) -> list[Look]:
    """The looks of a run in order of time. `epoch` is how many samples all workers' epoch has."""
    every, end = scenario.evaluate.every, end_of(results)
    last = Look(end, [len(r["times"]) - 1 for r in results])
    if every.seconds is not None:
        fullest = max(results, key=lambda r: len(r["times"]))
        times = [float(t) for t in fullest["times"] if t < end]
        found = [Look(t, [_newest(r, t) for r in results]) for t in times]
    elif synchronous:
        found = _rounds(results, end)
    else:
        found = [Look(t, [_newest(r, t) for r in results]) for t in _counted_times(results, scenario, epoch)]
    return [look for look in found if look.time < end] + [last]


def end_of(results: Sequence[Result]) -> float:
    """When the run ended: when its last worker parked, or else when all were told to stop."""
    parked = [r.about["parked"] for r in results]
    return float(max(parked)) if None not in parked else float(min(r["times"][-1] for r in results))


def _newest(result: Result, time: float) -> int:
    """-1 for a worker that was not there yet."""
    return int(np.searchsorted(result["times"], time, side="right")) - 1


def _rounds(results: Sequence[Result], end: float) -> list[Look]:
    """Sample k of every worker is its model after the same round."""
    common = min(len(r["times"]) for r in results) - 1
    return [Look(max(float(r["times"][k]) for r in results), [k] * len(results)) for k in range(common)]


def _counted_times(results: Sequence[Result], scenario: Scenario, epoch: int) -> list[float]:
    """When the workers together had done each multiple of the grid's step."""
    every = scenario.evaluate.every
    if every.iterations is not None:
        instants = np.sort(np.concatenate([r["asked"][1:] for r in results]))
        step, done = every.iterations * len(results), np.arange(1.0, len(instants) + 1)
    else:
        assert every.epochs is not None
        instants = np.sort(np.concatenate([r["done"] for r in results]))
        samples = sum(float(r["counters"][-1, SAMPLES]) for r in results)
        step = every.epochs * epoch
        done = np.arange(1, len(instants) + 1) * (samples / max(1, len(instants)))
    crossed = np.flatnonzero(np.diff(np.floor(done / step + 1e-9), prepend=0.0))
    return [0.0, *instants[crossed].tolist()]


# -------------------------------------------------------------------------------------------------- curves
class Curve:
    """The evaluated looks, up to the one where the run is over by its target or diverged."""

    def __init__(
        self,
        results: Sequence[Result],
        scenario: Scenario,
        evaluator: Evaluator,
        epoch: int,
        faults: Sequence[Fault] = (),
    ) -> None:
        patience = scenario.network.silence_timeout or 0.0
        self._there = Sides(faults, scenario.workers, patience)
        self._sides = sides_of(scenario, faults)
        self.rows: list[dict[str, float]] = []
        self.stopped_by = ""
        self.diverged: Divergence | None = None
        self._results, self._evaluator, self._epoch = results, evaluator, epoch
        target = scenario.stop.target
        self._wanted = {} if target is None else target.wanted

    def add(self, look: Look) -> None:
        seats = zip(self._results, look.samples, strict=True)
        known = {r.worker: Shown(r.models[k]) for r, k in seats if k >= 0}
        away = self._there.away(look.time)
        models = {k: model for k, model in known.items() if k not in away} or known  # else nobody is there
        shown = cast(Mapping[int, Algorithm], models)
        measured = self._evaluator.measure(shown)
        if self._sides is not None:
            measured["gap_rest"] = self._evaluator.gap_of(self._sides.at(look.time), shown)
        row = {"time": look.time, **self._counters(look), **measured, **self._traffic(look)}
        self.rows.append(row)
        self.diverged = self._evaluator.divergence(row)
        if self.diverged is not None:
            self.stopped_by = "diverged"
        elif self._wanted and all(reached(row, metric, value) for metric, value in self._wanted.items()):
            self.stopped_by = "target"

    def _table(self, look: Look) -> NDArray[np.float64]:
        seats = zip(self._results, look.samples, strict=True)
        return np.array([r["counters"][k] for r, k in seats if k >= 0])

    def _counters(self, look: Look) -> dict[str, float]:
        table = self._table(look)
        done = table[:, GRADIENTS]
        return {
            "epoch": table[:, SAMPLES].sum() / self._epoch,
            "gradients": int(done.sum()),
            "iterations_min": int(done.min()),
            "iterations_mean": float(done.mean()),
            "iterations_max": int(done.max()),
        }

    def _traffic(self, look: Look) -> dict[str, float]:
        sent, lost, superseded, size = self._table(look).sum(axis=0)[[SENT, LOST, SUPERSEDED, BYTES]]
        return {
            "messages_sent": int(sent),
            "messages_lost": int(lost),
            "messages_superseded": int(superseded),
            "bytes_sent": round(float(size)),
        }

    def close(self) -> None:
        """The invariant is known of the workers' last states only: each worker's own part, summed."""
        residuals = [r["residual"] for r in self._results]
        if not self.stopped_by and all(part.size for part in residuals):
            self.rows[-1]["residual"] = largest(sum(residuals))


# -------------------------------------------------------------------------------------------- other tables
def worker_totals(result: Result, end: float, samples: float) -> dict[str, float]:
    """One row of `workers.csv`; seconds, counted to the end of the run."""
    intervals, given_up = computing(result, end), wasted(result, end)
    busy = float((intervals[:, 1] - intervals[:, 0]).sum())
    ages = result["read_age"][result["read_time"] <= end]
    return {
        "worker": result.worker,
        "gradients": int((result["done"] <= end).sum()),
        "samples": int(samples),
        "busy": busy,
        "waiting": end - busy,
        "wasted": float((given_up[:, 1] - given_up[:, 0]).sum()),
        "age_mean": float(ages.mean()) if len(ages) else math.nan,
        "age_max": float(ages.max()) if len(ages) else math.nan,
    }


def computing(result: Result, end: float) -> NDArray[np.float64]:
    """When the worker was computing, shape (k, 2), seconds, up to `end`."""
    starts, ends = result["asked"], result["done"]
    if result.about["parked"] is not None:
        starts = starts[:-1]
    ends = np.append(ends, [end] * (len(starts) - len(ends)))
    done = _until(end, starts, ends)
    both = np.concatenate([done, wasted(result, end)])
    return both[np.argsort(both[:, 0], kind="stable")]


def wasted(result: Result, end: float) -> NDArray[np.float64]:
    """When the worker was computing gradients that were given up, shape (k, 2), seconds, up to `end`."""
    return _until(end, result["wasted_from"], result["wasted_to"])


def _until(end: float, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = starts < end
    return np.stack([starts[kept], np.minimum(ends[kept], end)], axis=1)


def staleness_counts(results: Sequence[Result], end: float) -> pd.DataFrame:
    """How often each worker read a message that was so many of its sender's gradients old."""
    rows = []
    done_by = {r.worker: r["done"] for r in results}
    for r in results:
        ages: Counter[int] = Counter()
        for sender in done_by.keys() & set(np.unique(r["read_sender"]).tolist()):
            chosen = (r["read_sender"] == sender) & (r["read_time"] <= end)
            done = np.searchsorted(done_by[sender], r["read_time"][chosen], side="right")
            ages.update(np.maximum(0, done - r["read_count"][chosen]).tolist())
        rows += [(r.worker, staleness, count) for staleness, count in sorted(ages.items())]
    return pd.DataFrame(rows, columns=["worker", "staleness", "count"])


def timeline(results: Sequence[Result], end: float) -> pd.DataFrame:
    """When each worker was computing, for intervals that start before `end`."""
    rows = [(r.worker, *interval) for r in results for interval in computing(r, end).tolist()]
    return pd.DataFrame(rows, columns=["worker", "start", "end"])


# ------------------------------------------------------------------------------------------ common epochs
def common_epochs(results: Sequence[Result], epoch: int) -> dict[str, float]:
    """By how much the workers' own view of the common epoch was off at their gradients: in epochs, and in seconds.

    The truth is known after the run: what all had done just before. Every gradient of a worker counts its mean samples.
    """
    instants = np.concatenate([r["done"] for r in results])
    each = [float(r["counters"][-1, SAMPLES]) / max(1, len(r["done"])) for r in results]
    samples = np.concatenate([np.full(len(r["done"]), size) for r, size in zip(results, each, strict=True)])
    seen = np.concatenate([r["position"] for r in results])
    if not len(seen) or len(seen) != len(instants):
        return {}
    order = np.argsort(instants, kind="stable")
    true = (np.cumsum(samples[order]) - samples[order]) / epoch
    wrong = np.abs(seen[order] - true)
    rate = true[-1] / instants.max() if true[-1] > 0 else math.inf
    return {
        "error_mean": float(wrong.mean()),
        "error_max": float(wrong.max()),
        "seconds_mean": float(wrong.mean() / rate),
        "seconds_max": float(wrong.max() / rate),
    }
