"""One run in the real world: starts its workers, waits for them, and evaluates what they sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rfast_bench.breaches.broken import Broken
from rfast_bench.conditions.compute_times import timeline_of
from rfast_bench.conditions.faults.schedule import described, schedule
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem
from rfast_bench.problems.evaluation import NOBODY, Divergence, Evaluator, Watcher
from rfast_bench.processes.folders import folder_of_own
from rfast_bench.real import gather
from rfast_bench.real.halts import verdicts
from rfast_bench.real.launch import deaths
from rfast_bench.real.launch.deaths import Death
from rfast_bench.real.launch.local import local
from rfast_bench.real.samples.results import Result, has_left, load
from rfast_bench.real.worker.optimizer import asks_all
from rfast_bench.scenario.faults.kinds import Fault, Spell
from rfast_bench.scenario.values.units import with_digits

LATEST = 0.05
"""A run is void when its mean lateness is above this share of its mean compute time."""


@dataclass(frozen=True)
class Outcome:
    """What a run left: why it ended, its tidy tables by file name (without `.csv`), and its manifest's part."""

    stopped_by: str
    reason: str
    """Why it is void, stalled or diverged, if it is."""
    frames: dict[str, pd.DataFrame]
    notes: dict[str, Any]
    void: bool
    """Whether its times mean nothing."""
    broken: Broken | None = None
    """The rule that the method broke, if it did."""
    cautions: Sequence[Mapping[str, str]] = ()
    """What is to be said of the method beside it; see `breaches.cautions`."""
    diverged: Divergence | None = None
    """How it was seen, if it was."""

    @property
    def status(self) -> str:
        """As the manifest words it."""
        if self.broken is not None and self.broken.rule.name == "invariant":
            return "invariant broken"
        if self.void:
            return "void"
        return self.stopped_by if self.stopped_by in ("diverged", "stalled") else "finished"


Play = Callable[[Run, Path, int, Watcher], None]
"""Has a run done by its workers, whose results are in the folder afterwards. Losses are not known before."""


@dataclass(frozen=True)
class Launch:
    """Who does the runs, and where the workers leave what they sampled; by default this machine and its place
    for such things."""

    play: Play = local
    home: Path | None = None

    def folder(self) -> AbstractContextManager[Path]:
        """A folder for one run, gone after it; find_runs does not look into it."""
        return folder_of_own(self.home)


OWN = Launch()


def realise(
    run: Run,
    problem: Problem,
    evaluator: Evaluator,
    watcher: Watcher = NOBODY,
    launch: Launch = OWN,
) -> Outcome:
    """Do a run on real processes. Raises UserError when a worker dies or does not come."""
    with launch.folder() as folder:
        launch.play(run, folder, problem.samples, watcher)
        results = [load(folder, k) for k in range(run.scenario.workers) if has_left(folder, k)]
        if not results:
            died = "; ".join(death.told() for death in deaths.load(folder)) or "none of them died"
            raise UserError(
                f"{run.algorithm.label}, seed {run.seed}: no worker left results in {folder}: {died}"
            )
        return outcome(run, problem, evaluator, results, deaths.load(folder))


def outcome(
    run: Run, problem: Problem, evaluator: Evaluator, results: Sequence[Result], died: Sequence[Death] = ()
) -> Outcome:
    """Evaluate the workers' samples and put their logs into the tables."""
    scenario, faults = run.scenario, schedule(run.scenario, run.seed)
    curve = gather.Curve(results, scenario, evaluator, problem.samples, faults)
    shown = gather.looks(results, scenario, run.algorithm_class.synchronous, problem.samples)
    with np.errstate(all="ignore"):
        for look in shown:
            curve.add(look)
            if curve.stopped_by:
                break
        curve.close()
    end = curve.rows[-1]["time"]
    stretch = min(end, timeline_of(scenario))
    counted = [float(r["counters"][k, gather.SAMPLES]) for r, k in zip(results, look.samples, strict=True)]
    totals = [gather.worker_totals(r, end, count) for r, count in zip(results, counted, strict=True)]
    frames = {
        "curves": pd.DataFrame(curve.rows),
        "workers": pd.DataFrame(totals),
        "staleness": gather.staleness_counts(results, end),
        "timeline": gather.timeline(results, stretch),
    }
    late = lateness(results)
    stopped_by = curve.stopped_by or str(results[0].about["stopped_by"])
    void = _void(late)
    died_by = "; ".join(death.told() for death in died) or _held_up(faults, stopped_by, end)
    verdict = verdicts.verdict(run, problem, results, curve.rows, stopped_by, died_by)
    about = {"real": notes(results, late) | {"deaths": [asdict(death) for death in died]}}
    if asks_all(run):
        about["real"]["common_epochs"] = gather.common_epochs(results, problem.samples)
    about |= described(faults)
    diverged = "" if curve.diverged is None else curve.diverged.told
    reason = "; ".join(filter(None, [verdict.reason or diverged, void]))
    return Outcome(
        *(verdict.stopped_by, reason, frames, about, bool(void)),
        *(verdict.broken, verdict.cautions, curve.diverged),
    )


def _held_up(faults: Sequence[Fault], stopped_by: str, end: float) -> str:
    """By which of its faults a run was that stalled."""
    if stopped_by != "stalled":
        return ""
    return "; ".join(fault.told for fault in faults if fault.on(end) and not isinstance(fault, Spell))


def lateness(results: Sequence[Result]) -> dict[str, float]:
    """By how much gradients were done after their emulated time, in seconds; empty when nothing was emulated."""
    late = np.concatenate([r["lateness"] for r in results])
    if not len(late):
        return {}
    step = float(np.concatenate([r["planned"] for r in results]).mean())
    return {
        "mean": float(late.mean()),
        "median": float(np.median(late)),
        "p99": float(np.quantile(late, 0.99)),
        "worst": float(late.max()),
        "step": step,
        "share": float(late.mean()) / step if step else 0.0,
    }


def _void(late: dict[str, float]) -> str:
    if not late or late["share"] <= LATEST:
        return ""
    share, most = with_digits(100 * late["share"], 100 * LATEST, 2), f"{100 * LATEST:g}"
    return (
        f"gradients were {1000 * late['mean']:.2g} ms late on average, {share} % of their "
        f"{1000 * late['step']:.3g} ms (at most {most} %): too much work for this machine"
    )


def notes(results: Sequence[Result], late: dict[str, float]) -> dict[str, Any]:
    """What the manifest says of a run in the real world."""
    work = np.concatenate([r["work"] for r in results])
    return {
        "lateness": late,
        "gradient_seconds": float(work.mean()) if len(work) else None,
        "clocks": [r.about["clock"] for r in results],
        "transport": [r.about["transport"] for r in results],
        "processes": [r.about["process"] for r in results],
    }
