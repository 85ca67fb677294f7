"""Records that several test files look at.

What makes them is imported when it is used: the tests of the rooms must run even where nothing can be imported.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rfast_bench.records.reading import Run

os.environ.setdefault("RFAST_BENCH_DESCRIBED", "yes")
"""Before models of scenarios are imported, so that tests of their JSON Schema find its sentences."""
PROCESSES = (
    "tests/real/",
    "tests/house/test_installation",
    "tests/benchmarks/test_netlab",
    "tests/study/test_sweeps",
)
ALONE = ("tests/real/test_real_faults", "tests/real/test_networks")
"""Of those that start processes and look at the clock, those that need both cores."""


@pytest.fixture(autouse=True)
def _cores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests of `ALONE` run while no other of `PROCESSES` does, in whichever of pytest's processes."""
    name = request.node.nodeid
    if not name.startswith(PROCESSES):
        yield
        return
    with (tmp_path_factory.getbasetemp().parent / "cores.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if name.startswith(ALONE) else fcntl.LOCK_SH)
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Five algorithms that end in every way there is."""
    from rfast_bench.records.reading import find_runs
    from tests.support.synthetic_records import straggler_scenario

    return find_runs([straggler_scenario(tmp_path_factory.mktemp("scene"))])


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A sweep over loss and workers."""
    from rfast_bench.records.reading import find_runs
    from tests.support.synthetic_records import sweep_scenario

    return find_runs([sweep_scenario(tmp_path_factory.mktemp("lossy"))])
