"""Records that several test files look at.

What makes them is imported when it is used: the tests of the rooms must run even where nothing can be imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rfast_bench.records.reading import Run


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
