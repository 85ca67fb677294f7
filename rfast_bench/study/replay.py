"""A simulated run done again from its folder, with a recorder: records are deterministic, so nothing need be kept.

The folder's `scenario.yaml` says everything that decides the run. Its hash must be the recorded one, and what comes
out must be the recorded curves.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from rfast_bench import problems
from rfast_bench.errors import UserError
from rfast_bench.plan import devices, runs
from rfast_bench.problems import Problem, Reference
from rfast_bench.records.reading import Run
from rfast_bench.records.writing import SCENARIO
from rfast_bench.scenario.reading import read_yaml, validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.sim.monitor import Outcome
from rfast_bench.sim.recorder import Recorder
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import evaluator_of, maker, one_torch_thread, problem_of

COUNTED = (
    *("time", "epoch", "gradients", "iterations_min", "iterations_mean", "iterations_max"),
    *("messages_sent", "messages_lost", "messages_superseded", "bytes_sent"),
)
"""Columns of the curves that no rounding touches."""


def planned(run: Run) -> runs.Run:
    """The recorded run as it would be planned today. Raises UserError when it would be another one."""
    path = run.folder / SCENARIO
    raw = read_yaml(path)
    seed = raw.pop("seed", run.seed)
    for name in ("baseline", "system"):  # about other runs, and filled in already
        raw.pop(name, None)
    scenario = runs.with_parameters(validate(Scenario, raw, str(path)), str(path), None)
    found = runs.Run(runs.Point(run.point, scenario, Path(), str(path)), 0, seed)
    devices.check(scenario, found.algorithm_class.collective, str(path))
    if found.hash != run.hash:
        raise UserError(
            f"{run.folder}: the run cannot be done again: its hash is {run.hash or 'missing'}, and with the scenario, "
            f"algorithm and data files as they are now it would be {found.hash}. Run the scenario anew first"
        )
    return found


def replay(run: Run, until: float) -> tuple[Outcome, Recorder]:
    """The first `until` seconds of a recorded simulated run, or all of it, with everything that happened.

    Raises UserError when it is not the recorded run that comes out.
    """
    again, recorded = planned(run), run.curves()
    cut = until < recorded["time"].iloc[-1]
    scenario, recorder = _recording(again.scenario, until if cut else None), Recorder()
    with threadpool_limits(limits=1):
        problem = problem_of(again)
        one_torch_thread()
        outcome = simulate(
            scenario,
            maker(again),
            again.build_topology(),
            problems.placed(problem, scenario.simulation.device),
            evaluator_of(again, problem, _optimum(run, problem)),
            again.seed,
            make_network=recorder.network,
            make_driver=recorder.driver,
            training=again.training,
        )
    if cut:
        recorded = recorded[recorded["time"] < until]
    _compare(run, recorded, outcome.frames["curves"], cut, math.sqrt(np.finfo(problem.dtype).eps))
    return outcome, recorder


def _recording(scenario: Scenario, until: float | None) -> Scenario:
    """The same with all intervals of computing kept; it ends at `until`, if that is given."""
    simulation = scenario.simulation.model_copy(update={"timeline": math.inf})
    stop = scenario.stop if until is None else scenario.stop.model_copy(update={"time": until})
    return scenario.model_copy(update={"simulation": simulation, "stop": stop})


def _optimum(run: Run, problem: Problem) -> Reference | None:
    """As recorded: of an optimum an evaluation uses its loss alone."""
    if run.reference is None:
        return None
    return Reference(np.full(problem.dim, math.nan), run.reference, math.nan)


def _compare(run: Run, recorded: pd.DataFrame, found: pd.DataFrame, cut: bool, rounding: float) -> None:
    """Raises UserError unless the counts are equal and the losses equal to rounding (relative).

    Another processor, or another version of NumPy, may round losses differently. Of a run that was `cut` the rows
    after the recorded ones do not count.
    """
    found = found[: len(recorded)] if cut else found
    where = "" if len(found) == len(recorded) else "number of evaluations"
    if not where:
        differing = [name for name in COUNTED if not np.array_equal(recorded[name], found[name])]
        losses = recorded["loss"].to_numpy(float), found["loss"].to_numpy(float)
        if not np.allclose(*losses, rtol=rounding, atol=0.0, equal_nan=True):
            differing.append("loss")
        where = ", ".join(differing)
    if where:
        raise UserError(
            f"{run.folder}: done again, the run is not the recorded one: its curves differ in {where}. It was recorded "
            "with another version of the suite or of NumPy; run the scenario anew first (--fresh)"
        )
