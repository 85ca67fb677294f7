"""R-FAST under random schedules of faults: crashes with returns, pauses, links that are down, partitions, bursts of
loss, duplicates, spoilt and reordered messages, all in one run. The ledger is looked at after each event of every
worker, and the gap to the optimum of all once everything is whole again.

    python -m benchmarks.fault_schedules [--schedules 200] [--first 0]

Exits with 1 where a ledger is off by more than 1e-9 or a gap is above 1e-10. Full gradients of quadratics of unlike
workers, so that the optimum is known and reached to rounding.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from rfast_bench.conditions.faults.schedule import schedule
from rfast_bench.plan.runs import Point, Run, with_parameters
from rfast_bench.problems import reference
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.scenario.faults.kinds import DRAWN
from rfast_bench.scenario.reading import validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.sim.driver import Driver
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker, problem_of

LEDGER, GAP = 1e-9, 1e-10
PAIRS = {
    "binary-tree": 0.02,
    "exponential": 0.3,
    "line": 0.01,
    "star": 0.02,
    "complete": 0.5,
    "random-trees": 0.006,
}
"""Topologies and step sizes, taken in turn: such that the few on one side of a split network are stable too,
and the chains of random trees."""
FAULTY, END = 400.0, 4500.0
"""Seconds in which faults happen, and the end of the run; a gradient takes about 1."""


@dataclass
class Found:
    """What one schedule came to."""

    seed: int
    pair: str
    workers: int
    faults: Counter[str]
    ledger: float
    """The largest coordinate of the sum of the living workers' local ledgers, at whatever event."""
    gap: float
    events: int
    changes: int
    """How often workers gave somebody up or took somebody back."""

    @property
    def good(self) -> bool:
        return self.ledger < LEDGER and abs(self.gap) < GAP


class Auditor(Driver):
    """Looks at the ledger after every gradient, death and return. Each worker's own part changes by its own events."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.worst, self.events = 0.0, 0
        self._parts: dict[int, Any] = {
            worker.number: np.zeros(worker.algorithm.model.shape) for worker in self.workers
        }

    def _computed(self, event: Any) -> None:
        super()._computed(event)
        self._audit(event.worker.number)

    def kill(self, number: int) -> None:
        super().kill(number)
        self._audit(number)

    def revive(self, number: int, *arguments: Any) -> None:
        super().revive(number, *arguments)
        self._audit(number)

    def _audit(self, number: int) -> None:
        worker: Any = self.workers[number]
        self._parts[number] = 0.0 if worker.down else worker.algorithm.local_residual
        self.worst = max(self.worst, float(np.max(np.abs(sum(self._parts.values())))))
        self.events += 1


def pair_of(seed: int) -> str:
    """The topology that is its turn."""
    return list(PAIRS)[seed % len(PAIRS)]


def scenario_of(seed: int) -> Scenario:
    """A pair of graphs, some workers and all kinds of faults together."""
    rng = np.random.default_rng(seed)
    pair = pair_of(seed)
    said = {
        "name": "schedule",
        "workers": int(rng.integers(3, 9)),
        "problem": {"kind": "quadratic", "dim": 4, "condition": 4, "heterogeneity": 1, "noise": 0},
        "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.3},
        "network": {
            "latency": {"kind": "exponential", "mean": 0.3},
            "loss": 0.1,
            "reorder": {"probability": 0.1, "delay": 2},
            "silence_timeout": float(rng.uniform(8, 25)),
        },
        "faults": {
            "random": {
                "rate": 1 / 80,
                "lasts": 30,
                "until": FAULTY,
                "kinds": list(DRAWN),
                "state": "snapshot" if rng.random() < 0.7 else "empty",
                "delay": 1.5,
            }
        },
        "algorithms": [{"name": "r-fast", "step_size": PAIRS[pair], "topology": pair}],
        "stop": {"time": END},
        "evaluate": {"every": 500},
    }
    return validate(Scenario, said, "schedule")


def play(seed: int) -> Found:
    """One schedule."""
    scenario = with_parameters(scenario_of(seed), "fault_schedules", None)
    run = Run(Point({}, scenario, Path()), 0, seed)
    problem, drivers = problem_of(run), []

    def make(*arguments: Any, **more: Any) -> Driver:
        drivers.append(Auditor(*arguments, **more))
        return drivers[0]

    evaluator = Evaluator(problem, reference(problem))
    parts = (scenario, maker(run), run.build_topology(), problem, evaluator, seed)
    curves = simulate(*parts, make_driver=make).frames["curves"]
    kinds = Counter(str(fault.kind) for fault in schedule(scenario, seed))
    driver = drivers[0]
    changes = sum(worker.node.changes for worker in driver.workers)
    gap = float(curves["gap"].iloc[-1])
    return Found(seed, pair_of(seed), scenario.workers, kinds, driver.worst, gap, driver.events, changes)


def table(found: Sequence[Found]) -> str:
    """Markdown, a row a pair."""
    lines = [
        "| pair | schedules | faults | events | views changed | ledger at most | gap at most |",
        "| --- " * 7 + "|",
    ]
    for pair in PAIRS:
        own = [one for one in found if one.pair == pair]
        if own:
            faults, events = sum(one.faults.total() for one in own), sum(one.events for one in own)
            changes = sum(one.changes for one in own)
            ledger, gap = max(one.ledger for one in own), max(abs(one.gap) for one in own)
            lines.append(
                f"| {pair} | {len(own)} | {faults} | {events} | {changes} | {ledger:.1e} | {gap:.1e} |"
            )
    return "\n".join(lines)


@click.command()
@click.option("--schedules", default=200, show_default=True)
@click.option("--first", default=0, show_default=True, help="The first seed.")
def main(schedules: int, first: int) -> None:
    """Play schedule after schedule."""
    found = []
    for seed in range(first, first + schedules):
        found.append(play(seed))
        if not found[-1].good:
            click.echo(str(found[-1]))
    total = sum((one.faults for one in found), Counter[str]())
    click.echo(table(found))
    click.echo(", ".join(f"{count} {kind}" for kind, count in sorted(total.items())))
    sys.exit(not all(one.good for one in found))


if __name__ == "__main__":
    main()
