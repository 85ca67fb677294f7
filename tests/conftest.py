"""Records that several test files look at.

What makes them is imported when it is used: the tests of the rooms must run even where nothing can be imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.on_the_clock import on_the_clock

if TYPE_CHECKING:
    from rfast_bench.records.reading import Run


settings.register_profile("a busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("a busy machine")
"""How fast examples are made is the machine's affair."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that start processes one after another, all others beside them."""
    from tests.support.scheduling import OneAtATime

    return OneAtATime(config, log)


@pytest.fixture(autouse=True, scope="module")
def _cores(request: pytest.FixtureRequest) -> None:
    """Tests that look at no clock leave the cores to those that do."""
    if os.environ.get("PYTEST_XDIST_WORKER") and not on_the_clock(request.node.nodeid):
        os.nice(5)


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
