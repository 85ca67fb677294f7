"""Methods of a pivot against their papers: m-sync (arXiv 2602.03802), Fragile and Amelie SGD (arXiv 2405.16218).

m-sync    x^{k+1} = x^k - γ (1/m) Σ of the first m gradients at x^k
Fragile   x^{k+1} = x^k - (γ/s) Σ of s ≥ S gradients at x^k, whoever's they are
Amelie    x^{k+1} = x^k - γ (1/n) Σ_i (mean of worker i's gradients at x^k), once n / Σ_i 1/s_i ≥ S / n
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.cli.commands import main
from rfast_bench.conformance.hand.world import World
from rfast_bench.errors import CannotRun, Unsound, UserError
from rfast_bench.plan.runs import Run, plan
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from tests.support.handmade import BASE, make_run, maker, schedules, simulate_run

TREES = ("binary-tree", "line", "star", "random-trees")
METHODS = ("m-sync", "fragile", "amelie")
CURVED: dict[str, Any] = {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"}
ROUGH: dict[str, Any] = {
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.4},
    "stragglers": [{"worker": 3, "slowdown": 4}],
    "network": {"latency": {"kind": "exponential", "mean": 0.3}, "loss": 0.3, "bandwidth": "20 kB/s"},
}


class Book:
    """A gradient is a vector that says whose it is, its number and where it was taken: sums of them can be read."""

    def __init__(self, n: int, most: int = 400) -> None:
        self.n, self.most = n, most
        self.points: dict[tuple[int, int], Any] = {}

    def __call__(self, i: int, at: Any, k: int) -> Any:
        assert k < self.most
        self.points[i, k] = at
        one = np.zeros(self.n * self.most)
        one[i * self.most + k] = 1.0
        return one

    def counted(self, step: Any) -> dict[tuple[int, int], float]:
        """The weights with which gradients stand in a step of the pivot."""
        return {(int(p) // self.most, int(p) % self.most): float(step[p]) for p in np.flatnonzero(step)}


def trees(kind: str, n: int) -> Any:
    return build(TopologySpec(kind=kind), n, "trees")


def world_of(name: str, kind: str, n: int, gradient: Any, x0: Any, **parameters: Any) -> World:
    topology = build(TopologySpec(), n, "nothing") if name == "m-sync" else trees(kind, n)
    return World(maker(name, step_size=1.0, **parameters), topology, x0, gradient)


def pivot_of(world: World) -> int:
    return next(i for i, node in enumerate(world.nodes) if not node.in_W)


def play_recorded(world: World, schedule: list[tuple[str, int]]) -> list[tuple[Any, Any]]:
    """Every step of the pivot: (x^k, x^k - x^{k+1})."""
    pivot = world.workers[pivot_of(world)]
    steps: list[tuple[Any, Any]] = []
    last = [(pivot.k, pivot.x)]

    def look() -> None:
        if pivot.k != last[0][0]:
            assert pivot.k == last[0][0] + 1
            steps.append((last[0][1], last[0][1] - pivot.x))
            last[0] = pivot.k, pivot.x

    world.play([*schedule, *[("step", i) for i in range(world.n)], *[("deliver", 0)] * 30], look)
    return steps


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(METHODS), kind=st.sampled_from(TREES), n=st.integers(1, 6),
    size=st.integers(1, 6), interrupt=st.booleans(), schedule=schedules(250, drops=False),
)  # fmt: skip
def test_a_step_is_made_of_gradients_at_its_own_point_each_once(
    name: str, kind: str, n: int, size: int, interrupt: bool, schedule: list[tuple[str, int]]
) -> None:
    """The pivot's steps are those of SGD with the gradients that were counted; none twice, none at another point."""
    many = {"m-sync": {"m": min(size, n)}, "fragile": {"S": size}, "amelie": {"S": max(size, n)}}[name]
    book = Book(n)
    world = world_of(name, kind, n, book, np.zeros(n * book.most), interrupt=interrupt, **many)
    seen: set[tuple[int, int]] = set()
    for x, step in play_recorded(world, schedule):
        weights = book.counted(step)
        assert not seen & weights.keys(), "counted twice"
        seen |= weights.keys()
        for one in weights:
            np.testing.assert_array_equal(book.points[one], x)
        _check_weights(name, many, n, weights)


def _check_weights(name: str, many: dict[str, int], n: int, weights: dict[tuple[int, int], float]) -> None:
    if name == "amelie":
        own = [sum(1 for i, _ in weights if i == worker) for worker in range(n)]
        assert all(own)
        assert n / sum(1 / s for s in own) >= many["S"] / n * (1 - 1e-9)
        expected = {(i, k): 1 / (n * own[i]) for i, k in weights}
    else:
        s = len(weights)
        assert s == many["m"] if name == "m-sync" else s >= many["S"]
        expected = dict.fromkeys(weights, 1 / s)
    assert weights == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_steps_are_made(name: str) -> None:
    """What the test above looks at exists: twelve rounds of everybody make several steps."""
    book = Book(5)
    world = world_of(name, "binary-tree", 5, book, np.zeros(5 * book.most))
    schedule = [*[("step", i) for i in range(5)], *[("deliver", 0)] * 40] * 12
    assert len(play_recorded(world, schedule)) >= 6


# ------------------------------------------------------------------------------------ in the simulated world
def final_gap(name: str, step: float, topology: str | None, problem: dict[str, Any], **over: Any) -> float:
    algorithm: dict[str, Any] = {"name": name, "step_size": step, **over.pop("parameters", {})}
    if topology:
        algorithm["topology"] = topology
    conditions = {**ROUGH, "workers": 7, "stop": {"time": 1500}, "evaluate": {"every": 250}, **over}
    played = simulate_run(make_run(algorithm, problem=problem, **conditions), gap=True)
    return float(abs(played.curves.gap.iloc[-1]))


@pytest.mark.parametrize("topology", ["binary-tree", "line", "star"])
def test_amelie_with_full_gradients_reaches_the_optimum_of_unequal_shards(topology: str) -> None:
    """It is gradient descent on f whatever the speeds: label-sorted shards, a straggler, losses."""
    problem = {**CURVED, "partition": "by-label", "test_fraction": 0}
    assert final_gap("amelie", 1.0, topology, problem) < 1e-12


def test_fragile_with_equal_shards_reaches_the_optimum_and_leans_with_unequal_ones() -> None:
    """Equal shards: gradient descent on f. Sorted ones: of the workers that happen to be counted."""
    equal = {"kind": "quadratic", "dim": 4, "heterogeneity": 0}
    assert final_gap("fragile", 0.3, "binary-tree", equal) < 1e-12
    unequal = {**CURVED, "partition": "by-label", "test_fraction": 0}
    assert final_gap("fragile", 0.3, "binary-tree", unequal) > 1e-4


@pytest.mark.parametrize("m", [7, 4])
def test_m_sync_waits_for_m_and_is_biased_when_the_same_are_always_late(m: int) -> None:
    """m = n is gradient descent on f; m < n never hears of what the slow hold."""
    problem = {**CURVED, "partition": "by-label", "test_fraction": 0}
    gap = final_gap("m-sync", 1.0, None, problem, parameters={"m": m})
    assert gap < 1e-12 if m == 7 else gap > 1e-4


def test_m_sync_of_all_is_gradient_descent_through_a_star_with_its_times() -> None:
    """Constant compute time T and latency L: a step each T + 2 L, and the points of gradient descent."""
    over: dict[str, Any] = {"compute": 1, "network": {"latency": 0.25}, "stop": {"time": 30}}
    problem = {"kind": "quadratic", "dim": 3}
    algorithm = {"name": "m-sync", "step_size": 0.2}
    played = simulate_run(make_run(algorithm, problem=problem, evaluate={"every": 30}, **over))
    ring = {"name": "ring-allreduce", "step_size": 0.2}
    descent = simulate_run(make_run(ring, problem=problem, stop={"iterations": 20}, network={"latency": 0}))
    assert played.workers[0].k == 20
    np.testing.assert_allclose(played.workers[0].x, descent.models[-1][0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("interrupt", [True, False])
def test_wasted_time_is_counted(name: str, interrupt: bool) -> None:
    """A newer point ends the gradient of a straggler, if it may; the time is its busy time and wasted."""
    parameters: dict[str, Any] = {"step_size": 0.1, "interrupt": interrupt}
    if name == "m-sync":
        parameters["m"] = 3
    if name == "amelie":
        parameters["S"] = 4
    over: dict[str, Any] = {
        "compute": 1,
        "stragglers": [{"worker": 3, "slowdown": 5}],
        "network": {"latency": 0.1},
    }
    played = simulate_run(
        make_run({"name": name, **parameters}, stop={"time": 60}, evaluate={"every": 20}, **over)
    )
    totals = played.outcome.frames["workers"].set_index("worker")
    assert (totals["wasted"] <= totals["busy"] + 1e-9).all()
    np.testing.assert_allclose(totals["busy"] + totals["waiting"], 60)
    assert (totals["wasted"].sum() > 0) == interrupt
    done = played.curves.gradients.iloc[-1]
    assert done == totals["gradients"].sum()


def test_tables_show_what_was_wasted_where_anything_was(tmp_path: Path) -> None:
    methods = [{"name": "fragile", "step_size": 0.1}, {"name": "ring-allreduce", "step_size": 0.1}]
    stragglers = [{"worker": 3, "slowdown": 5}]
    raw = {
        **BASE,
        "algorithms": methods,
        "stragglers": stragglers,
        "stop": {"time": 30},
        "evaluate": {"every": 10},
    }
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    done = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out"), "--no-plots"])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out" / "handmade" / "table.csv").set_index("label")
    workers = pd.read_csv(tmp_path / "out" / "handmade" / "fragile" / "seed-0" / "workers.csv")
    assert table.loc["fragile", "wasted_percent"] == pytest.approx(100 * workers["wasted"].sum() / 120)
    assert table["wasted_percent"].isna()["ring-allreduce"]
    assert "wasted (%)" in (tmp_path / "out" / "handmade" / "table.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("by", ["common", "time", "own"])
@pytest.mark.parametrize(
    "algorithm", [{"name": "m-sync", "m": 3}, {"name": "fragile", "S": 3}, {"name": "async-sgd"}]
)
def test_a_schedule_reaches_a_pivot_that_never_ends_a_gradient(algorithm: dict[str, Any], by: str) -> None:
    """It steps with the gradients of others: the step is that of where the run is then."""
    over: dict[str, Any] = {"stragglers": [{"worker": 0, "slowdown": 1e6}], "network": {"latency": 0.05}}
    drop = {"common": 5, "time": 20, "own": 1e-9}[by]
    run = make_run(
        {"step_size": 0.1, **algorithm},
        **{**over, "compute": 1, "stop": {"time": 60}, "evaluate": {"every": 60}},
        schedule={"drops": {drop: 0.1}, "by": by},
    )
    played = simulate_run(run)
    assert played.outcome.frames["workers"].set_index("worker").loc[0, "gradients"] == 0
    pivot = played.workers[0]
    assert float(pivot.step_size) == pytest.approx(0.1 if by == "own" else 0.01)


@pytest.mark.parametrize("name", METHODS)
def test_alone_it_is_plain_sgd(name: str) -> None:
    """n = 1: x ← x - γ g(x) with every gradient, no message, nothing given up."""
    world = world_of(name, "binary-tree", 1, lambda i, at, k: 0.25 * (2 * at + k), 1.0)
    x = 1.0
    for k in range(20):
        assert world.points[0][k] == pytest.approx(x, rel=1e-12)
        world.step(0)
        x = x - 0.25 * (2 * x + k)
    assert not any("reliable" in entry for entry in world.log)
    played = simulate_run(make_run({"name": name, "step_size": 0.1}, workers=1, stop={"iterations": 30}))
    assert played.outcome.frames["workers"]["wasted"].sum() == 0
    assert played.outcome.frames["workers"]["gradients"].sum() == 30


# ------------------------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("algorithm", "words"),
    [
        ({"name": "m-sync", "m": 5}, "m is 5, and there are 4 workers"),
        ({"name": "m-sync", "pivot": 4}, "pivot 4 does not exist"),
        ({"name": "amelie", "S": 3}, "S is at least 4"),
        ({"name": "fragile", "topology": "exponential"}, "no pair of spanning trees: in G(W) worker 0 has 2"),
        ({"name": "amelie", "topology": "directed-ring"}, "no worker is without in-neighbours"),
    ],
)
def test_what_it_cannot_run_on_is_skipped_with_the_reason(algorithm: dict[str, Any], words: str) -> None:
    assert words in planned(algorithm)[0].skipped


def planned(algorithm: dict[str, Any]) -> list[Run]:
    return plan([make_run({"step_size": 0.1, **algorithm}).point])


@pytest.mark.parametrize(("key", "value"), [("m", 0), ("S", 0), ("pivot", -1), ("interrupt", "perhaps")])
def test_values_that_no_number_of_workers_allows_are_refused(key: str, value: Any) -> None:
    name = "fragile" if key == "S" else "m-sync"
    with pytest.raises(UserError, match=rf"algorithms\.0\.{key}"):
        make_run({"name": name, "step_size": 0.1, key: value})


def test_trees_need_a_common_root(tmp_path: Any) -> None:
    (tmp_path / "w.txt").write_text("0 1\n1 2\n")
    (tmp_path / "a.txt").write_text("0 1\n1 2\n")
    spec = TopologySpec.model_validate({"w": tmp_path / "w.txt", "a": tmp_path / "a.txt"})
    with pytest.raises(Unsound, match="no common root"):
        build(spec, 3, "trees")
    with pytest.raises(CannotRun, match=r"the root of G\(W\) is 0, that of G\(A\) 2"):
        build(spec, 3, "trees", allow_unsound=True)
    with pytest.raises(CannotRun, match="in G"):
        build(TopologySpec(kind="exponential"), 8, "trees")
