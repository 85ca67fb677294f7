"""Fashion-MNIST, which is not shipped: tests of it are skipped where it is not."""

from __future__ import annotations

import pytest

from rfast_bench.scenario.problem.data_folders import INSTALL, with_folder


def needs_fashion() -> None:
    """Skip where the data are absent, with the line that installs them."""
    if "path" not in with_folder({"kind": "fashion-mnist"}):
        pytest.skip(f"Fashion-MNIST is not here: {INSTALL}")
