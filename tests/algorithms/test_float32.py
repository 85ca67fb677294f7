"""R-FAST in float32: its ledger does not drift. docs/algorithms/r-fast.md tells of a million iterations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.drift import measure
from rfast_bench.conformance.hand.world import World
from rfast_bench.plan import registry
from tests.support.handmade import graph, maker

EPSILON = float(np.finfo(np.float32).eps)
BOUND = 8 * EPSILON
"""Of the drift, in gradients: each worker rounds its z once, whatever it rounded before."""


@pytest.mark.parametrize("graph", ["directed-ring", "exponential"])
def test_the_ledger_does_not_drift_in_float32(graph: str) -> None:
    """5000 iterations of each of 4 workers, 5 % of all messages lost."""
    found = {form: measure(form, graph, 4, "float32", noisy=5000, calm=100) for form in ("plain", "ledger")}
    assert found["ledger"]["drift"] < BOUND < found["plain"]["drift"] / 10


def short(method: str, x0: Any, **given: Any) -> bool:
    make: Any = registry.find(method)
    return bool(make(x0, step_size=0.1, **given).compensated)


@pytest.mark.parametrize("method", ["r-fast", "r-fast-one-peer"])
def test_it_is_the_default_of_numbers_shorter_than_float64(method: str) -> None:
    torch = pytest.importorskip("torch")
    assert short(method, np.zeros(2, np.float32))
    assert short(method, torch.zeros(2, dtype=torch.float32))
    assert short(method, torch.zeros(2, dtype=torch.bfloat16))
    assert not short(method, np.zeros(2))
    assert not short(method, torch.zeros(2, dtype=torch.float64))
    assert not short(method, 0.0)
    assert short(method, np.zeros(2), compensated=True)
    assert not short(method, np.zeros(2, np.float32), compensated=False)


@pytest.mark.parametrize("kind", ["binary-tree", "directed-ring", "exponential", "complete"])
def test_each_worker_s_own_ledger_holds_to_one_rounding_in_float32(kind: str) -> None:
    """After 300 rounds: z + Σ ρ - Σ ρ̃ = g, added up in float64, to the rounding of the largest of these numbers."""
    gradients = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    world = World(
        maker("r-fast", step_size=1e-3),
        graph(kind, 5),
        np.zeros(3, np.float32),
        lambda i, at, k: gradients[i] * (k % 7),
    )
    for _ in range(300):
        world.round()
    for worker in world.workers:
        given = np.sum([worker.z, *worker.rho.values()], axis=0, dtype=float)
        taken = np.sum([worker.g, *worker.rho_used.values()], axis=0, dtype=float)
        sums = max(
            [float(np.abs(v).max()) for v in (worker.g, *worker.rho.values(), *worker.rho_used.values())]
        )
        assert worker.z.dtype == np.float32
        assert np.abs(given - taken).max() < 2 * EPSILON * max(1.0, sums)
