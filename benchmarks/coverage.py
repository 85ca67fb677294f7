"""How often an interval of a tuned speed-up holds the true one: conditional on the steps that were chosen, and whole.

    python -m benchmarks.coverage [--seeds 400] [--repetitions 200] [--report 6] [--save POOL.npz | --load POOL.npz]

A small tuned comparison, R-FAST over Ring-AllReduce, is repeated with independent seeds: the step of each is chosen
from a grid by the median time to a gap on four tuning seeds, as `tune` does it, and the speed-up is the median over
other seeds, paired. Every method has first been run at every step on all seeds, so a repetition only draws from these.

Intervals (95 %, percentile bootstrap of the median):
    conditional   resamples the reported seeds, at the chosen steps; what tables show
    whole         resamples the tuning seeds too: the steps that these would choose, on resampled reported seeds. It
                  needs reported runs of every step that wins in some resample

Truths:
    at the chosen steps   the median speed-up over all seeds at the steps that this repetition chose
    of the procedure      the median speed-up over all seeds and all choices: of somebody who tunes anew and runs once
    at the best steps     the median speed-up over all seeds at the steps that all seeds would choose
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.setting import run_of
from rfast_bench import problems
from rfast_bench.analysis.statistics import CONFIDENCE, estimate, exactly
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.scenario.sections.tuning import Objective
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker, problem_of
from rfast_bench.study.tuning.ranking import ENDED, REACHED, Score, best

Array = NDArray[np.float64]
GAP = 0.05
LONGEST = 60.0
"""Seconds after which a run ends."""
TUNING = 4
"""Seeds that choose."""
RESAMPLES = 999
METHODS: dict[str, tuple[dict[str, Any], list[float]]] = {
    "r-fast": ({"name": "r-fast", "topology": "binary-tree"}, [0.02, 0.04, 0.08, 0.16, 0.32]),
    "ring-allreduce": ({"name": "ring-allreduce"}, [0.1, 0.2, 0.4, 0.8, 1.6]),
}
SETTING: dict[str, Any] = {
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 8, "noise": 0.3, "condition": 5},
    "stragglers": [{"worker": 3, "slowdown": 2}],
    "stop": {"time": LONGEST, "target": {"gap": GAP}},
    "evaluate": {"every": 0.5, "targets": {"gap": [GAP]}},
}
OBJECTIVE = Objective.model_validate({"time_to": {"gap": GAP}})


class Pool(NamedTuple):
    """Every method at every step on every seed, arrays of shape (methods, steps, seeds)."""

    times: Array
    """Seconds to the gap; infinite where it was not reached."""
    finals: Array
    """The gap at the end."""


class Shown(NamedTuple):
    """What one repetition came to. Intervals and truths by name."""

    intervals: dict[str, tuple[float, float]]
    truths: dict[str, float]
    candidates: int
    """Steps, of all methods, that win in some resample of the tuning seeds."""


# ------------------------------------------------------------------------------------------------ the runs
def pool_of(seeds: int) -> Pool:
    """Run all of it, one after another, in the simulated world."""
    steps = len(next(iter(METHODS.values()))[1])
    times, finals = (np.empty((len(METHODS), steps, seeds)) for _ in range(2))
    for m, (algorithm, grid) in enumerate(METHODS.values()):
        for k, step in enumerate(grid):
            run = run_of("coverage", algorithms=[{**algorithm, "step_size": step}], **SETTING)
            played = _player(run)
            for seed in range(seeds):
                times[m, k, seed], finals[m, k, seed] = played(seed)
    return Pool(times, finals)


def _player(run: Run) -> Callable[[int], tuple[float, float]]:
    """A seed to the time to the gap, and the gap at the end. The problem is the same for all seeds."""
    problem, topology = problem_of(run), run.build_topology()
    evaluator = Evaluator(problem, problems.reference(problem))
    play = partial(simulate, run.scenario, maker(run), topology, problem, evaluator)
    return lambda seed: _ended(play(seed).frames["curves"])


def _ended(curves: pd.DataFrame) -> tuple[float, float]:
    reached = curves["time"][curves["gap"] <= GAP]
    return float(reached.iloc[0]) if len(reached) else np.inf, float(curves["gap"].iloc[-1])


# ---------------------------------------------------------------------------------------- one repetition
def chosen(pool: Pool, seeds: NDArray[np.int64]) -> tuple[int, ...]:
    """Which step of each method these tuning seeds choose."""

    def score(m: int, k: int, seed: int) -> Score:
        time = pool.times[m, k, seed]
        return Score(REACHED, time) if np.isfinite(time) else Score(ENDED, pool.finals[m, k, seed])

    methods, steps, _ = pool.times.shape
    return tuple(
        best([[score(m, k, s) for s in seeds] for k in range(steps)], OBJECTIVE) for m in range(methods)
    )


def speedups(pool: Pool, steps: Sequence[int]) -> Array:
    """The second method's time over the first's at these steps, of every seed, shape (seeds,). Of two runs that both
    did not get there it is 1."""
    own, other = (np.minimum(pool.times[m, k], 1e9) for m, k in enumerate(steps))
    return np.asarray(other / own)


def repetition(
    pool: Pool, report: int, procedure: float, best_steps: float, rng: np.random.Generator
) -> Shown:
    """Tune, report, and look at both intervals. `procedure` and `best_steps` are these truths."""
    seeds = rng.permutation(pool.times.shape[-1])[: TUNING + report]
    tuning, reported = seeds[:TUNING], seeds[TUNING:]
    steps = chosen(pool, tuning)
    conditional = estimate([exactly(float(v)) for v in speedups(pool, steps)[reported]])
    assert conditional is not None
    whole, winners = whole_interval(pool, tuning, reported, rng)
    truths = {
        "at the chosen steps": float(np.median(speedups(pool, steps))),
        "of the procedure": procedure,
        "at the best steps": best_steps,
    }
    intervals = {"conditional": (conditional.lower.low, conditional.upper.low), "whole": whole}
    return Shown(intervals, truths, winners)


def whole_interval(
    pool: Pool, tuning: NDArray[np.int64], reported: NDArray[np.int64], rng: np.random.Generator
) -> tuple[tuple[float, float], int]:
    """The interval that resamples both kinds of seeds, and how many steps, of all methods, won in some resample."""
    known: dict[tuple[int, ...], tuple[int, ...]] = {}
    medians = []
    for _ in range(RESAMPLES):
        again = tuple(sorted(rng.choice(tuning, len(tuning)).tolist()))
        steps = known[again] = known.get(again) or chosen(pool, np.array(again))
        medians.append(np.median(speedups(pool, steps)[rng.choice(reported, len(reported))]))
    out = (1 - CONFIDENCE) / 2
    low, high = np.quantile(medians, [out, 1 - out])
    return (float(low), float(high)), sum(len(set(won)) for won in zip(*known.values(), strict=True))


def of_the_procedure(pool: Pool, rng: np.random.Generator, draws: int = 400) -> float:
    """The median speed-up of one run after a tuning of its own."""
    every = np.arange(pool.times.shape[-1])
    tunings = (rng.choice(every, TUNING, replace=False) for _ in range(draws))
    return float(np.median(np.concatenate([speedups(pool, chosen(pool, seeds)) for seeds in tunings])))


# -------------------------------------------------------------------------------------------- the figures
def study(pool: Pool, repetitions: int, report: int, seed: int = 0) -> list[Shown]:
    """So many repetitions with seeds of their own."""
    rng = np.random.default_rng(seed)
    every = chosen(pool, np.arange(pool.times.shape[-1]))
    truths = of_the_procedure(pool, rng), float(np.median(speedups(pool, every)))
    return [repetition(pool, report, *truths, rng) for _ in range(repetitions)]


def coverage(shown: Sequence[Shown]) -> dict[str, dict[str, float]]:
    """By interval and truth: the share of repetitions whose interval holds it; and `ratio`, the median of the upper end
    over the lower."""
    found: dict[str, dict[str, float]] = {}
    for name in shown[0].intervals:
        ends = np.array([one.intervals[name] for one in shown])
        found[name] = {
            truth: float(
                np.mean(
                    [low <= one.truths[truth] <= high for one, (low, high) in zip(shown, ends, strict=True)]
                )
            )
            for truth in shown[0].truths
        }
        found[name]["ratio"] = float(np.median(ends[:, 1] / ends[:, 0]))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description="How often intervals of a tuned speed-up hold the true one.")
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--report", type=int, default=6, help="reported seeds of a repetition")
    parser.add_argument("--save", type=Path, help="keep the runs' times here")
    parser.add_argument("--load", type=Path, help="take them from there")
    given = parser.parse_args(arguments)
    with threadpool_limits(limits=1):
        pool = Pool(**np.load(given.load)) if given.load else pool_of(given.seeds)
    if given.save:
        np.savez(given.save, **pool._asdict())
    shown = study(pool, given.repetitions, given.report)
    for (name, (_, grid)), times in zip(METHODS.items(), pool.times, strict=True):
        told = ", ".join(f"{g:g}: {np.median(t):g} s" for g, t in zip(grid, times, strict=True))
        print(f"{name}: median time to gap {GAP:g} by step {told}")
    print(
        "truths: " + ", ".join(f"{k} {np.median([s.truths[k] for s in shown]):.3f}" for k in shown[0].truths)
    )
    for name, rates in coverage(shown).items():
        print(f"{name:12} " + "; ".join(f"{truth}: {rate:.3g}" for truth, rate in rates.items()))
    extra = np.mean([one.candidates - len(METHODS) for one in shown])
    print(
        f"{given.repetitions} repetitions, {given.report} reported seeds; {extra:.2f} more steps to report on average"
    )


if __name__ == "__main__":
    main()
