"""Graphs, weights, and the condition that G(W) and G(A) have a root in common.

Takes: the `topology` section of a scenario, or files.
Gives: a `Topology`: weights by worker, roots, Perron vectors.
May import: scenario, processes, and the contract (`api`, `errors`, `files`).

`checks/` explains one to the user; `designs/` makes a pair for a measured network; `check` and `design` are for Python.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rfast_bench.topology.checks.asked import check as check
    from rfast_bench.topology.designs.asked import design as design


def __getattr__(name: str) -> Any:
    if name not in ("check", "design"):
        raise AttributeError(f"module 'rfast_bench.topology' has no attribute '{name}'")
    return getattr(importlib.import_module(f"rfast_bench.topology.{name}s.asked"), name)
