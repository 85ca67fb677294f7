"""The benchmark of large models, with a small one; and what it rests on."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks import large_model
from rfast_bench.problems.evaluation import blocks
from rfast_bench.sim.malloc import kept_memory
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import maker, problem_of


def test_its_figures_belong_together() -> None:
    figures = large_model.measure(large_model.make_run(6, 4, 20, features=9))
    assert figures["workers"] == 6
    assert figures["worker_iterations"] >= 4 * 6
    assert 0 < figures["evaluation"] < figures["total"]
    floor = figures["floor_gradients"] + figures["floor_algebra"]
    assert figures["ratio"] == pytest.approx(figures["total"] / floor)
    both = figures["ratio_without_evaluation"] + figures["evaluation"] / floor
    assert figures["ratio"] == pytest.approx(both)
    assert len(list(large_model.lines(figures))) == 2


def test_the_floor_does_the_algebra_of_the_algorithm() -> None:
    """Its ledger holds: Σ z + Σ (ρ − ρ̃) = Σ g, whatever the gradients are."""
    run = large_model.make_run(7, 3, 20, features=9)
    problem, topology = problem_of(run), run.build_topology()
    evaluator = large_model.TimedEvaluator(problem, None)
    simulate(run.scenario, maker(run), topology, problem, evaluator, 0)
    state = large_model.State(evaluator.workers)
    before = [x.copy() for x in state.x]
    large_model.Floor(problem, topology, state, batch=3).measure(rounds=2)
    assert not np.allclose(before, state.x)
    given = sum(state.rho[i] for i in range(7) for _ in topology.out_A(i))
    taken = sum(rho for used in state.used for rho in used.values())
    np.testing.assert_allclose(sum(state.z) + given - taken, sum(state.g), atol=1e-12)


def test_models_are_looked_at_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    models = list(np.arange(35.0).reshape(7, 5))
    monkeypatch.setattr("rfast_bench.problems.evaluation.BLOCK", 2 * models[0].nbytes)
    seen = list(blocks(models))
    assert [len(block) for block in seen] == [2, 2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(seen), models)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a process holds")
def test_memory_that_is_expected_is_not_touched() -> None:
    from rfast_bench.records.peak_memory import peak
    from rfast_bench.study.memory import GIB

    before = peak()
    with kept_memory(GIB):
        array = np.ones(10_000)
    assert array.sum() == 10_000
    assert peak() - before < GIB / 8
