"""Ring-AllReduce whose buckets overlap the backward pass, on real processes: short runs, each bounded in time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
