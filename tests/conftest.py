"""Records that several test files look at.

What makes them is imported when it is used: the tests of the rooms must run even where nothing can be imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rfast_bench.records.reading import Run

os.environ.setdefault("RFAST_BENCH_DESCRIBED", "yes")
"""Before models of scenarios are imported, so that tests of their JSON Schema find its sentences."""
PROCESSES = (
    (
        "tests/real/test_join",
        "tests/real/test_launcher",
        "tests/house/test_installation",
        "tests/study/test_sweeps",
    ),
    ("tests/real/", "tests/benchmarks/test_netlab"),
)
"""What starts processes and mostly waits for them: as many such tests at once, however many pytest runs."""


@pytest.hookimpl(tryfirst=True)  # xdist looks at the marks in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is one group, and so are all files of a line of `PROCESSES`, which begin first: they take longest."""
    groups = {item.nodeid: _group(item.nodeid) for item in items}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item.nodeid]))
    items.sort(key=lambda item: not groups[item.nodeid].startswith("processes"))


def _group(name: str) -> str:
    found = next((k for k, starts in enumerate(PROCESSES) if name.startswith(starts)), None)
    return name.partition("::")[0] if found is None else f"processes {found}"


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
