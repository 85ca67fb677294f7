"""Samples a simulated run as it goes, ends it by its stop rules, and leaves its tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import simpy

from rfast_bench.api import Algorithm
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.cautions import Facts, cautions
from rfast_bench.breaches.endings import of_ended
from rfast_bench.breaches.invariant import Invariant
from rfast_bench.breaches.waits import Ended
from rfast_bench.conditions.faults.sides import Sides
from rfast_bench.problems import Problem
from rfast_bench.problems.base import on_host
from rfast_bench.problems.evaluation import Divergence, Evaluator, Row, Watcher, reached
from rfast_bench.problems.seats import held
from rfast_bench.scenario.schema import Scenario
from rfast_bench.sim.driver import Driver
from rfast_bench.sim.halts.stalls import why
from rfast_bench.sim.totals import staleness_counts, timeline, worker_totals
from rfast_bench.sim.worker import Worker, whose


@dataclass(frozen=True)
class Outcome:
    """What a run left: why it ended, and its tidy tables by file name (without `.csv`)."""

    stopped_by: str
    reason: str
    frames: dict[str, pd.DataFrame]
    broken: Broken | None = None
    """The rule that the method broke, if it did."""
    cautions: Sequence[Mapping[str, str]] = ()
    """What is to be said of the method beside it; see `breaches.cautions`."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """The manifest's part: the faults of the run."""
    diverged: Divergence | None = None
    """How it was seen, if it was."""

    @property
    def status(self) -> str:
        """How a table would call it: `diverged` and `stalled` are both, everything else is `finished`; but for a run
        whose invariant is broken."""
        if self.broken is not None and self.broken.rule.name == "invariant":
            return "invariant broken"
        return self.stopped_by if self.stopped_by in ("diverged", "stalled") else "finished"


class Monitor:
    """Samples a run on its evaluation grid and ends it by the first stop rule that fires."""

    def __init__(
        self,
        scenario: Scenario,
        problem: Problem,
        evaluator: Evaluator,
        workers: Sequence[Worker],
        watcher: Watcher,
        sides: Sides | None = None,
    ) -> None:
        """`sides`: who can reach whom, where that changes."""
        self._stop = scenario.stop
        self._every = scenario.evaluate.every
        self._samples_of_epoch = problem.samples
        self._evaluator = evaluator
        self._workers = workers
        self._watcher = watcher
        self._rows: list[dict[str, float]] = []
        self._stopped_by = ""
        self.reason = ""
        self.broken: Broken | None = None
        self._invariant = Invariant(len(workers), problem.dtype.itemsize)
        self._start = on_host(problem.start)
        self._held = [held(problem, worker.number) for worker in workers]
        self.checks: list[Callable[[], None]] = []
        """Called at each look; they raise what there is to be told."""
        self._grid_index = 0
        self._sides = sides
        self._diverged: Divergence | None = None

    @property
    def stopped(self) -> bool:
        """Whether a stop rule has fired."""
        return bool(self._stopped_by)

    def attach(self, driver: Driver) -> None:
        """Look at the start, and plan the first look and the end."""
        self._driver = driver
        self._clock = driver.clock
        self._set_alarms()
        self._watcher.begin(self.where)
        self._look(0.0)
        if self._every.seconds is not None:
            self._plan(self._every.seconds)
        if self._stop.time is not None:
            self._clock.timeout(self._stop.time).callbacks.append(self._on_time_up)

    # --------------------------------------------------------------------------------------- evaluation
    def _plan(self, time: float) -> None:
        event = self._clock.timeout(max(0.0, time - self._clock.now), time)
        event.callbacks.append(self._on_grid)

    def _on_grid(self, event: simpy.Event) -> None:
        assert isinstance(event.value, float)
        self._look(event.value)
        if not self._stopped_by and self._is_over(0 if self._stop.time is None else 1):
            self._come_to_a_halt()
        if self._stopped_by:
            self._driver.stop()
        self._grid_index += 1
        assert self._every.seconds is not None
        self._plan((self._grid_index + 1) * self._every.seconds)

    def _on_time_up(self, event: simpy.Event) -> None:
        assert self._stop.time is not None
        if self._is_over(0 if self._every.seconds is None else 1):
            self._come_to_a_halt()
        self._end("time", self._stop.time)

    def _is_over(self, own: int) -> bool:
        """Whether nothing will ever happen again, but for so many events of the monitor's own."""
        return self._clock.pending <= own

    def _come_to_a_halt(self) -> None:
        """Nobody can go on: the run is over, and it is said which rule the method broke."""
        self._stopped_by = "stalled"
        self.broken = why(self._driver)
        if self.broken is not None:
            self.reason = f"at {self._clock.now:.3g} s: {self.broken.found}"

    def _set_alarms(self) -> None:
        """Have `on_iteration` called from the counts on at which it may have something to do."""
        next_look = self._grid_index + 1
        rounds = [self._stop.iterations, self._every.iterations and next_look * self._every.iterations]
        epochs = [self._stop.epochs, self._every.epochs and next_look * self._every.epochs]
        slack = 1 - 1e-9  # rather once too often than, by rounding, one iteration too late
        least_rounds = min((r for r in rounds if r), default=math.inf)
        least_epochs = min((e for e in epochs if e), default=math.inf)
        self._driver.alarm_iterations = slack * least_rounds * len(self._workers)
        self._driver.alarm_samples = slack * least_epochs * self._samples_of_epoch

    def on_iteration(self) -> None:
        """Looks and stops that are counted, not timed."""
        driver, stop = self._driver, self._stop
        rounds = driver.iterations / len(self._workers)
        epochs = driver.samples / self._samples_of_epoch
        if stop.iterations is not None and rounds >= stop.iterations:
            self._end("iterations", self._clock.now)
        if stop.epochs is not None and epochs >= stop.epochs:
            self._end("epochs", self._clock.now)
        step = self._every.iterations or self._every.epochs
        done = rounds if self._every.iterations else epochs
        if step is not None and done >= (self._grid_index + 1) * step:
            self._grid_index = int(done / step)
            self._look(self._clock.now)
            if self._stopped_by:
                driver.stop()
            self._set_alarms()

    def stall(self, reason: str) -> None:
        """End the run because its method cannot go on."""
        self.reason = reason
        self._end("stalled", self._clock.now)

    def _end(self, rule: str, time: float) -> None:
        if self._rows[-1]["time"] == time:
            self._rows.pop()  # a look of the grid at this very instant, before the last iteration
        self._look(time)
        self._stopped_by = self._stopped_by or rule
        self._driver.stop()

    def _look(self, time: float) -> None:
        for check in self.checks:
            check()
        there = {k: self._workers[k].algorithm for k in whose(self._workers)}
        row = {
            "time": time,
            **self._counters(),
            **self._evaluator.measure(there),
            **self._rest(time, there),
            **self._traffic(),
        }
        self._rows.append(row)
        self._look_at_invariant(row)
        self._watcher.look(self._share(row), row)
        self._diverged = self._evaluator.divergence(row)
        if self._diverged is not None:
            self._stopped_by, self.reason = "diverged", self._diverged.told
        elif self._on_target(row):
            self._stopped_by = "target"

    def _rest(self, time: float, there: Mapping[int, Algorithm]) -> dict[str, float]:
        """How well those who are there solve what is left to them."""
        return (
            {} if self._sides is None else {"gap_rest": self._evaluator.gap_of(self._sides.at(time), there)}
        )

    def _look_at_invariant(self, row: Row) -> None:
        """It is the living's; of a method that cannot do without the dead, nothing is known after the first death."""
        workers = self._workers
        if math.isnan(row["residual"]) or (any(w.life for w in workers) and not workers[0].algorithm.elastic):
            return
        living = (w.algorithm for w in workers if not w.down)
        self._invariant.look(row["time"], row["residual"], row["iterations_max"], living)

    def _on_target(self, row: dict[str, float]) -> bool:
        target = self._stop.target
        wanted = {} if target is None else target.wanted
        return bool(wanted) and all(reached(row, metric, value) for metric, value in wanted.items())

    def where(self) -> tuple[float, Row]:
        """How far the run is now, between looks too: it reads counters and touches nothing."""
        driver = self._driver
        row = {
            "time": self._clock.now,
            "epoch": driver.samples / self._samples_of_epoch,
            "iterations_mean": driver.iterations / len(self._workers),
        }
        return self._share(row), row

    def _share(self, row: Row) -> float:
        stop = self._stop
        limits = (
            (row["time"], stop.time),
            (row["iterations_mean"], stop.iterations),
            (row["epoch"], stop.epochs),
        )
        return min(1.0, max((done / limit for done, limit in limits if limit), default=0.0))

    # ------------------------------------------------------------------------------------------ records
    def _counters(self) -> dict[str, float]:
        done = [w.node.gradients for w in self._workers]
        return {
            "epoch": self._driver.samples / self._samples_of_epoch,
            "gradients": sum(done),
            "iterations_min": min(done),
            "iterations_mean": sum(done) / len(done),
            "iterations_max": max(done),
        }

    def _traffic(self) -> dict[str, float]:
        nodes = [w.node for w in self._workers]
        return {
            "messages_sent": sum(n.sent for n in nodes),
            "messages_lost": sum(n.lost for n in nodes),
            "messages_superseded": sum(n.superseded for n in nodes),
            "bytes_sent": round(sum(n.bytes_sent for n in nodes)),
        }

    def outcome(self) -> Outcome:
        """The finished run's tables."""
        if not self._stopped_by:
            self._come_to_a_halt()
        if self._invariant.broken is not None:
            self.broken = self._invariant.broken
            self.reason = self.broken.seen
        end = self._rows[-1]["time"]
        return Outcome(
            self._stopped_by,
            self.reason,
            {
                "curves": pd.DataFrame(self._rows),
                "workers": pd.DataFrame([worker_totals(w, end) for w in self._workers]),
                "staleness": staleness_counts(self._workers),
                "timeline": timeline(self._workers, end),
            },
            self.broken,
            self._cautions(),
            diverged=self._diverged,
        )

    def _cautions(self) -> Sequence[Mapping[str, str]]:
        workers = self._workers
        if self._stopped_by == "stalled" or any(w.life for w in workers):
            return ()
        moved = self._rows[0]["gradient_norm"] == 0 or any(
            not np.array_equal(on_host(w.algorithm.model), self._start) for w in workers
        )
        facts = Facts(
            [w.node.gradients for w in workers],
            [w.asked for w in workers],
            self._held,
            sum(w.node.sent for w in workers),
            moved,
            [Ended(worker.number, of_ended(activity)) for worker, activity in self._driver.ended],
        )
        return cautions(type(workers[0].algorithm), facts)
