"""Records that several test files look at, and how tests are dealt over two processes.

What makes the records is imported when it is used: the tests of the rooms must run even where nothing can be imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rfast_bench.records.reading import Run


PROCESSES = (
    "tests/real/",
    "tests/house/test_installation",
    "tests/benchmarks/test_netlab",
    "tests/study/test_sweeps",
)
"""What starts several processes and looks at the clock: one after the other, and first, while the other of the two
processes is busy with all else."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """A file's tests stay together, in one group of pytest-xdist; those that start processes are one group."""
    file = item.nodeid.partition("::")[0]
    group = "processes" if file.startswith(PROCESSES) else file.removeprefix("tests/").removesuffix(".py")
    item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest group comes first."""
    items.sort(key=lambda item: not item.nodeid.startswith(PROCESSES))


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
