"""Records that several test files look at.

What makes them is imported when it is used: the tests of the rooms must run even where nothing can be imported.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

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
    "tests/study/test_checkpoint",
    "tests/scenario/test_compute",
)
"""What starts processes, and waits for them more than it computes."""
AT_ONCE = 2
"""So many of them run at a time, in whichever of pytest's processes; the others look at the clock in vain."""
EVERY = 3
"""From the first file on each so-many-th is one of them, while there are any."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that start processes take longest: they are dealt out first, among others that can run beside them."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    starting = [name for name in files if name.startswith(PROCESSES)]
    others = [name for name in files if not name.startswith(PROCESSES)]
    order: list[str] = []
    while starting or others:
        order += [starting.pop(0)] if starting else []
        order += [others.pop(0) for _ in range(EVERY - 1) if others]
    items[:] = [item for name in order for item in files[name]]


@pytest.fixture(autouse=True)
def _cores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One of `AT_ONCE` places for a test of `PROCESSES`."""
    if not request.node.nodeid.startswith(PROCESSES):
        yield
        return
    home = tmp_path_factory.getbasetemp().parent
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context((home / f"cores{k}.lock").open("w")) for k in range(AT_ONCE)]
        while not any(_taken(place) for place in places):
            time.sleep(0.05)
        yield
    time.sleep(0.2)  # whoever waits is to have it first


def _taken(place: IO[str]) -> bool:
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
