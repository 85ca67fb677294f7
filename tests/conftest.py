"""Records that several test files look at."""

from __future__ import annotations

import pytest

from rfast_bench.records.reading import Run, find_runs
from tests.support.synthetic_records import straggler_scenario, sweep_scenario


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Five algorithms that end in every way there is."""
    return find_runs([straggler_scenario(tmp_path_factory.mktemp("scene"))])


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A sweep over loss and workers."""
    return find_runs([sweep_scenario(tmp_path_factory.mktemp("lossy"))])
