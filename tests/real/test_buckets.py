"""Ring-AllReduce whose buckets overlap the backward pass, on real processes: short runs, each bounded in time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from rfast_bench import problems
from rfast_bench.api import MeanGradient
from rfast_bench.real.transport.group import Group
from rfast_bench.real.worker.compute import Emulated, Measured
from rfast_bench.real.worker.overlap import in_backward
from rfast_bench.scenario.sections.slowdown import Slowdown
from tests.real.test_runs import play, runs_of

pytestmark = [pytest.mark.timeout(60)]


@pytest.mark.parametrize("size", ["25 MB", "25 megabytes"])
def test_a_size_of_buckets_is_read_before_the_clock_runs(size: str, tmp_path: Path) -> None:
    """Read within the first gradient it made that late by most of a second, and the run void."""
    algorithm = {"name": "ring-allreduce", "step_size": 0.5, "buckets": size}
    changes = {"workers": 2, "network": {"message_bytes": "100 MB"}, "compute": "50 ms"}
    run = runs_of(tmp_path, **changes, algorithms=[algorithm], stop={"iterations": 10})["ring-allreduce"]
    outcome, _ = play(run)
    assert outcome.stopped_by == "iterations"
    assert outcome.notes["real"]["lateness"]["share"] < 0.5, "it was above 1"


def test_a_plain_size_is_read_without_what_knows_all_units() -> None:
    """It takes most of a second to load, which every worker's process would do beside the others."""
    read = "from rfast_bench.conditions.buckets import count; assert count('25 MB', 1e8, 1000) == 4"
    subprocess.run(
        [sys.executable, "-c", f"{read}; import sys; assert 'pint' not in sys.modules"], check=True
    )


MEASURED: dict[str, Any] = {
    "workers": 3,
    "problem": {"kind": "torch", "model": "lenet", "dataset": "digits", "batch_size": 16, "l2": 0.01},
    "real": {"compute": "measured", "startup_timeout": "60 s", "process_group_timeout": "20 s"},
    "network": {"latency": "1 ms"},
    "stop": {"iterations": 4},
    "evaluate": {"every": "1 iterations"},
}
RING = {"name": "ring-allreduce", "step_size": 0.1}


def test_sums_begun_in_the_backward_pass_give_the_iterates_of_the_plain_ring(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, **MEASURED, algorithms=[RING, {**RING, "label": "overlap", "buckets": 4}])
    (plain, models), (overlapped, others) = (play(run) for run in runs.values())
    assert plain.stopped_by == overlapped.stopped_by == "iterations"
    assert len(models.models) == len(others.models) == 5
    assert np.abs(np.array(models.models) - models.models[0]).max() > 1e-3
    np.testing.assert_allclose(np.array(others.models), np.array(models.models), rtol=0, atol=1e-6)


def test_a_torch_module_whose_times_are_measured_is_summed_in_its_backward_pass(tmp_path: Path) -> None:
    """The pieces in the order in which they come, each at its own time, and sums of whole parameters."""
    run = runs_of(tmp_path, **MEASURED, algorithms=[{**RING, "buckets": 4}])["ring-allreduce"]
    problem = problems.build(run.scenario.problem, 3, run.seed)
    group, clock = Alone(), time.monotonic
    compute = Measured(Slowdown([]), clock, lambda seconds: False)
    overlap = in_backward(problem, 1, cast(Group, group), compute, clock, 1.0)
    assert overlap is not None
    batch = next(problem.sampler(1, np.random.default_rng(0)))
    compute.begin(clock())
    found = overlap(MeanGradient(problem.start, 4, 1 / 3), problem.start, batch, clock)
    assert found.size == 4 * problem.dim == 4 * sum(found.weights)
    assert 1 < len(found.weights) <= 4
    assert group.begun == list(found.weights)
    assert list(found.ready) == sorted(found.ready)
    assert len(set(found.ready)) == len(found.ready) == len(found.weights)
    np.testing.assert_allclose(
        found.mean, problem.gradients([1], problem.start[None], [batch])[0], rtol=0, atol=1e-6
    )


def test_emulated_times_and_gradients_that_come_at_once_stay_as_they_are(tmp_path: Path) -> None:
    group, clock = cast(Group, Alone()), time.monotonic
    for kind, compute in (
        ({"kind": "quadratic", "dim": 4}, Measured(Slowdown([]), clock, lambda seconds: False)),
        (MEASURED["problem"], Emulated(Slowdown([]), clock, lambda seconds: False, iter([]))),
    ):
        run = runs_of(tmp_path, **{**MEASURED, "problem": kind}, algorithms=[RING])["ring-allreduce"]
        problem = problems.build(run.scenario.problem, 3, run.seed)
        assert in_backward(problem, 1, group, compute, clock, 1.0) is None


class Alone:
    """A group of one."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def begin(self, piece: Any) -> None:
        self.begun.append(len(piece))

    def finish(self, vector: Any) -> Any:
        return vector


def test_a_straggler_is_slow_all_along_a_measured_gradient() -> None:
    """Four times slower: what takes 1 s and then 2 s is there after 4 s and after 12 s."""
    now = [10.0]

    def sleep(seconds: float) -> bool:
        now[0] += seconds
        return False

    compute = Measured(Slowdown([(4.0, None)]), lambda: now[0], sleep)
    compute.begin(10.0)
    for worked, there in ((1.0, 14.0), (2.0, 22.0)):
        now[0] += worked
        compute.keep_pace()
        assert now[0] == there
    compute.finish()
    assert (now[0], list(compute.work)) == (22.0, [3.0])
