"""Which test files start processes and look at the clock."""

from __future__ import annotations

FILES = (
    "tests/real/",
    "tests/house/test_installation.py",
    "tests/benchmarks/test_netlab.py",
    "tests/problems/test_evaluation.py",
    "tests/study/test_sweeps.py",
)


def on_the_clock(nodeid: str) -> bool:
    """Whether a test, or a file of tests, is one of them."""
    return nodeid.startswith(FILES)
