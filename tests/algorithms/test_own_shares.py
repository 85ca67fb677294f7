"""Own shares: w_ii and a_ii as parameters, put into the weights that a run is built on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conformance.hand.world import World
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan, write_resolved
from rfast_bench.records.reading import find_runs
from rfast_bench.topology.membership import Membership
from tests.support.command_line import call, write
from tests.support.handmade import (
    graph,
    make_run,
    maker,
    matrix,
    mean_step,
    noise,
    schedules,
    simulate_run,
    unequal,
)

KINDS = ("binary-tree", "line", "star", "directed-ring", "exponential", "complete")
TWO_THIRDS = {"own_share_w": 2 / 3, "own_share_a": 2 / 3}


# ------------------------------------------------------------------------------------------- the weights
@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 8),
    w=st.none() | st.floats(0.01, 0.99),
    a=st.none() | st.floats(0.01, 0.99),
)
def test_rows_sum_to_1_and_the_others_keep_their_proportions(
    kind: str, n: int, w: float | None, a: float | None
) -> None:
    """w_ii is the share where a worker has an in-neighbour, 1 where it has none; so for columns of A."""
    before = unequal(kind, n)
    after = before.with_own_shares(W=w, A=a)
    for old, new, share in ((before.W, after.W, w), (before.A, after.A, a)):
        for i, (was, row) in enumerate(zip(old, new, strict=True)):
            assert row.keys() == was.keys()
            assert sum(row.values()) == pytest.approx(1, abs=1e-14)
            if share is None:
                assert row == was
            elif len(row) == 1:
                assert row == {i: pytest.approx(1)}
            else:
                assert row[i] == share
                ratios = {j: row[j] / was[j] for j in row if j != i}
                assert max(ratios.values()) == pytest.approx(min(ratios.values()))


def test_each_for_itself_and_none_at_all_is_the_topology_itself() -> None:
    pair = graph("exponential", 8)
    assert pair.with_own_shares() is pair
    assert pair.with_own_shares(W=0.7).A is pair.A
    assert pair.with_own_shares(A=0.7).W is pair.W


@pytest.mark.parametrize("gone", [{3}, {3, 4}])
def test_with_dead_neighbours_the_weights_are_scaled_as_ever(gone: set[int]) -> None:
    """Membership scales what is left to sum to 1, so that the own share grows to s / (1 − the share of the dead)."""
    pair = graph("exponential", 8).with_own_shares(W=2 / 3, A=0.6)
    view = Membership(pair).view(2, frozenset(gone))
    lost_a = sum(pair.A[2].get(j, 0.0) for j in gone)
    assert sum(view.W.values()) == sum(view.A.values()) == pytest.approx(1)
    assert view.A[2] == pytest.approx(0.6 / (1 - lost_a))
    assert view.A[2] > 0.6


# ------------------------------------------------------------------------------------------- by hand
@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 7),
    schedule=schedules(),
    shares=st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)),
    compensated=st.booleans(),
)
def test_the_ledgers_hold_under_any_schedule(
    kind: str, n: int, schedule: list[tuple[str, int]], shares: tuple[float, float], compensated: bool
) -> None:
    pair = unequal(kind, n).with_own_shares(W=shares[0], A=shares[1])
    world = World(maker("r-fast", step_size=0.1, compensated=compensated), pair, np.zeros(2), noise(5))

    def check() -> None:
        assert all(np.abs(w.local_residual).max() < 1e-9 for w in world.workers)
        assert np.abs(type(world.workers[0]).residual(world.workers)).max() < 1e-9

    world.play([("step", i) for i in range(n)] + schedule, check)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shares", [{"W": 2 / 3}, {"A": 2 / 3}, {"W": 0.4, "A": 0.8}])
def test_the_mean_model_moves_by_the_effective_step(kind: str, shares: dict[str, float]) -> None:
    """γ_eff = γ n Σ ψ_i a_ii π_i of the W and A with the shares in; a v is a round old when it is mixed, as ever."""
    pair, small = unequal(kind, 7).with_own_shares(**shares), 1e-4
    world = World(maker("r-fast", step_size=small / pair.step_factor), pair, 1.0, lambda i, at, k: at)
    W = matrix(world, "W")
    psi = np.linalg.matrix_power(W, 2000)[0]
    lateness = 1 + psi @ (1 - np.diag(W))
    assert mean_step(world) == pytest.approx(small / lateness, rel=0.01)


# ------------------------------------------------------------------------------------------- in a run
def first(**parameters: Any) -> Run:
    return make_run({"name": "r-fast", "step_size": 0.1, "topology": "exponential", **parameters}, workers=8)


def test_a_run_is_built_on_them_and_its_effective_step_sees_them() -> None:
    plain, shared = first(), first(**TWO_THIRDS)
    assert all(row[i] == 2 / 3 for i, row in enumerate(shared.build_topology().W))
    assert all(row[i] == 2 / 3 for i, row in enumerate(shared.build_topology().A))
    assert plain.build_topology().step_factor == pytest.approx(1 / 4)
    assert shared.build_topology().step_factor == pytest.approx(2 / 3)
    step = first(**{**TWO_THIRDS, "step_size": {"effective": 0.2}}).algorithm.parameters["step_size"]
    assert step == pytest.approx(0.3)


def test_one_peers_own_share_is_that_of_the_mean_of_its_columns() -> None:
    """Over its turns a worker gives each out-neighbour an equal part of 1 − a_ii: that is the A of the run."""
    run = make_run({"name": "r-fast-one-peer", "step_size": {"effective": 0.2}}, workers=8)
    assert run.algorithm.parameters["step_size"] == pytest.approx(0.4)
    assert run.build_topology().A[0] == {0: 0.5, **dict.fromkeys((1, 2, 4), pytest.approx(1 / 6))}
    assert run.build_topology().W[0] == dict.fromkeys((0, 4, 6, 7), 0.25)


def test_at_their_defaults_nothing_knows_of_them() -> None:
    """As keys that are younger than the records: not named, and no part of a run's hash."""
    plain, said = first(), first(own_share_w=None, own_share_a=None)
    assert (said.hash, said.resolved) == (plain.hash, plain.resolved)
    assert "own_share" not in write_resolved(plain)
    one = first(own_share_a=0.6)
    assert one.hash != plain.hash
    assert "own_share_a: 0.6" in write_resolved(one)
    assert "own_share_w" not in write_resolved(one)


def test_the_hash_sees_the_algorithm_that_one_builds_on(tmp_path: Path) -> None:
    """Beside the file that defines the class: that of what it is derived from."""
    base = "from rfast_bench.algorithms.r_fast import RFast\n\n\nclass Base(RFast):\n    note = {}\n"
    (tmp_path / "derived.py").write_text("from base_of_one import Base\n\n\nclass Own(Base):\n    pass\n")
    hashes = []
    for note in ("1", "22"):
        (tmp_path / "base_of_one.py").write_text(base.format(note))
        path = write(tmp_path, algorithms=[{"name": f"{tmp_path}/derived.py:Own", "step_size": 0.1}])
        hashes.append(plan(load_points(Path(path)))[0].hash)
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize("share", [0, 1, 1.5, "much"])
def test_a_share_lies_between_0_and_1(share: Any) -> None:
    with pytest.raises(UserError, match="own_share_a"):
        first(own_share_a=share)


@pytest.mark.parametrize(("kind", "step", "time"), [("exponential", 0.4, 1500), ("binary-tree", 0.02, 3500)])
def test_it_reaches_the_optimum_with_own_shares_of_two_thirds(kind: str, step: float, time: float) -> None:
    """Full gradients, label-sorted shards, 30 % loss, a worker four times slower."""
    problem = {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"}
    run = make_run(
        {"name": "r-fast", "step_size": step, "topology": kind, **TWO_THIRDS},
        workers=7,
        problem={**problem, "partition": "by-label", "test_fraction": 0},
        stragglers=[{"worker": 5, "slowdown": 4}],
        network={"latency": 0.4, "loss": 0.3},
        stop={"time": time},
        evaluate={"every": 100},
    )
    curves = simulate_run(run, gap=True).curves
    assert abs(curves["gap"].iloc[-1]) < 1e-12
    assert curves["residual"].max() < 1e-9


def test_an_own_share_is_tuned_and_an_effective_step_waits_for_it(tmp_path: Path) -> None:
    """Every share with the step size that has this effective step there."""
    tune = {"objective": {"time_to": {"gap": 0.1}}, "parameters": {"own_share_a": [0.3, 0.6]}, "seeds": 1}
    problem = {"kind": "logistic-regression", "dataset": "wine", "partition": "by-label"}
    algorithm = {"name": "r-fast", "topology": "exponential", "step_size": {"effective": 0.3}}
    settings: dict[str, Any] = {"problem": problem, "tune": tune, "workers": 5, "seeds": 1}
    path = write(tmp_path, algorithms=[algorithm], stop={"time": "20 s"}, **settings)
    result = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "out" / "small" / "tuning" / "tuning.csv")
    assert sorted(table["own_share_a"]) == [0.3, 0.6]
    (run,) = find_runs([tmp_path / "out"])
    chosen = table[table["chosen"]].iloc[0]["own_share_a"]
    assert run.parameters["own_share_a"] == chosen
    assert run.effective_step == pytest.approx(0.3)
    assert run.step_size == pytest.approx(0.3 / chosen)
